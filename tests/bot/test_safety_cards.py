"""Safety cards: raised before the note, about what is current, once; seen by anybody; and never in anybody's way."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bot.domain.audit import BOT, AuditAction, AuditRecord
from bot.domain.safety_card import CrisisContact, FoundIn, SafetyCard, Seen, contacts_for, new_dangers
from bot.settings import ContactSettings, SafetySettings
from bot.slack.safety_texts import safety_texts
from bot.slack.safety_views import MOST_NAMED, SEEN_ACTION
from bot.slack.views import ACCEPT_ACTION, APPROVE_ACTION, EDIT_ACTION, pages
from bot.store.database import Database
from bot.store.engine import make_engine
from bot.store.vault import new_key
from bot.workflow.conversation import CARD_TRIES
from bot.workflow.incoming import CardSeen, HandedBack, Stage, Summarize
from bot.workflow.ports import NoteView, SafetyCardView, Sign
from deploy.sandbox.seed import Seed
from deploy.sandbox.server import running_sandbox
from deploy.sandbox.validate.message import checked_blocks
from inference.note import Kind, Language, NoteItem
from inference.screening import Danger, Hit
from tests.bot.test_conversation import FIRST, MORE, Desk, a_desk
from tests.support.builders import NOW, a_card, a_post
from tests.support.databases import make_schema
from tests.support.fakes import ScriptedModel
from tests.support.working_bot import WorkingBot, working_bot

CASE = "case-001"
PATIENCE_S = 120.0
WANTS_TO_DIE = "She wants to die and has put tablets aside."
SLEEPS_BADLY = "The client sleeps badly."
SPEAKS_OF_IT = [NoteItem(Kind.ANALYSIS, "He wants to kill himself."), NoteItem(Kind.QUESTION, "Does he think of hurting others?")]
CONTACTS = {
    Language.ENGLISH: (CrisisContact("Crisis line <of the city>", "reached at 000 000", "day and night"),),
    Language.CHINESE: (CrisisContact("本市心理援助", "总机转心理科"),),
}


@pytest.fixture
async def desk(store_url: str) -> AsyncIterator[Desk]:
    """A conversation on a real database, whose model answers as often as it is asked."""
    async with a_desk(store_url, FIRST, MORE, MORE, MORE) as desk:
        yield desk


def cards_shown(desk: Desk) -> list[SafetyCard]:
    """The cards that people see, in the order in which they came."""
    return [content.card for content in desk.channel.shown.values() if isinstance(content, SafetyCardView)]


async def cards_kept(desk: Desk, only_open: bool = False) -> Sequence[SafetyCard]:
    """The cards of the case of the channel C1."""
    async with desk.database.begin() as uow:
        case = await uow.case_of("T1", "C1")
        assert case
        return await (uow.open_safety_cards(case.id) if only_open else uow.case_safety_cards(case.id))


async def audited(desk: Desk) -> list[AuditRecord]:
    """What the audit says about cards."""
    about = {AuditAction.RISK_FOUND, AuditAction.ACKNOWLEDGED}
    return [row for row in await desk.database.audit(0, 1000) if row.action in about]


def a_click(card: SafetyCard, user: str = "U0ANNA", channel: str = "C1") -> CardSeen:
    """A click on "I have seen this"."""
    return CardSeen(team_id="T1", channel_id=channel, user_id=user, at="1700009999.000100", card_id=card.id)


# raised


async def test_a_current_danger_puts_a_card_before_the_note(desk: Desk) -> None:
    """The card is the first thing in the thread, the note is written as always, and the audit has who reported it, in one word."""
    await desk.do(a_post(f"{WANTS_TO_DIE} Cut herself as a teenager. Denies harm to others."))
    card, note = desk.channel.shown.values()
    assert isinstance(card, SafetyCardView)
    assert isinstance(note, NoteView)
    assert [item.text for item in note.note.items] == [item.text for item in FIRST]
    kept = await cards_kept(desk, only_open=True)
    assert [card.card] == list(kept)
    assert (card.card.dangers, card.card.past, card.card.found_in) == ((Danger.SUICIDE,), (Danger.SELF_HARM,), FoundIn.REPORT)
    (entry,) = await audited(desk)
    assert (entry.user_id, entry.action, entry.subject, entry.detail) == ("U0ANNA", AuditAction.RISK_FOUND, card.card.id, "suicide")


@pytest.mark.parametrize(
    "text",
    [
        SLEEPS_BADLY,
        "Attempted suicide in 2009.",
        "Denies suicidal thoughts and self-harm.",
        "Her brother killed himself.",
        "否认自杀意念。",
    ],
)
async def test_without_a_current_danger_there_is_no_card(desk: Desk, text: str) -> None:
    """What is past, denied or somebody else's raises nothing."""
    await desk.do(a_post(text))
    assert cards_shown(desk) == []
    assert await audited(desk) == []


