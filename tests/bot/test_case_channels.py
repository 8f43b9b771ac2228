"""What happens to a case's channel, as people meet it: a real workspace, a real Bolt connection, a real database."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from bot.domain.case import Case, CaseState, Suspension
from bot.slack.case_card import SET_UP_ACTION
from bot.slack.case_card_texts import card_texts
from bot.slack.case_form import CASE_VIEW
from bot.slack.case_setup import CODE, FORMAT, LANGUAGE
from bot.slack.channel_list import bots_channels
from bot.slack.texts import texts
from bot.slack.views import EDIT_ACTION
from bot.workflow.channel_watch import watch_channels
from bot.workflow.ports import Sign
from deploy.sandbox.faults import Faults
from deploy.sandbox.model import BOT_USER_ID
from deploy.sandbox.seed import Seed
from deploy.sandbox.seen import Posted
from inference.note import Language
from tests.bot.test_conversation import FIRST, MORE
from tests.deploy.sandbox_app import web_client
from tests.support.fakes import ScriptedModel
from tests.support.working_bot import WorkingBot, patient_workspace, working_bot

CASE, GUESTS = "case-001", "with-guest"
PATIENCE_S = 120.0
WORDS = card_texts(Language.ENGLISH)


@pytest.fixture
async def bot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[WorkingBot]:
    """A bot at work that was invited nowhere yet but to the admins' channel, with patience for a busy machine."""
    monkeypatch.setattr("bot.workflow.dispatch.SWEEP_S", 0.1)
    async with patient_workspace(tmp_path, monkeypatch, Seed(cases=2)) as (sandbox, database):
        admins = str((await sandbox.client.channel("phyassist-admin"))["id"])
        async with working_bot(sandbox, database, ScriptedModel([FIRST, MORE]), admin_channel=admins) as bot:
            yield bot


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Waits until something holds."""
    async with asyncio.timeout(PATIENCE_S):
        while not await holds():
            await asyncio.sleep(0.05)


async def case_in(bot: WorkingBot, channel: str = CASE) -> Case | None:
    """The case of a channel."""
    channel_id = str((await bot.sandbox.client.channel(channel))["id"])
    async with bot.database.begin() as uow:
        return await uow.case_of(bot.sandbox.team_id, channel_id)


async def only_case(bot: WorkingBot) -> Case:
    """The only case that there is, wherever its channel is."""
    async with bot.database.begin() as uow:
        (case,) = await uow.cases()
    return case


async def invited(bot: WorkingBot, channel: str = CASE, by: str = "anna") -> Posted:
    """The card, after the bot was invited."""
    await bot.sandbox.client.invite(channel, by=by)
    return await bot.sandbox.client.wait_for(channel, lambda message: SET_UP_ACTION in message.action_ids, timeout=PATIENCE_S)


async def said(bot: WorkingBot, sign: Sign, channel: str = CASE, times: int = 1) -> None:
    """Waits until everybody in a channel was told something, and then until nothing waits; it was not said more often."""
    case = await only_case(bot)
    sentence = card_texts(case.language).signs[sign].format(code=case.code, who="<@U0ANNA>")

    async def count() -> int:
        return [message.text for message in await bot.sandbox.client.messages(channel)].count(sentence)

    async def enough() -> bool:
        return await count() >= times

    await until(enough)
    await settled(bot)
    assert await count() == times


async def settled(bot: WorkingBot) -> None:
    """Waits until nothing is on its way to the bot, and nothing waits there."""

    async def nothing() -> bool:
        return bot.sandbox.desk.delivery.in_flight == 0 and not await bot.database.waiting()

    await until(nothing)


async def becomes(bot: WorkingBot, why: Suspension | None) -> None:
    """Waits until the case is suspended for that, or not any more."""

    async def so() -> bool:
        return (await only_case(bot)).suspended_for is why

    await until(so)
    await settled(bot)
    assert (await only_case(bot)).state is (CaseState.SUSPENDED if why else CaseState.OPEN)


async def refused(bot: WorkingBot, text: str, sign: Sign) -> None:
    """A post is answered with a sentence for its author alone; no word of it is kept, and the model isn't asked."""
    before = len(await bot.sandbox.client.ephemerals("anna"))
    await bot.sandbox.client.say("anna", CASE, text)

    async def told() -> bool:
        return len(await bot.sandbox.client.ephemerals("anna")) > before

    await until(told)
    await settled(bot)
    case = await only_case(bot)
    words = texts(case.language).signs | card_texts(case.language).signs
    assert (await bot.sandbox.client.ephemerals("anna"))[-1].text == words[sign].format(code=case.code)
    async with bot.database.begin() as uow:
        assert await uow.notes(case.id) == []
    assert bot.model.prompts == []


