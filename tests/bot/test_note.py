"""The rules of a note: what stays, what never comes back, what an approval names."""

import dataclasses
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.errors import NotAllowed, NoteLocked, OutOfDate
from bot.domain.note import Approval, Author, Item, Note, Origin, Purpose, Revision, adopt, build_on, by_counselor, same_text
from bot.workflow.drafting import kept_items
from inference.note import Kind, NoteItem
from inference.prompt import TurnKind
from tests.support.builders import NOW, a_counselor, a_note, a_revision, an_item, lines

MODEL = Author(Origin.MODEL, "phyassist")
SENTENCES = (
    "Sleep is short.", "Sleep is short", "sleep  is short.", "Keep a sleep diary.", "Keep a diary of sleep.", "Walk after lunch.",
    "Since when?", "Since when exactly?", "What helps?", "睡眠不足。", "请写睡眠日记。", "从什么时候开始？", "<!channel> & co", "x",
)  # fmt: skip

note_lines = st.lists(st.builds(NoteItem, st.sampled_from(Kind), st.sampled_from(SENTENCES) | st.text(min_size=1, max_size=12)), max_size=6)
answers = st.tuples(st.sampled_from([TurnKind.INFORMATION, TurnKind.EDITED]), note_lines)
edits = st.tuples(st.sets(st.integers(0, 9)), note_lines)
"""Positions of items that a counselor drops, and lines they write."""
Step = tuple[tuple[TurnKind, list[NoteItem]], tuple[set[int], list[NoteItem]]]
histories: st.SearchStrategy[list[Step]] = st.lists(st.tuples(answers, edits), min_size=1, max_size=6)


def after_answer(note: Note, turn: TurnKind, additions: list[NoteItem]) -> Note:
    """The note as drafting stores it after an answer of the model."""
    items = build_on(kept_items(turn, note, ()), additions, note.dropped_texts())
    return note.revise(Revision(f"r{len(note.revisions)}", len(note.revisions) + 1, MODEL, items, NOW))


def after_edit(note: Note, dropped: set[int], added: list[NoteItem]) -> Note:
    """The note after a counselor dropped the items at some positions and wrote some lines."""
    kept = [NoteItem(item.kind, item.text) for number, item in enumerate(note.items) if number not in dropped]
    items = adopt([*kept, *added], note.items)
    return note.revise(Revision(f"r{len(note.revisions)}", len(note.revisions) + 1, a_counselor(), items, NOW))


@given(histories)
@settings(max_examples=80, deadline=None)
def test_a_counselors_words_stay_and_dropped_ones_never_return(history: list[Step]) -> None:
    """Whatever the model answers: counselor items stay word for word, dropped texts stay out, revisions stay as they were."""
    note, gone = a_note(), set[str]()
    for (turn, additions), (dropped, added) in history:
        before = note
        note = after_answer(note, turn if note.revisions else TurnKind.DESCRIPTION, additions)
        assert [item for item in note.items if item.origin is Origin.COUNSELOR] == sorted(
            by_counselor(before.items), key=lambda item: list(Kind).index(item.kind)
        )
        assert gone.isdisjoint(item.text for item in note.items)
        assert note.revisions[:-1] == before.revisions
        before, note = note, after_edit(note, dropped, added)
        assert note.revisions[:-1] == before.revisions
        standing = {item.text for item in note.items}
        gone = (gone | {item.text for item in before.items}) - standing
        assert set(note.dropped_texts()) == gone


@given(note_lines, note_lines)
@settings(max_examples=50, deadline=None)
def test_an_edited_list_is_taken_as_it_stands(current: list[NoteItem], edited: list[NoteItem]) -> None:
    """Each line of an edited answer becomes one item, in order, with its very words and kind."""
    known = [Item(line.kind, line.text, Origin.MODEL) for line in current]
    items = adopt(edited, known)
    assert [NoteItem(item.kind, item.text) for item in items] == edited
    assert all((item.origin is Origin.MODEL) == (item.text in {each.text for each in known}) for item in items)


@given(note_lines, note_lines)
@settings(max_examples=50, deadline=None)
def test_additions_come_after_what_stands_and_say_nothing_twice(standing: list[NoteItem], additions: list[NoteItem]) -> None:
    """Kept items keep their order within their kind, additions follow, and no addition repeats an item."""
    kept = [Item(line.kind, line.text, Origin.COUNSELOR) for line in standing]
    items = build_on(kept, additions)
    assert [item for item in items if item.origin is Origin.COUNSELOR] == sorted(kept, key=lambda item: list(Kind).index(item.kind))
    new = [item.text for item in items if item.origin is Origin.MODEL]
    assert len({text.casefold() for text in new}) == len(new)
    assert not {text.casefold() for text in new} & {item.text.casefold() for item in kept}
    assert [item.kind for item in items] == sorted((item.kind for item in items), key=list(Kind).index)