async def test_a_thread_has_a_card_for_each_danger_once(desk: Desk) -> None:
    """A second report of the same danger raises nothing more; a new danger raises a card about that one; another description its own."""
    first = a_post(WANTS_TO_DIE)
    await desk.do(first)
    await desk.do(a_post("He still wants to die.", thread_ts=first.ts))
    assert [card.dangers for card in cards_shown(desk)] == [(Danger.SUICIDE,)]
    await desk.do(a_post("He wants to die, and cut his arm last night.", thread_ts=first.ts))
    assert [card.dangers for card in cards_shown(desk)] == [(Danger.SUICIDE,), (Danger.SELF_HARM,)]
    await desk.do(a_post(WANTS_TO_DIE))
    assert [card.dangers for card in cards_shown(desk)] == [(Danger.SUICIDE,), (Danger.SELF_HARM,), (Danger.SUICIDE,)]


async def test_what_the_prompt_points_out_is_no_report(desk: Desk) -> None:
    """The line that the prompt adds to any mention of danger is not taken for the counselor's words."""
    await desk.do(a_post("No suicidal thoughts, no violence at home."))
    assert "(Suicide is mentioned" in desk.model.prompts[0][-1]["content"]
    assert cards_shown(desk) == []


async def test_an_edited_note_is_screened_for_the_counselors_own_lines(desk: Desk) -> None:
    """A danger that a counselor writes into the note is a report, a question that they add is none."""
    await desk.do(a_post(SLEEPS_BADLY))
    note = desk.newest.note
    own = (NoteItem(Kind.ANALYSIS, "She cuts herself every evening."), NoteItem(Kind.QUESTION, "Does she want to die?"))
    items = (*(NoteItem(item.kind, item.text) for item in note.items), *own)
    who = {"team_id": "T1", "channel_id": "C1", "user_id": "U0LI", "at": "1700000100.1"}
    await desk.do(HandedBack(**who, note_id=note.id, base_revision_id=None, items=items, source="V1"))
    assert [(card.dangers, card.found_in) for card in cards_shown(desk)] == [((Danger.SELF_HARM,), FoundIn.REPORT)]


async def test_a_danger_that_only_the_model_speaks_of_raises_a_card(desk: Desk) -> None:
    """It says that no report mentions it, and is the bot's own finding; what the report mentions in any way is no news."""
    desk.model.answers = [SPEAKS_OF_IT, SPEAKS_OF_IT]
    await desk.do(a_post(SLEEPS_BADLY))
    (card,) = cards_shown(desk)
    assert (card.dangers, card.found_in) == ((Danger.SUICIDE,), FoundIn.NOTE)
    assert [row.user_id for row in await audited(desk)] == [BOT]
    await desk.do(a_post("Denies suicidal thoughts.", channel="C2"))
    assert cards_shown(desk) == [card]


async def test_a_final_note_brings_no_card_that_its_session_had(desk: Desk) -> None:
    """What a card of the case is about already is no news in a summary; anything else is."""
    desk.model.answers = [FIRST, SPEAKS_OF_IT, [NoteItem(Kind.ANALYSIS, "She cuts herself every evening.")]]
    await desk.do(a_post(WANTS_TO_DIE))
    for number in range(2):
        await desk.do(Summarize(team_id="T1", channel_id="C1", user_id="U0ANNA", at=f"170000010{number}.1", trigger=f"t{number}"))
    assert {card.dangers for card in cards_shown(desk)} == {(Danger.SUICIDE,)}


async def test_a_bot_that_was_killed_shows_the_same_card_again(desk: Desk) -> None:
    """The row comes before the message: begun again, the act finds its own card and raises no other."""
    await desk.database.receive(a_post(WANTS_TO_DIE))
    for _ in range(2):  # accepted, then killed in the middle of the answer
        work = await desk.database.next_work("C1")
        assert work
        if work.stage is Stage.PENDING:
            await desk.conversation.handle(work)
        else:
            desk.model.answers.insert(0, RuntimeError("killed"))
            with pytest.raises(RuntimeError):
                await desk.conversation.handle(work)
    (before,) = cards_shown(desk)
    work = await desk.database.next_work("C1")
    assert work
    await desk.conversation.handle(await desk.conversation.handle(work))
    assert cards_shown(desk) == [before]
    assert len(await audited(desk)) == 1


