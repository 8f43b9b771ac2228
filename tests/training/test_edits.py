"""Aligning a draft with its edited version: who was kept, rewritten, cut, added."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.note import Kind, NoteItem
from training.data.edits import Alignment, Counts, Fate, align, similarity

WORDS = ["sleep", "is", "short", "ask", "how", "many", "hours", "keep", "diary", "睡", "眠", "不", "好"]
TEXTS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(" ".join) | st.text(max_size=12)
NOTES = st.lists(st.builds(NoteItem, st.sampled_from(Kind), TEXTS), max_size=7)


def advice(*texts: str) -> list[NoteItem]:
    """Items of one kind."""
    return [NoteItem(Kind.ADVICE, text) for text in texts]


def fates(alignment: Alignment) -> list[tuple[Fate, int | None, int | None]]:
    """The lines without their moves."""
    return [(line.fate, line.before, line.after) for line in alignment.lines]


@given(NOTES)
def test_a_note_aligns_fully_with_itself(note: list[NoteItem]) -> None:
    """Nothing was done, nothing is counted as done."""
    alignment = align(note, note)
    assert alignment.counts == Counts(kept=len(note))
    assert alignment.unchanged
    assert alignment.distance == 0
    assert alignment.counts.kept_item_rate == 1


@given(NOTES, NOTES)
def test_every_item_is_accounted_for_exactly_once(draft: list[NoteItem], edited: list[NoteItem]) -> None:
    """Each place of both notes is in one line, and each fate says where its item is."""
    lines = align(draft, edited).lines
    assert sorted(line.before for line in lines if line.before is not None) == list(range(len(draft)))
    assert sorted(line.after for line in lines if line.after is not None) == list(range(len(edited)))
    for line in lines:
        assert (line.before is None) == (line.fate is Fate.ADDED)
        assert (line.after is None) == (line.fate is Fate.CUT)


@given(NOTES, NOTES)
def test_counts_are_symmetric(draft: list[NoteItem], edited: list[NoteItem]) -> None:
    """Undoing an edit cuts what it added and adds what it cut."""
    there, back = align(draft, edited).counts, align(edited, draft).counts
    assert back == Counts(there.kept, there.rewritten, there.added, there.cut, there.moved)


@given(NOTES, NOTES, st.integers())
def test_the_order_of_items_does_not_matter(draft: list[NoteItem], edited: list[NoteItem], seed: int) -> None:
    """Counts and distance are those of the items, wherever they stand."""
    shuffled = Random(seed).sample(edited, len(edited))
    assert align(draft, shuffled).counts == align(draft, edited).counts
    assert align(draft, shuffled).distance == align(draft, edited).distance


@given(NOTES, NOTES)
def test_the_distance_is_a_share(draft: list[NoteItem], edited: list[NoteItem]) -> None:
    """It lies between 0 and 1 and is 1 between a note with text and none."""
    assert 0 <= align(draft, edited).distance <= 1
    assert align(draft, []).distance == (1 if any(item.text.split() for item in draft) else 0)


@given(TEXTS, TEXTS)
def test_similarity_is_symmetric(one: str, other: str) -> None:
    """Which text came first is of no matter, unlike with difflib."""
    assert similarity(one, other) == similarity(other, one)


def test_one_edit_of_each_sort_is_recognised() -> None:
    """Kept, rewritten, cut and added are told apart in one note."""
    draft = advice("Keep a sleep diary for two weeks.", "Plan one walk a day.", "Ring the school on Monday.")
    edited = advice("Name three friends to call.", "Keep a sleep diary for two weeks.", "Plan one short walk a day, with her dog.")
    alignment = align(draft, edited)
    assert fates(alignment) == [(Fate.KEPT, 0, 1), (Fate.REWRITTEN, 1, 2), (Fate.CUT, 2, None), (Fate.ADDED, None, 0)]
    assert alignment.counts.kept_item_rate == pytest.approx(1 / 3)


def test_chinese_is_aligned_by_its_characters() -> None:
    """A rewritten Chinese item is found though it has no spaces, and an unrelated one is not taken for it."""
    draft = advice("每晚记录入睡和醒来的时间。", "安排一次短途散步。")
    edited = advice("请每晚记录入睡与醒来的大致时间。", "和伴侣谈谈家务分工。")
    assert align(draft, edited).counts == Counts(rewritten=1, cut=1, added=1)


def test_an_item_under_another_heading_is_kept_and_moved() -> None:
    """Moving is no cut and no addition, and still it is a change."""
    alignment = align([NoteItem(Kind.ADVICE, "Sleep is short.")], [NoteItem(Kind.ANALYSIS, "Sleep is short.")])
    assert alignment.counts == Counts(kept=1, moved=1)
    assert not alignment.unchanged
    assert alignment.distance == 0


def test_an_item_said_twice_stays_under_its_own_heading() -> None:
    """Equal texts under two headings are not paired across them."""
    both = [NoteItem(Kind.ADVICE, "Sleep."), NoteItem(Kind.ANALYSIS, "Sleep.")]
    assert align(both, both[::-1]).counts == Counts(kept=2)


def test_the_pairing_is_the_best_on_the_whole() -> None:
    """Taking the most similar pair first would leave the other two items without a partner."""
    draft = advice("one two three four", "one two three five six")
    edited = advice("one two three four five", "seven eight three four one two")
    assert similarity(draft[0].text, edited[0].text) == max(similarity(a.text, b.text) for a in draft for b in edited)
    assert similarity(draft[1].text, edited[1].text) < 0.4
    assert fates(align(draft, edited)) == [(Fate.REWRITTEN, 0, 1), (Fate.REWRITTEN, 1, 0)]


def test_of_equally_similar_partners_the_one_under_the_same_heading_is_taken() -> None:
    """Two equal sums of similarity are decided by the headings."""
    draft = [NoteItem(Kind.ADVICE, "keep a diary")]
    edited = [NoteItem(Kind.ANALYSIS, "keep a list"), NoteItem(Kind.ADVICE, "keep a book")]
    assert fates(align(draft, edited)) == [(Fate.REWRITTEN, 0, 1), (Fate.ADDED, None, 0)]
    assert fates(align(draft, edited[::-1])) == [(Fate.REWRITTEN, 0, 0), (Fate.ADDED, None, 1)]


def test_of_two_equally_similar_partners_order_does_not_choose() -> None:
    """Which of them is rewritten, and with it the distance, is the same in any order."""
    draft, edited = advice("keep a diary"), advice("keep a list", "keep a notebook")
    assert similarity(draft[0].text, edited[0].text) == similarity(draft[0].text, edited[1].text)
    assert align(draft, edited).distance == align(draft, edited[::-1]).distance


def test_of_equal_sums_the_one_with_more_pairs_is_taken() -> None:
    """One pair of 0.8 and two of 0.4 are worth the same; two items rewritten are then likelier than one cut and one added."""
    draft = advice("a b c d e", "p d x q r")
    edited = [NoteItem(Kind.ANALYSIS, "a b y z w"), NoteItem(Kind.ANALYSIS, "a b c d x")]
    table = [[similarity(one.text, other.text) for other in edited] for one in draft]
    assert [pytest.approx(row) for row in table] == [[0.4, 0.8], [0.0, 0.4]]
    assert align(draft, edited).counts == Counts(rewritten=2, moved=2)


def test_spacing_and_width_change_nothing() -> None:
    """A counselor's keyboard is no edit; a capital letter is one."""
    assert align(advice("睡眠很短,只有4小时"), advice("睡眠很短，只有４小时 ")).unchanged
    assert align(advice("Ask about mum."), advice("Ask about Mum.")).counts == Counts(rewritten=1)


def test_the_distance_counts_changed_characters() -> None:
    """Four letters of a pair whose longer text has ten, and an added item of ten, are 14 of 20."""
    alignment = align(advice("go now"), advice("go now too", "喝水喝水喝水喝水喝水"))
    assert alignment.counts == Counts(rewritten=1, added=1)
    assert alignment.distance == pytest.approx(14 / 20)


def test_counts_of_notes_add_up() -> None:
    """The rate over several notes weighs items, not notes."""
    total = Counts(kept=1, cut=1) + Counts(kept=2, rewritten=3, added=4, moved=1)
    assert total == Counts(3, 3, 1, 4, 1)
    assert total.kept_item_rate == pytest.approx(3 / 7)