def test_a_rewritten_item_does_not_bring_the_old_wording_back() -> None:
    """The model may not answer a correction by saying the corrected thing once more, not even slightly changed."""
    first = a_revision(an_item("She drinks three glasses of wine a day."))
    edited = a_revision(an_item("She drinks a glass of wine a week.", origin=Origin.COUNSELOR), number=2, by=a_counselor())
    note = a_note(first, edited)
    items = build_on(note.items, lines("She drinks three glasses of wine each day.", kind=Kind.ANALYSIS), note.dropped_texts())
    assert items == edited.items


def test_what_a_counselor_puts_back_counts_as_dropped_no_more() -> None:
    """An item which was dropped and written again, or whose dropping was undone, may be said again by the model."""
    first = a_revision(an_item("Sleep is short."), an_item("Eats little."))
    without = a_revision(an_item("Eats little."), number=2, by=a_counselor())
    assert a_note(first, without).dropped_texts() == ("Sleep is short.",)
    undone = dataclasses.replace(first, number=3)
    assert a_note(first, without, undone).dropped_texts() == ()


def test_the_newest_edit_is_that_of_the_last_counselor() -> None:
    """The pair of an edit and what it replaced is found behind later answers of the model."""
    first, mine, theirs = a_revision(an_item("a")), a_revision(number=2, by=a_counselor()), a_revision(number=3, by=a_counselor("U0LI"))
    answer = a_revision(an_item("b"), number=4)
    assert a_note(first, mine, theirs, answer).newest_edit() == (mine, theirs)
    assert a_note(first, answer).newest_edit() is None
    assert a_note().newest_edit() is None


def test_an_approved_note_does_not_change() -> None:
    """After an approval neither a revision nor a second approval is taken, by whomever."""
    revision = a_revision(an_item())
    note = a_note(revision, purpose=Purpose.SUMMARY).approve("U0ANNA", revision.id, NOW)
    assert note.approval == Approval("U0ANNA", revision.id, revision.content_hash, NOW, adapter="phyassist")
    with pytest.raises(NoteLocked):
        note.revise(a_revision(number=2))
    with pytest.raises(NoteLocked):
        note.approve("U0LI", revision.id, NOW + timedelta(hours=1))


def test_only_the_newest_revision_can_be_approved() -> None:
    """Whoever saw an older version, or none, approves nothing."""
    old, new = a_revision(an_item()), a_revision(an_item("Newer."), number=2)
    note = a_note(old, new, purpose=Purpose.SUMMARY)
    for revision_id in (old.id, "unknown"):
        with pytest.raises(OutOfDate):
            note.approve("U0ANNA", revision_id, NOW)
    with pytest.raises(OutOfDate):
        a_note(purpose=Purpose.SUMMARY).approve("U0ANNA", new.id, NOW)
    with pytest.raises(NotAllowed):
        a_note(old, new).approve("U0ANNA", new.id, NOW)
    assert note.approval is None


def test_the_hash_names_the_content_and_nothing_else() -> None:
    """The hash changes with any word, kind, origin or order of the items, and with nothing else."""
    items = (an_item("Sleep is short."), an_item("Keep a diary.", Kind.ADVICE))
    base = a_revision(*items).content_hash
    assert a_revision(*items, number=7, by=a_counselor()).content_hash == base
    others = [
        items[::-1],
        items[:1],
        (*items, items[0]),
        (an_item("Sleep is short!"), items[1]),
        (an_item("Sleep is short.", Kind.QUESTION), items[1]),
        (an_item("Sleep is short.", origin=Origin.COUNSELOR), items[1]),
        (an_item('Sleep is short.","model"],["advice","Keep a diary.'),),
    ]
    hashes = {a_revision(*other).content_hash for other in others}
    assert len(hashes) == len(others)
    assert base not in hashes


def test_revisions_and_items_cannot_be_written_to() -> None:
    """A revision is immutable in the hands of whoever has it."""
    revision = a_revision(an_item())
    for thing, field in ((revision, "items"), (revision.items[0], "text"), (a_note(revision), "revisions")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(thing, field, ())


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Keep a sleep diary.", "keep  a sleep diary", True),
        ("请来访者写睡眠日记。", "请来访者写睡眠日记", True),
        ("Ask about sleep.", "Ask about work.", False),
        ("", "Ask", False),
        ("He is not suicidal and has no plan.", "He is suicidal and has a plan to do it.", False),
    ],
)
def test_nearly_the_same_words_count_as_the_same(one: str, other: str, same: bool) -> None:
    """Case, spaces and a final mark don't make a new item; other words do."""
    assert same_text(one, other) is same
    assert same_text(other, one) is same


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The client has a plan to end their life.", "The client has no plan to end their life."),
        ("She sleeps through the night since March.", "She doesn't sleep through the night since March."),
        ("来访者目前有具体的自杀计划和手段。", "来访者目前没有具体的自杀计划和手段。"),
    ],
)
def test_a_negation_makes_another_text(one: str, other: str) -> None:
    """Two texts that differ in a negation are never taken for the same item, however alike they are."""
    assert not same_text(one, other)
