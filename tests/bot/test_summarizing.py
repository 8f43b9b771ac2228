"""What the final note of a session is made from."""

from dataclasses import replace

from bot.domain.note import Item, Note, Origin, Purpose
from bot.workflow.summarizing import session_items
from inference.note import Kind
from tests.support.builders import NOW, a_counselor, a_note, a_revision, an_item


def a_summary(*items: Item, approved: bool) -> Note:
    """A final note, approved or still a draft."""
    revision = a_revision(*items)
    note = a_note(revision, purpose=Purpose.SUMMARY)
    return note.approve("U0ANNA", revision.id, NOW) if approved else note


def texts_of(*notes: Note) -> list[str]:
    """The texts of the session's items."""
    return [item.text for item in session_items(notes)]


def test_every_note_counts_once_with_its_newest_revision() -> None:
    """Items come in the order of the notes, from their newest versions, each said once."""
    first = a_note(a_revision(an_item("old wording of it")), a_revision(an_item("Sleep is short."), number=2, by=a_counselor()))
    second = a_note(a_revision(an_item("sleep is short"), an_item("Eats little.")))
    assert texts_of(first, second) == ["Sleep is short.", "Eats little."]


def test_a_counselors_wording_wins_over_the_models() -> None:
    """Where two notes say the same, the counselor's words are in the summary, in the place of the first."""
    model = a_note(a_revision(an_item("Keep a sleep diary."), an_item("Walk.")))
    counselor = a_note(a_revision(an_item("Keep a sleep diary!", origin=Origin.COUNSELOR)))
    assert texts_of(model, counselor) == ["Keep a sleep diary!", "Walk."]
    assert texts_of(counselor, model) == ["Keep a sleep diary!", "Walk."]


def test_two_counselors_lines_both_stay() -> None:
    """Two counselors' similar but different lines are both their words, and neither is lost."""
    one = a_note(a_revision(an_item("Call the mother on Monday.", Kind.ADVICE, Origin.COUNSELOR)))
    other = a_note(a_revision(an_item("Call the mother on Sunday.", Kind.ADVICE, Origin.COUNSELOR)))
    assert texts_of(one, other) == ["Call the mother on Monday.", "Call the mother on Sunday."]


def test_a_session_begins_after_the_last_approved_summary() -> None:
    """What was approved belongs to an earlier session; a draft that nobody approved ends none."""
    old, new = a_note(a_revision(an_item("Old."))), a_note(a_revision(an_item("New one.")))
    assert texts_of(old, a_summary(an_item("Old."), approved=True), new) == ["New one."]
    assert texts_of(old, a_summary(an_item("Draft."), approved=False), new) == ["Old.", "New one."]


def test_nothing_new_gives_nothing() -> None:
    """Without notes, with unanswered ones, or right after an approval there is nothing to summarize."""
    assert texts_of() == []
    assert texts_of(a_note()) == []
    assert texts_of(a_note(a_revision(an_item())), a_summary(an_item(), approved=True)) == []


def test_items_keep_origin_and_evidence() -> None:
    """The summary knows whose words an item holds and what it rests on."""
    item = replace(an_item("Mine.", origin=Origin.COUNSELOR), evidence=("d1",))
    assert session_items([a_note(a_revision(item))]) == (item,)
