"""What changed from one revision to the next: nothing is lost, nothing invented, and a person can read it."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.differences import Change, ItemChange, Piece, as_written, differences, words_changed
from bot.domain.note import Item, Origin
from inference.note import Kind
from tests.support.builders import an_item

texts = st.lists(st.sampled_from(["sleep", "is", "short", "睡", "不", "好", "?", "12"]), min_size=1, max_size=12).map(" ".join)
items = st.lists(st.builds(Item, st.sampled_from(Kind), texts, st.sampled_from(Origin)), max_size=8)


def before_of(change: ItemChange) -> str:
    """The words of an item before."""
    return "".join(piece.text for piece in change.pieces if piece.change is not Change.ADDED)


def after_of(change: ItemChange) -> str:
    """The words of an item now."""
    return "".join(piece.text for piece in change.pieces if piece.change is not Change.CUT)


@given(items, items)
def test_both_revisions_can_be_read_from_their_differences(before: list[Item], after: list[Item]) -> None:
    """What was kept, cut and rewritten is all that stood there; what was kept, rewritten and added is all that stands now."""
    changes = differences(before, after)
    assert sorted(before_of(each) for each in changes if each.change is not Change.ADDED) == sorted(item.text for item in before)
    now = [(each.kind, after_of(each)) for each in changes if each.change is not Change.CUT]
    assert now == [(kind, item.text) for kind in Kind for item in after if item.kind is kind]
    assert all(
        (each.change is Change.REWRITTEN) == (before_of(each) not in {"", after_of(each)} and bool(after_of(each))) for each in changes
    )


@given(items)
def test_nothing_changed_where_nothing_changed(same: list[Item]) -> None:
    """Every item is kept, and a first revision shows the same."""
    assert differences(same, same) == as_written(same)
    assert {each.change for each in differences(same, same)} <= {Change.KEPT}


@given(texts, texts)
def test_words_add_up(before: str, after: str) -> None:
    """No two pieces of one kind stand side by side, and both texts are whole."""
    pieces = words_changed(before, after)
    assert "".join(piece.text for piece in pieces if piece.change is not Change.ADDED) == before
    assert "".join(piece.text for piece in pieces if piece.change is not Change.CUT) == after
    assert all(one.change is not other.change for one, other in itertools.pairwise(pieces))


def test_each_item_says_what_became_of_it() -> None:
    """Kept, rewritten, cut where it stood, added; and one that only moved to another kind is kept there."""
    before = [
        an_item("Sleep is short."),
        an_item("Mood is low since March."),
        an_item("Appetite is poor."),
        an_item("Keep a diary.", Kind.ADVICE),
    ]
    after = [
        an_item("Sleep is short."),
        an_item("Appetite is poor since June."),
        an_item("Keep a diary."),
        an_item("Work is a burden."),
    ]
    found = [(each.change, before_of(each) or after_of(each)) for each in differences(before, after)]
    assert found == [
        (Change.KEPT, "Sleep is short."),
        (Change.CUT, "Mood is low since March."),
        (Change.REWRITTEN, "Appetite is poor."),
        (Change.KEPT, "Keep a diary."),
        (Change.ADDED, "Work is a burden."),
    ]


@pytest.mark.parametrize(("before", "after", "pieces"), [
    (
        "Walk for ten minutes a day.",
        "Walk for twenty minutes each day.",
        [("Walk for ", Change.KEPT), ("ten", Change.CUT), ("twenty", Change.ADDED), (" minutes ", Change.KEPT), ("a", Change.CUT),
         ("each", Change.ADDED), (" day.", Change.KEPT)],
    ),
    ("睡眠很差。", "睡眠较差。", [("睡眠", Change.KEPT), ("很", Change.CUT), ("较", Change.ADDED), ("差。", Change.KEPT)]),
    ("Two old ones here.", "Some new words here.", [("Two old ones", Change.CUT), ("Some new words", Change.ADDED),
                                                     (" here.", Change.KEPT)]),
])  # fmt: skip
def test_words_are_marked_as_a_reader_would(before: str, after: str, pieces: list[tuple[str, Change]]) -> None:
    """Word by word in English, character by character in Chinese, and neighbouring changes as one."""
    assert words_changed(before, after) == tuple(Piece(text, change) for text, change in pieces)


def test_long_texts_are_compared_by_clauses_and_longer_ones_as_a_whole() -> None:
    """No text is too long to be shown with its changes, and none takes longer than a blink to compare."""
    clauses = [f"Clause {number} of a very long report, in so many words." for number in range(60)]
    pieces = words_changed(" ".join(clauses), " ".join([*clauses[:30], "Another one.", *clauses[31:]]))
    assert [piece.text for piece in pieces if piece.change is Change.ADDED] == ["Another one. "]
    endless = "睡，" * 3000
    assert words_changed(endless, endless + "好") == (Piece(endless, Change.CUT), Piece(endless + "好", Change.ADDED))
