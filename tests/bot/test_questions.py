"""Questions to ask: open from the answer that asks them until somebody ticks them off, once however often they are asked."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.case import Case, CaseState
from bot.domain.note import Note, Purpose, same_text
from bot.domain.questions import Outcome, Question, Ticked, Wording, known_as
from bot.slack.questions_views import CHOICE_ACTION, MOST_BLOCKS, REOPEN, questions_modal, read_questions
from bot.store.database import Database
from deploy.sandbox.validate import checked_view
from deploy.sandbox.validate.check import Surface
from inference.note import Kind, Language
from tests.bot.test_store import PLANTED, a_database, dump, encodings
from tests.support.builders import NOW, a_revision, an_item

TICKED = Ticked(Outcome.ANSWERED, "U0LI", NOW)


@pytest.fixture
async def database(store_url: str) -> AsyncIterator[Database]:
    """A new database."""
    async with a_database(store_url) as database:
        yield database


async def a_case(database: Database, channel: str = "C1") -> Case:
    """A case without notes."""
    async with database.begin() as uow:
        return await uow.open_case("T1", channel, Language.ENGLISH, NOW)


async def asked(database: Database, case: Case, note_id: str, *texts: str, minute: int = 0, purpose: Purpose = Purpose.ANSWER) -> None:
    """One more revision of a note, which asks these questions beside an analysis."""
    items = [an_item("Sleep is short."), *(an_item(text, Kind.QUESTION) for text in texts)]
    async with database.begin() as uow:
        note = await uow.note(note_id)
        if note is None:
            note = Note(note_id, case.id, purpose, None)
            await uow.add_note(note)
        revision = a_revision(*items, number=len(note.revisions) + 1)
        await uow.add_revision(note, replace(revision, created_at=NOW + timedelta(minutes=minute)))


async def open_now(database: Database, case: Case) -> Sequence[Question]:
    """The open questions; counted over all cases they are as many."""
    async with database.begin() as uow:
        found = await uow.open_questions(case.id)
        (overview,) = await uow.overviews("T1", [case.channel_id])
    assert overview.questions == len(found)
    return found


async def texts_now(database: Database, case: Case) -> list[str]:
    """Their texts."""
    return [question.text for question in await open_now(database, case)]


async def tick(database: Database, case: Case, text: str, ticked: Ticked | None = TICKED) -> None:
    """Ticks off the question with this text."""
    async with database.begin() as uow:
        known = [*await uow.open_questions(case.id), *await uow.ticked_questions(case.id, 99)]
        await uow.tick_question(case.id, next(each.name for each in known if each.text == text), ticked)


async def test_questions_follow_the_newest_revision_of_each_answer(database: Database) -> None:
    """Those asked last come first; what a revision leaves out is gone, and back when it is asked again; summaries ask nothing."""
    case, other = await a_case(database), await a_case(database, "C2")
    await asked(database, case, "one", "Since when?", "How often?")
    await asked(database, case, "two", "With whom?", minute=1)
    await asked(database, other, "three", "Why now?")
    await asked(database, case, "summary", "What else?", purpose=Purpose.SUMMARY, minute=2)
    assert await texts_now(database, case) == ["With whom?", "Since when?", "How often?"]
    await asked(database, case, "one", "How often?", minute=3)
    assert await texts_now(database, case) == ["How often?", "With whom?"]
    await asked(database, case, "one", "Since when?", minute=4)
    assert await texts_now(database, case) == ["Since when?", "With whom?"]
    assert await texts_now(database, other) == ["Why now?"]


async def test_a_question_that_is_asked_again_is_one_question(database: Database) -> None:
    """In other case or nearly the same words, in one note or in several; a negation or a number makes it another one."""
    case = await a_case(database)
    await asked(database, case, "one", "Since when does the client sleep badly?", "since when does the client  sleep badly?")
    await asked(database, case, "two", "Since when does the client sleep so badly?", "Does she have a plan?", minute=1)
    await asked(database, case, "three", "Does she not have a plan?", "Since when? The client slept well in 2024.", minute=2)
    await asked(database, case, "four", "Since when? The client slept well in 2025.", minute=3)
    assert await texts_now(database, case) == [
        "Since when? The client slept well in 2025.",
        "Does she not have a plan?",
        "Since when? The client slept well in 2024.",
        "Since when does the client sleep so badly?",
        "Does she have a plan?",
    ]


async def test_what_is_ticked_off_stays_so(database: Database) -> None:
    """Also when it is asked again in nearly the same words after it had gone; opened again, it is back; the newest decision counts."""
    case = await a_case(database)
    await asked(database, case, "one", "Since when does the client sleep badly?", "How often?")
    await tick(database, case, "Since when does the client sleep badly?")
    await asked(database, case, "one", "How often?", minute=1)
    await asked(database, case, "two", "Since when does the client sleep so badly?", minute=2)
    assert await texts_now(database, case) == ["How often?"]
    again = Ticked(Outcome.DISMISSED, "U0ANNA", NOW + timedelta(hours=1))
    await tick(database, case, "How often?", again)
    assert await texts_now(database, case) == []
    async with database.begin() as uow:
        ticked = await uow.ticked_questions(case.id, 99)
        assert [(each.text, each.ticked) for each in ticked] == [
            ("How often?", again),
            ("Since when does the client sleep so badly?", TICKED),
        ]
        assert [each.text for each in await uow.ticked_questions(case.id, 1)] == ["How often?"]
    await tick(database, case, "How often?", None)
    assert await texts_now(database, case) == ["How often?"]
    async with database.begin() as uow:
        await uow.tick_question(case.id, "no such name", TICKED)
        assert len(await uow.ticked_questions(case.id, 99)) == 1


async def test_another_cases_decision_changes_nothing_here(database: Database) -> None:
    """The same question in two cases is two, and their names have nothing in common."""
    here, there = await a_case(database), await a_case(database, "C2")
    for number, case in enumerate((here, there)):
        await asked(database, case, f"note-{number}", "Since when?")
    await tick(database, there, "Since when?")
    async with database.begin() as uow:
        (question,) = await uow.open_questions(here.id)
        (ticked,) = await uow.ticked_questions(there.id, 9)
    assert question.name != ticked.name


async def test_no_question_stands_in_plain_text(store_url: str) -> None:
    """Neither in what tracks it nor in what a log would show of it."""
    async with a_database(store_url) as database:
        case = await a_case(database)
        await asked(database, case, "one", *PLANTED)
        await tick(database, case, PLANTED[0])
        content = await dump(store_url)
        assert not [sentence for sentence in PLANTED for way in encodings(sentence) if way in content]
        assert PLANTED[0] not in repr(await open_now(database, case))


# the modal


def a_question(text: str = "Since when?", number: int = 0, ticked: Ticked | None = None) -> Question:
    """A question."""
    return Question(f"name{number}", text, NOW + timedelta(days=number), ticked)


A_CASE = Case("case", "T1", "C1", "C-1", Language.ENGLISH, CaseState.OPEN, NOW)


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("text", ["睡" * 3000, "Since when? " * 300, "<&>" * 1000])
def test_the_modal_fits_into_slack(language: Language, text: str) -> None:
    """Hundreds of long questions, each asked on another day, with those that were ticked off: 100 blocks, 3,000 characters, 250 kB."""
    case = replace(A_CASE, language=language)
    many, ticked = [a_question(text, number) for number in range(500)], [a_question(text, 900 + n, TICKED) for n in range(8)]
    view = checked_view(questions_modal(case, many, ticked), Surface.MODAL)
    assert len(view["blocks"]) >= MOST_BLOCKS
    empty = checked_view(questions_modal(case, [], []), Surface.MODAL)
    assert "submit" not in empty


def test_older_questions_wait_and_are_counted() -> None:
    """What doesn't fit is said in a number; with the same day above many there is room for more."""
    view = questions_modal(A_CASE, [a_question(number=0)] * 100, [])
    selects = [block for block in view["blocks"] if "accessory" in block]
    assert len(selects) > MOST_BLOCKS - 5
    assert f"{100 - len(selects)} older questions" in str(view["blocks"][-1])