async def test_a_card_that_fails_each_time_keeps_no_note_back(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is tried again a few times; then the note is written without it, and the log says so, without a word of the case."""

    def broken(text: str, today: date) -> frozenset[Hit]:
        raise RuntimeError("broken")

    monkeypatch.setattr("bot.workflow.safety_cards.screen", broken)
    await desk.database.receive(a_post(WANTS_TO_DIE))
    failures = 0
    while work := await desk.database.next_work("C1"):
        try:
            await desk.conversation.handle(work)
        except RuntimeError:
            failures += 1
            await desk.database.failed(work, give_up=False)
    assert failures == CARD_TRIES
    assert desk.texts() == [item.text for item in FIRST]
    assert "the safety card is left out" in caplog.text
    assert WANTS_TO_DIE not in caplog.text


# seen


async def test_several_people_say_that_they_have_seen_it(desk: Desk) -> None:
    """Each with their own time, shown and audited, each once; the case has no open card from the first one on."""
    await desk.do(a_post(WANTS_TO_DIE))
    (card,) = cards_shown(desk)
    for minutes, user in enumerate(("U0ANNA", "U0LI", "U0ANNA")):
        desk.now = NOW + timedelta(minutes=minutes)
        await desk.do(a_click(card, user))
    assert await cards_kept(desk, only_open=True) == []
    (shown,) = cards_shown(desk)
    assert shown.seen == (Seen("U0ANNA", NOW), Seen("U0LI", NOW + timedelta(minutes=1)))
    assert [(row.user_id, row.action) for row in await audited(desk)][1:] == [
        ("U0ANNA", AuditAction.ACKNOWLEDGED),
        ("U0LI", AuditAction.ACKNOWLEDGED),
    ]


async def test_a_card_is_seen_in_its_own_case_by_those_who_may(desk: Desk) -> None:
    """A click from another channel, and one that the guard refuses, change nothing and are told so."""
    await desk.do(a_post(WANTS_TO_DIE))
    await desk.do(a_post(SLEEPS_BADLY, channel="C2"))
    (card,) = cards_shown(desk)
    await desk.do(a_click(card, channel="C2"))
    desk.guard.sign = Sign.NOT_MEMBER
    await desk.do(a_click(card, "U0SOL"))
    assert desk.channel.notices == [Sign.GONE, Sign.NOT_MEMBER]
    assert [each.id for each in await cards_kept(desk, only_open=True)] == [card.id]


@given(st.lists(st.tuples(st.sampled_from(("U1", "U2", "U3")), st.integers(0, 100)), max_size=8))
def test_who_has_seen_it_did_so_the_first_time(clicks: list[tuple[str, int]]) -> None:
    """However often people press, each is named once, with their first time, in order; the card is open until the first one."""
    card = a_card()
    for user, minutes in clicks:
        card = card.seen_by(user, NOW + timedelta(minutes=minutes))
    first: dict[str, int] = {}
    for user, minutes in clicks:
        first.setdefault(user, minutes)
    assert card.seen == tuple(Seen(user, NOW + timedelta(minutes=minutes)) for user, minutes in first.items())
    assert card.is_open == (not clicks)


some_dangers = st.lists(st.sampled_from(Danger), unique=True)


@given(some_dangers, st.lists(some_dangers, max_size=3))
def test_a_danger_is_new_once(found: list[Danger], earlier: list[list[Danger]]) -> None:
    """What a card of the note is about is not new, everything else that was found is."""
    cards = [a_card(dangers=tuple(dangers)) for dangers in earlier]
    new = new_dangers(found, cards)
    assert set(new) == set(found) - {danger for dangers in earlier for danger in dangers}
    assert new_dangers(new, [*cards, a_card(dangers=new)]) == ()


# how it looks


def rendered(view: SafetyCardView) -> str:
    """All of a card's words, checked by Slack's rules."""
    (page,) = pages(view)
    checked_blocks(list(page.blocks))
    assert not any(word in page.text for word in safety_texts(view.language).dangers.values())
    return json.dumps(page.blocks, ensure_ascii=False)


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("found_in", FoundIn)
def test_every_card_names_dangers_steps_and_contacts(language: Language, found_in: FoundIn) -> None:
    """In both languages, with everything that can be on it, and nothing comes to life."""
    words = safety_texts(language)
    seen = tuple(Seen(f"U{number}", NOW) for number in range(MOST_NAMED + 2))
    card = a_card(dangers=tuple(Danger), past=(Danger.SELF_HARM,), found_in=found_in, seen=seen)
    text = rendered(SafetyCardView(card, contacts_for(CONTACTS, language), language))
    for expected in (*words.dangers.values(), *words.steps, *words.more_steps.values(), words.seen, words.and_more.format(number=2)):
        assert expected in text
    assert "<of" not in text
    assert CONTACTS[language][0].reach in text
    assert words.no_contacts not in text


def test_a_card_without_contacts_says_so() -> None:
    """No number is made up, and steps for other dangers stay away."""
    words = safety_texts(Language.ENGLISH)
    text = rendered(SafetyCardView(a_card(), (), Language.ENGLISH))
    assert words.no_contacts in text
    assert words.nobody in text
    assert not any(step in text for step in words.more_steps.values())


def test_the_longest_list_of_contacts_fits() -> None:
    """As many as the settings take, each as long as they take, of signs that Slack wants escaped."""
    longest = ContactSettings(name="&" * 60, reach="<" * 80, hours=">" * 40)
    settings = SafetySettings(contacts_en=(longest,) * 8)
    view = SafetyCardView(a_card(dangers=tuple(Danger)), settings.by_language()[Language.ENGLISH], Language.ENGLISH)
    assert rendered(view).count("&amp;" * 60) == 8
    with pytest.raises(ValidationError):
        SafetySettings(contacts_en=(longest,) * 9)


def test_contacts_in_another_language_are_better_than_none() -> None:
    """A language's own come first, those of the other stand in."""
    english, chinese = CONTACTS[Language.ENGLISH], CONTACTS[Language.CHINESE]
    assert contacts_for(CONTACTS, Language.CHINESE) == chinese
    assert contacts_for({Language.ENGLISH: english, Language.CHINESE: ()}, Language.CHINESE) == english
    assert contacts_for({}, Language.ENGLISH) == ()


# in Slack


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[WorkingBot]:
    """A bot at work in two cases, with crisis contacts, and patience for a busy machine."""
    url = f"sqlite+aiosqlite:///{tmp_path / 'phyassist.db'}"
    await make_schema(url)
    database = Database(make_engine(url), new_key())
    await database.prepare()
    async with running_sandbox(seed=Seed(cases=2, bot_in_cases=True)) as sandbox:
        sandbox.desk.people.delivery.timing = type(sandbox.desk.people.delivery.timing)(ack_s=60.0)
        async with working_bot(sandbox, database, ScriptedModel([FIRST, FIRST]), contacts=CONTACTS) as bot:
            yield bot
    await database.close()


async def test_a_card_is_posted_first_and_says_who_has_seen_it(bot: WorkingBot) -> None:
    """In a real workspace: card, then note with its buttons; two colleagues press, and the same message names both. In Chinese, too."""
    client = bot.sandbox.client
    post = await client.say("anna", CASE, WANTS_TO_DIE)
    note = await client.wait_for(CASE, lambda message: EDIT_ACTION in message.action_ids, thread_ts=post.ts, timeout=PATIENCE_S)
    card = await client.wait_for(CASE, lambda message: SEEN_ACTION in message.action_ids, thread_ts=post.ts, timeout=PATIENCE_S)
    assert float(post.ts) < float(card.ts) < float(note.ts)
    assert "This report speaks of a current danger: *suicidal intent*." in card.plain
    assert "Crisis line <of the city>: reached at 000 000 (day and night)" in card.plain
    assert "Not seen by anybody yet" in card.plain
    for user in ("anna", "li"):
        await client.click(user, CASE, card.ts, SEEN_ACTION)
    await client.wait_for(
        CASE, lambda message: message.ts == card.ts and message.plain.count("@") == 2, thread_ts=post.ts, timeout=PATIENCE_S
    )
    assert ACCEPT_ACTION in note.action_ids
    assert APPROVE_ACTION not in note.action_ids
    post = await client.say("li", "case-002", "她说不想活了，昨晚割了手臂。")
    card = await client.wait_for("case-002", lambda message: SEEN_ACTION in message.action_ids, thread_ts=post.ts, timeout=PATIENCE_S)
    assert "这份描述中提到当前的危险： *自杀意图、自伤* 。" in card.plain
    assert "本市心理援助：总机转心理科" in card.plain
    await _settled(bot)


async def _settled(bot: WorkingBot) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while await bot.database.waiting():
            await asyncio.sleep(0.05)