async def answered(bot: WorkingBot, text: str = "The client sleeps badly.", channel: str = CASE) -> Posted:
    """The complete note to a description."""
    post = await bot.sandbox.client.say("anna", channel, text)
    return await bot.sandbox.client.wait_for(
        channel, lambda message: EDIT_ACTION in message.action_ids, thread_ts=post.ts, timeout=PATIENCE_S
    )


async def watched(bot: WorkingBot) -> int:
    """What the clock does every few minutes; how many channels were to be looked at."""
    return await watch_channels(bot.database, partial(bots_channels, web_client(bot.sandbox)), lambda: datetime.now(UTC))


# invited


async def test_an_invitation_opens_a_case_with_a_card(bot: WorkingBot) -> None:
    """The channel has a case with a proposed code, and one card, however often Slack tells of the invitation."""
    await bot.sandbox.client.set_faults(Faults(deliver_times=2, extra_event_ids=1))
    card = await invited(bot)
    case = await only_case(bot)
    assert f"This channel is now case {case.code}." in card.plain
    assert case.code.startswith("C-")
    assert case.opened_by == "U0ANNA"
    assert case.note_format == "itemized"
    for words in (WORDS.does, WORDS.stores, WORDS.sees):
        assert words in card.plain
    await settled(bot)
    cards = [message for message in await bot.sandbox.client.messages(CASE) if SET_UP_ACTION in message.action_ids]
    assert len(cards) == 1
    await answered(bot)
    assert (await only_case(bot)).id == case.id


async def test_a_channel_that_had_the_bot_already_gets_its_card_with_the_first_description(bot: WorkingBot) -> None:
    """As where the bot was invited before it ran: the case is opened by what is described, in its language, and the card comes once."""
    channel = bot.sandbox.workspace.channel(CASE)
    channel.members.append(BOT_USER_ID)
    await answered(bot, "来访者六周以来睡不好。")
    await answered(bot, "来访者昨晚睡得好一些。")
    await settled(bot)
    cards = [message for message in await bot.sandbox.client.messages(CASE) if SET_UP_ACTION in message.action_ids]
    assert len(cards) == 1
    assert card_texts(Language.CHINESE).stores in cards[0].plain
    assert (await only_case(bot)).welcomed


async def test_the_card_speaks_the_inviters_language(bot: WorkingBot) -> None:
    """Li uses Slack in Chinese."""
    card = await invited(bot, by="li")
    assert card_texts(Language.CHINESE).stores in card.plain
    assert (await only_case(bot)).language is Language.CHINESE


async def test_the_first_description_decides_on_the_language_unless_somebody_did(bot: WorkingBot) -> None:
    """Anna invites in English and writes in Chinese; what is chosen in the form stays."""
    await invited(bot)
    await answered(bot, "来访者六周以来睡不好。")
    assert (await only_case(bot)).language is Language.CHINESE
    case = await only_case(bot)
    await bot.sandbox.client.command("anna", CASE, "/phyassist case")
    view = await bot.sandbox.client.wait_for_view("anna", CASE_VIEW, timeout=PATIENCE_S)
    assert (await bot.sandbox.client.submit_view("anna", view["id"], {LANGUAGE: "en"})).ok
    await settled(bot)
    await answered(bot, "来访者昨晚睡得好一些。")
    assert (await only_case(bot)).language is Language.ENGLISH
    assert (await only_case(bot)).code == case.code


async def test_the_cards_button_opens_the_form(bot: WorkingBot) -> None:
    """Code, language and format are changed in one form, and whoever did it is told what holds now."""
    card = await invited(bot)
    await bot.sandbox.client.click("li", CASE, card.ts, SET_UP_ACTION)
    view = await bot.sandbox.client.wait_for_view("li", CASE_VIEW, timeout=PATIENCE_S)
    assert (await bot.sandbox.client.submit_view("li", view["id"], {CODE: "team-7", LANGUAGE: "zh", FORMAT: "soap"})).ok
    told = await bot.sandbox.client.wait_for_ephemeral("li", "TEAM-7", timeout=PATIENCE_S)
    assert "个案 TEAM-7 · 中文 · 最终记录：SOAP 记录 · 进行中" in told.text
    case = await only_case(bot)
    assert (case.code, case.language, case.note_format) == ("TEAM-7", Language.CHINESE, "soap")
    assert (await bot.sandbox.client.message(CASE, card.ts)).plain == card.plain


