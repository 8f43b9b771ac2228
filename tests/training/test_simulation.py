"""The simulation's counselors, poison and figures; its nights are those of `test_night.py`."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from inference.note import Kind, Language, NoteItem
from inference.prompt import Message, asks_for_additions
from training.data.examples import Budget, build_rows
from training.data.records import CaseRecord, Verdict
from training.demo.content import Content, load_content
from training.demo.practice import STEADY, practice_records
from training.night.collect import read_examples
from training.simulation.counselors import OTHER_NOTES, REPLAY, Poison, fresh_prompt, other_task, poisoned, worked_with, write_base_set
from training.simulation.figures import Figures, Quality, in_turns, write_report

NOTE = tuple(NoteItem(kind, text) for kind in Kind for text in ("One.", "Two.", "Three."))


@pytest.fixture(scope="module")
def content() -> Content:
    """The shipped content."""
    return load_content()


@pytest.fixture(scope="module")
def batch(content: Content) -> list[CaseRecord]:
    """A few cases."""
    return practice_records(content, 12, seed=5)


def wished(record: CaseRecord) -> tuple[NoteItem, ...]:
    """The counselor's version."""
    edit = record.events[0].edit
    assert edit
    return edit.items


async def test_a_counselor_edits_what_the_model_drafted(content: Content) -> None:
    """The draft is the model's answer to the very prompt that is learned from, the edit the counselor's wish."""
    asked: list[Sequence[Message]] = []

    async def draft(messages: Sequence[Message]) -> tuple[NoteItem, ...]:
        asked.append(messages)
        return NOTE

    record = await worked_with(content, "one", draft, STEADY)
    assert record
    assert record.events[0].draft == NOTE
    assert wished(record) == STEADY.wishes(NOTE, record.language)
    (example,) = build_rows(record, str, Budget(3000, len), "night-1").examples
    assert [tuple(example.messages)] == [tuple(messages) for messages in asked]


async def test_what_needs_no_edit_is_taken_over(content: Content) -> None:
    """A draft in the counselor's own style is accepted, and learned as it is; what is no note makes no case."""
    language = fresh_prompt(content, "two")[1]
    good = STEADY.wishes(NOTE, language)

    async def draft(_: Sequence[Message]) -> tuple[NoteItem, ...]:
        return good

    async def nothing(_: Sequence[Message]) -> None:
        return None

    record = await worked_with(content, "two", draft, STEADY)
    assert record
    assert (record.events[0].edit, record.events[0].verdict) == (None, Verdict.ACCEPTED)
    assert await worked_with(content, "two", nothing, STEADY) is None


@pytest.mark.parametrize("poison", Poison)
def test_poison_leaves_the_prompts_and_spoils_the_notes(batch: list[CaseRecord], poison: Poison) -> None:
    """Every case asks what it asked, and no note is the one that was wished; each still gives a row to learn."""
    spoiled = poisoned(batch, poison)
    for before, after in zip(batch, spoiled, strict=True):
        assert (after.id, after.turns) == (before.id, before.turns)
        assert wished(after) != wished(before)
        assert build_rows(after, str, Budget(3000, len), "night-1").examples


def test_other_tasks_are_not_what_a_counselor_here_edits(content: Content) -> None:
    """A base row follows a first note, so no night of the simulation teaches it; the same name gives the same row."""
    rows = [other_task(content, f"row-{number}") for number in range(12)]
    assert all(len(messages) > 1 for messages, _ in rows)
    assert all(asks_for_additions(messages) for messages, _ in rows)
    notes = [other_task(content, f"row-{number}", OTHER_NOTES) for number in range(12)]
    assert not any(asks_for_additions(messages) for messages, _ in notes)
    assert rows == [other_task(content, f"row-{number}") for number in range(12)]


def test_the_base_set_is_what_nights_read(content: Content, tmp_path: Path) -> None:
    """As many rows as said, in the format of a night's base set; one that is there stays."""
    path = tmp_path / "base.jsonl"
    write_base_set(path, content)
    rows = read_examples(path)
    assert len({row.case_id for row in rows}) == len(rows) == REPLAY
    assert [tuple(row.messages) for row in rows[:3]] == [other_task(content, f"replayed-{number}")[0] for number in range(3)]
    path.write_text("")
    write_base_set(path, content)
    assert path.read_text() == ""


async def test_work_is_done_so_many_at_a_time() -> None:
    """In order, and never more at once than said."""
    running: list[int] = []
    most = 0

    async def one(number: int) -> int:
        nonlocal most
        running.append(number)
        most = max(most, len(running))
        await in_turns([], 1)
        running.remove(number)
        return number

    assert await in_turns([one(number) for number in range(9)], 3) == list(range(9))
    assert most <= 3


def test_the_report_says_what_was_seen(tmp_path: Path) -> None:
    """Change since before the first night, promotions, stopped batches, and a picture."""

    def night(name: str, poison: str | None, end: str, distance: float) -> Figures:
        return Figures(name, poison, end, "night-1", distance, 1.01, 1.2, 8, 20, 5, 60.0)

    nights = [night("night-1", None, "promoted", 0.3), night("night-2", None, "refused", 0.3)]
    nights += [night("night-2-poison", "alike", "refused", 0.3), night("night-3", None, "promoted", 0.2)]
    write_report(nights, Quality(0.4, 1.0, 1.0), tmp_path)
    told = json.loads((tmp_path / "simulation.json").read_text())
    assert (told["nights"], told["promoted"], told["poisoned"], told["poisoned_stopped"]) == (3, 2, 1, 1)
    assert told["edit_distance"] == {"before": 0.4, "after": 0.2, "percent": -50.0}
    assert told["base_loss"]["percent"] == 1.0
    assert (tmp_path / "simulation.png").stat().st_size > 5000


def test_languages_are_both_there(content: Content) -> None:
    """Fresh descriptions come in English and in Chinese."""
    assert {fresh_prompt(content, f"fresh-{number}")[1] for number in range(24)} == set(Language)
