"""Practice cases are what training takes, and their counselor is steady."""

from random import Random

import pytest

from inference.note import Kind, Language
from training.data.examples import Budget, build_rows
from training.demo.content import Content, load_content
from training.demo.practice import BRIEF, STEADY, practice_record, practice_records


@pytest.fixture(scope="module")
def content() -> Content:
    """The shipped content."""
    return load_content()


def test_a_counselor_wants_nothing_more_of_their_own_note(content: Content) -> None:
    """Wishes that were followed lead to no further wish, in either language."""
    for record in practice_records(content, 40, seed=1):
        (event,) = record.events
        assert event.edit
        assert STEADY.wishes(event.edit.items, record.language) == event.edit.items
        assert event.edit.items[-1].text == STEADY.closing[record.language]


def test_a_draft_that_needs_no_edit_has_none(content: Content) -> None:
    """Where the model wrote what was wished, nothing is edited."""
    rng = Random(3)
    asked = practice_record(content, rng, "practice-a", STEADY)
    wished = STEADY.wishes(asked.events[0].draft, asked.language)
    assert practice_record(content, Random(3), "practice-a", STEADY, lambda *_: wished).events[0].edit is None


def test_each_case_gives_an_example_and_a_pair(content: Content) -> None:
    """The description is the prompt; the wished note is learned, and won against the draft."""
    records = practice_records(content, 30, seed=2)
    assert {record.language for record in records} == set(Language)
    for record in records:
        rows = build_rows(record, str, Budget(3000, len), "night-0")
        assert len(rows.examples) == len(rows.preferences) == 1
        assert record.turns[0].text in rows.examples[0].messages[0]["content"]
        offers = [item for item in record.events[0].edit.items if item.kind is Kind.ADVICE] if record.events[0].edit else []
        assert all(item.text.startswith(STEADY.offer[record.language]) for item in offers)


def test_a_seed_gives_the_same_cases(content: Content) -> None:
    """The simulation can be repeated."""
    assert practice_records(content, 5, seed=4) == practice_records(content, 5, seed=4)
    assert practice_records(content, 5, seed=4) != practice_records(content, 5, seed=5)


def test_a_brief_counselor_takes_items_out_and_adds_no_word(content: Content) -> None:
    """Two items of each kind at most, all of them the draft's own."""
    for record in practice_records(content, 20, seed=6, counselor=BRIEF):
        (event,) = record.events
        wished = event.edit.items if event.edit else event.draft
        assert set(wished) <= set(event.draft)
        assert all(sum(item.kind is kind for item in wished) <= 2 for kind in Kind)