async def test_a_code_is_no_name_and_no_other_cases_code(bot: WorkingBot) -> None:
    """The form says what to change."""
    await invited(bot)
    await invited(bot, "case-002")
    other = await case_in(bot, "case-002")
    assert other
    await bot.sandbox.client.command("anna", CASE, "/phyassist case")
    view = await bot.sandbox.client.wait_for_view("anna", CASE_VIEW, timeout=PATIENCE_S)
    for code in ("Anna", "Anna-7", other.code, "1987-03-12"):
        result = await bot.sandbox.client.submit_view("anna", view["id"], {CODE: code, "names:0": "Anna Berg (Annie)"})
        assert list(result.errors) == [CODE], code


async def test_an_unfit_channel_has_no_case_until_it_is_fit(bot: WorkingBot) -> None:
    """A guest is in it: the inviter is told so; the guest leaves: the case is opened, with its card."""
    await bot.sandbox.client.invite(GUESTS)
    await bot.sandbox.client.wait_for_ephemeral("anna", texts(Language.ENGLISH).signs[Sign.GUEST_MEMBER], timeout=PATIENCE_S)
    await settled(bot)
    assert await case_in(bot, GUESTS) is None
    await bot.sandbox.client.kick(GUESTS, "gus")
    await bot.sandbox.client.wait_for(GUESTS, lambda message: SET_UP_ACTION in message.action_ids, timeout=PATIENCE_S)
    assert await case_in(bot, GUESTS)


async def test_other_channels_of_the_bot_get_no_case(bot: WorkingBot) -> None:
    """The admins' channel is none, whoever comes and goes and whatever is said there; a public one neither."""
    client = bot.sandbox.client
    await client.kick("phyassist-admin")
    await client.invite("phyassist-admin", by="ada")
    await client.kick("phyassist-admin", "sol", by="ada")
    await client.say("ada", "phyassist-admin", "The server sleeps badly.")
    await client.kick("general")
    await client.invite("general")
    await client.wait_for_ephemeral("anna", texts(Language.ENGLISH).signs[Sign.NOT_PRIVATE], timeout=PATIENCE_S)
    await settled(bot)
    async with bot.database.begin() as uow:
        assert await uow.cases() == []


# suspended and resumed


async def test_a_shared_channel_suspends_its_case(bot: WorkingBot) -> None:
    """Said once; posts are refused and nothing of them is kept; unshared, it goes on by itself and says so once."""
    await invited(bot)
    await bot.sandbox.client.change_channel(CASE, is_ext_shared=True)
    await said(bot, Sign.SUSPENDED_SHARED)
    assert (await only_case(bot)).suspended_for is Suspension.SHARED
    await refused(bot, "The client sleeps badly.", Sign.SHARED)
    await bot.sandbox.client.change_channel(CASE, is_ext_shared=False)
    await said(bot, Sign.RESUMED)
    await answered(bot)


async def test_a_guest_suspends_the_case_until_they_leave(bot: WorkingBot) -> None:
    """A colleague who comes and goes changes nothing, a guest does."""
    await invited(bot)
    await bot.sandbox.client.invite(CASE, "ada")
    await bot.sandbox.client.kick(CASE, "ada")
    await settled(bot)
    await bot.sandbox.client.invite(CASE, "gus")
    await said(bot, Sign.SUSPENDED_GUEST)
    await refused(bot, "The client sleeps badly.", Sign.GUEST_MEMBER)
    await bot.sandbox.client.kick(CASE, "gus")
    await said(bot, Sign.RESUMED)
    await answered(bot)


async def test_a_member_who_becomes_a_guest_is_noticed_with_the_next_post(bot: WorkingBot) -> None:
    """Slack names no channel then. The post is refused, the case suspended; the clock finds out that the reason is gone."""
    await invited(bot)
    await bot.sandbox.client.set_user("li", is_restricted=True)
    await settled(bot)
    await refused(bot, "The client sleeps badly.", Sign.GUEST_MEMBER)
    await said(bot, Sign.SUSPENDED_GUEST)
    await bot.sandbox.client.set_user("li", is_restricted=False)
    await settled(bot)
    assert await watched(bot) == 1
    await said(bot, Sign.RESUMED)