def test_what_was_changed_is_read() -> None:
    """Ticked off, opened again, said otherwise; what was left alone is not there."""
    option = {"value": Outcome.ANSWERED.value}
    values = {
        f"{REOPEN}:a": {CHOICE_ACTION: {"selected_option": option}},
        f"{REOPEN}:b": {CHOICE_ACTION: {"selected_option": None}},
        "answered:c": {CHOICE_ACTION: {"selected_option": option}},
        "dismissed:d": {CHOICE_ACTION: {"selected_option": option}},
        "answered:e": {CHOICE_ACTION: {"selected_option": {"value": REOPEN}}},
    }
    assert read_questions(values) == {"a": Outcome.ANSWERED, "d": Outcome.ANSWERED, "e": None}


@given(
    st.lists(st.sampled_from(["since", "when", "does", "she", "sleep", "not", "no", "so", "badly", "12", "睡", "不"]), max_size=9),
    st.data(),
)
def test_the_quick_look_overlooks_nothing(words: list[str], data: st.DataObject) -> None:
    """Two texts that are the same by the slow comparison are the same, unless they name other numbers; and the other way round."""
    other = data.draw(st.permutations(words).flatmap(lambda mixed: st.sampled_from([mixed, words, [*words, "so"], words[1:]])))
    one, two = " ".join(words), " ".join(other)
    same = same_text(one, two) and words.count("12") == other.count("12")
    assert Wording.of(one).says_the_same(Wording.of(two)) == same
    assert known_as(Wording.of(one), {"name": Wording.of(two)}) == ("name" if same else None)
