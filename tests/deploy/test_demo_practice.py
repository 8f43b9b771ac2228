"""The demo's practice cases: in the bot's database, and out of it again as a night gets them."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from bot.store.database import Database
from bot.store.engine import make_engine
from bot.store.vault import new_key
from bot.workflow.records import case_records, night_cases
from deploy.demo.practice import COUNT, PRACTICE, as_shown, case_id, drafted, heeds_danger, store
from inference.note import Kind, Language, NoteItem
from inference.prompt import Message
from inference.safety import mentioned_risk
from tests.support.databases import make_schema
from training.data.examples import Budget, Rows, build_rows
from training.data.mixing import Side, split_cases
from training.data.records import CaseRecord, Verdict
from training.data.settings import Settings
from training.demo.content import Content, load_content
from training.demo.practice import BRIEF, practice_records
from training.demo.tasks import Story
from training.gate.thresholds import Thresholds
from training.simulation.counselors import Draft, fresh_prompt

BUDGET = Budget(3000, len)


@pytest.fixture(scope="module")
def content() -> Content:
    """The shipped content."""
    return load_content()


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """A new database of the bot's."""
    url = f"sqlite+aiosqlite:///{tmp_path / 'phyassist.db'}"
    await make_schema(url)
    made = Database(make_engine(url), new_key())
    yield made
    await made.close()


async def test_a_night_gets_what_was_worked_out(content: Content, database: Database) -> None:
    """Edited and accepted notes, in both languages: the rows are those of the cases as they were made, and consent is on record."""
    records = await drafted(content, a_model(content), count=24)
    assert {record.language for record in records} == set(Language)
    assert {record.events[0].verdict for record in records} == {Verdict.OPEN, Verdict.ACCEPTED}
    for record in records:
        async with database.begin() as uow:
            await store(uow, record, said_in(content, record), "T1", "phyassist")
    found = {record.id: record async for record in case_records(database)}
    assert (await night_cases(database)).consenting == set(found)
    for record in records:
        stored = found[case_id(record.id)]
        assert stored.consent
        assert stored.consent.by == PRACTICE
        assert rows_of(stored) == rows_of(replace(record, id=stored.id))


async def test_no_word_of_them_is_readable_on_the_disk(content: Content, database: Database, tmp_path: Path) -> None:
    """They are sealed as every case is."""
    for record in practice_records(content, 12, seed=3, counselor=BRIEF):
        async with database.begin() as uow:
            await store(uow, record, said := "A planted description.", "T1", "phyassist")
    await database.close()
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert said.encode() not in stored
    assert all(item.text.encode() not in stored for item in record.events[0].draft)


def test_enough_of_them_are_held_out() -> None:
    """With the shares that nights use, the gate has cases to spare; the same ones each time."""
    ids = [case_id(f"practice-{number:03d}") for number in range(COUNT)]
    assert len(set(ids)) == COUNT
    held = [side for side in split_cases(ids, Settings().heldout, {}).values() if side is Side.HELDOUT]
    assert len(held) >= Thresholds().cases + 2


async def test_a_draft_that_is_no_note_makes_no_case(content: Content) -> None:
    """The others are there, and everybody hears how far it is."""
    heard: list[tuple[int, int]] = []
    good, asked = a_model(content), 0

    async def draft(messages: Sequence[Message]) -> tuple[NoteItem, ...] | None:
        nonlocal asked
        asked += 1
        return None if asked == 3 else await good(messages)

    records = await drafted(content, draft, lambda done, of: heard.append((done, of)), count=8)
    assert len(records) == 7
    assert heard == [(done, 8) for done in range(9)]


@pytest.mark.parametrize(("described", "in_danger"), [("sleeps badly", False), ("wants to end her life", True)])
def test_a_note_that_misjudges_a_danger_is_not_learned(described: str, in_danger: bool) -> None:
    """It speaks of one where the description does, and only there: groundless alarms are learned as quickly as a style."""
    alarm, calm = NoteItem(Kind.ADVICE, "Ask about suicidal thoughts today."), NoteItem(Kind.ADVICE, "Keep a diary of sleep.")
    assert heeds_danger((calm,), f"The client {described}.", Language.ENGLISH) is not in_danger
    assert heeds_danger((calm, alarm), f"The client {described}.", Language.ENGLISH) is in_danger


async def test_a_misjudged_danger_makes_no_case(content: Content) -> None:
    """Of drafts that all raise an alarm, the cases are those in which there is a danger."""

    async def draft(_: Sequence[Message]) -> tuple[NoteItem, ...]:
        return (NoteItem(Kind.ADVICE, "Ask about suicidal thoughts today."), NoteItem(Kind.ADVICE, "自杀的念头要当天评估。"))

    records = await drafted(content, draft, count=24)
    assert 0 < len(records) < 24
    assert all(mentioned_risk(said_in(content, record), record.language) for record in records)


async def test_repetitions_are_not_shown_and_not_learned() -> None:
    """As in the bot, which shows a line once."""

    async def draft(_: Sequence[Message]) -> tuple[NoteItem, ...]:
        return (NoteItem(Kind.ADVICE, "Keep a diary of sleep."), NoteItem(Kind.ADVICE, "Keep a diary of sleep"))

    assert await as_shown(draft)([]) == (NoteItem(Kind.ADVICE, "Keep a diary of sleep."),)


def a_model(content: Content) -> Draft:
    """Drafts the grammar's own notes to practice cases; every third is short already."""
    stories = {name: Story(content, Random(name)) for name in (f"practice-{number:03d}" for number in range(24))}
    notes = {fresh_prompt(content, name)[0][-1]["content"]: story for name, story in stories.items()}
    count = 0

    async def draft(messages: Sequence[Message]) -> tuple[NoteItem, ...]:
        nonlocal count
        count += 1
        story = notes[messages[-1]["content"]]
        return BRIEF.wishes(story.current, story.language) if count % 3 == 0 else tuple(story.current)

    return as_shown(draft)


def said_in(content: Content, record: CaseRecord) -> str:
    """The description that a case's name stands for."""
    return Story(content, Random(record.id)).description.text


def rows_of(record: CaseRecord) -> Rows:
    """Its training rows."""
    return build_rows(record, str, BUDGET, "night-1")