async def test_an_archived_channel_rests(bot: WorkingBot) -> None:
    """Nothing can be said there; back from the archive, the case goes on. A form that was still open changes nothing meanwhile."""
    await invited(bot)
    await bot.sandbox.client.command("anna", CASE, "/phyassist case")
    view = await bot.sandbox.client.wait_for_view("anna", CASE_VIEW, timeout=PATIENCE_S)
    await bot.sandbox.client.change_channel(CASE, is_archived=True)
    await becomes(bot, Suspension.ARCHIVED)
    assert (await bot.sandbox.client.submit_view("anna", view["id"], {CODE: "TEAM-7"})).ok
    await settled(bot)
    assert (await only_case(bot)).code != "TEAM-7"
    await bot.sandbox.client.change_channel(CASE, is_archived=False)
    await said(bot, Sign.RESUMED)
    await answered(bot)


async def test_a_removed_bot_goes_on_when_it_is_invited_again(bot: WorkingBot) -> None:
    """The case is the same, and so is the card: it is not posted again."""
    await invited(bot)
    case = await only_case(bot)
    await bot.sandbox.client.kick(CASE)
    await becomes(bot, Suspension.REMOVED)
    await bot.sandbox.client.invite(CASE, by="li")
    await said(bot, Sign.RESUMED)
    assert (await only_case(bot)).id == case.id
    assert sum(SET_UP_ACTION in message.action_ids for message in await bot.sandbox.client.messages(CASE)) == 1


async def test_a_channel_made_public_is_found_by_the_clock(bot: WorkingBot) -> None:
    """Slack has no event for it. The opener and the admins are told, the channel is not; private again, the case goes on."""
    client = bot.sandbox.client
    await invited(bot)
    assert await watched(bot) == 0
    before = await client.messages(CASE)
    await client.change_channel(CASE, is_private=False)
    assert await watched(bot) == 1
    await becomes(bot, Suspension.PUBLIC)
    sentence = WORDS.signs[Sign.SUSPENDED_PUBLIC].format(code=(await only_case(bot)).code)
    for channel in ("im-U0ANNA", "phyassist-admin"):
        assert [message.text for message in await client.messages(channel)].count(sentence) == 1
    assert await client.messages(CASE) == before
    assert await watched(bot) == 0
    await client.change_channel(CASE, is_private=True)
    assert await watched(bot) == 1
    await said(bot, Sign.RESUMED)


async def test_a_deleted_channels_case_stays_for_retention(bot: WorkingBot) -> None:
    """It is suspended, and known to be deleted, also after the clock has looked."""
    await invited(bot)
    await bot.sandbox.client.delete_channel(CASE)
    await becomes(bot, Suspension.DELETED)
    assert await watched(bot) == 0
    assert (await only_case(bot)).suspended_at


# moved and renamed


async def test_a_channel_with_another_id_keeps_its_case(bot: WorkingBot) -> None:
    """Case, notes and threads go along."""
    await invited(bot)
    note = await answered(bot)
    before = await only_case(bot)
    new_id = await bot.sandbox.client.move_channel(CASE)

    async def moved() -> bool:
        return (await only_case(bot)).channel_id == new_id

    await until(moved)
    await settled(bot)
    await bot.sandbox.client.say("anna", CASE, "She also drinks coffee.", thread_ts=note.thread_ts)
    again = await bot.sandbox.client.wait_for(
        CASE, lambda message: message.ts > note.ts and EDIT_ACTION in message.action_ids, thread_ts=note.thread_ts, timeout=PATIENCE_S
    )
    assert MORE[0].text in again.plain
    assert (await only_case(bot)).id == before.id


async def test_a_channel_name_with_a_name_of_the_case_is_pointed_out(bot: WorkingBot) -> None:
    """Another name is nobody's business; no name of a channel is kept."""
    await invited(bot)
    await bot.sandbox.client.command("anna", CASE, "/phyassist case")
    view = await bot.sandbox.client.wait_for_view("anna", CASE_VIEW, timeout=PATIENCE_S)
    assert (await bot.sandbox.client.submit_view("anna", view["id"], {"names:0": "Mira Holm (Miri)"})).ok
    await settled(bot)
    before = len(await bot.sandbox.client.messages(CASE))
    await bot.sandbox.client.change_channel(CASE, name="case-blue")
    await settled(bot)
    assert len(await bot.sandbox.client.messages("case-blue")) == before
    await bot.sandbox.client.change_channel("case-blue", name="case-miri")
    await said(bot, Sign.NAME_IN_CHANNEL_NAME, "case-miri")
