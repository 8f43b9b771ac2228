"""What stands under a note whose messages changed: every case in both languages, within what Slack takes."""

import json

import pytest

from bot.domain.change import ChangeKind, NoteChange, open_change
from bot.domain.note import Purpose
from bot.domain.reading import Reading, read_items
from bot.slack.change_texts import change_texts
from bot.slack.change_views import REMOVE_NOTE_ACTION, SEPARATE_ACTION, WRITE_AGAIN_ACTION
from bot.slack.views import notice_text, pages
from bot.workflow.ports import NoteView, Notice, Sign
from deploy.sandbox.model import Json
from deploy.sandbox.validate import checked_blocks
from deploy.sandbox.validate.check import elements_of
from inference.note import Kind, Language
from tests.support.builders import NOW, a_counselor, a_note, a_revision, an_item

CHANGED = [(kind, reading) for kind in ChangeKind for reading in Reading if (kind, reading) != (ChangeKind.EDITED, Reading.EDITED)]


def a_change(kind: ChangeKind = ChangeKind.EDITED, reading: Reading = Reading.DESCRIPTION, revisions: int = 1) -> NoteChange:
    """A change after that many revisions."""
    return NoteChange("note", "1.1", kind, reading, revisions, NOW)


def a_view(language: Language = Language.ENGLISH, **what: object) -> NoteView:
    """A note of 60 long items."""
    items = [an_item(f"Item {number} " + "word " * 40, list(Kind)[number % 3]) for number in range(60)]
    return NoteView(a_note(a_revision(*items)), language, **what)  # type: ignore[arg-type]  # fields by name


def shown(view: NoteView) -> list[Json]:
    """All blocks, as Slack would take them."""
    return [block for page in pages(view) for block in checked_blocks(list(page.blocks))]


def actions(view: NoteView) -> set[str]:
    """The buttons of a note."""
    return {element["action_id"] for block in shown(view) for element in elements_of(block) if "action_id" in element}


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize(("kind", "reading"), CHANGED)
def test_every_change_is_told_in_every_language(kind: ChangeKind, reading: Reading, language: Language) -> None:
    """A line for each, and buttons that do what can be done: what became the note can't be left out of it."""
    view = a_view(language, change=a_change(kind, reading))
    assert change_texts(language).changed[kind, reading] in json.dumps(shown(view), ensure_ascii=False)
    assert (WRITE_AGAIN_ACTION in actions(view)) is (reading is not Reading.EDITED)
    assert (REMOVE_NOTE_ACTION in actions(view)) is (kind is ChangeKind.DELETED)


@pytest.mark.parametrize("language", list(Language))
def test_what_stands_below_a_note_is_no_line_of_it(language: Language) -> None:
    """Copied along with a note that is handed back, none of these sentences becomes a line."""
    words = change_texts(language)
    for below in (*words.changed.values(), words.nothing_left, words.joined.format(number=3)):
        assert [item.text for item in read_items(f"- Keep a diary.\n\n{below}")] == ["Keep a diary."]


def test_where_nothing_is_left_only_removing_is_offered() -> None:
    """And the line says why."""
    view = a_view(change=a_change(ChangeKind.DELETED), may_rewrite=False)
    assert WRITE_AGAIN_ACTION not in actions(view)
    assert "Nothing else was reported here" in json.dumps(shown(view))


def test_a_final_note_is_not_removed_with_a_reply() -> None:
    """It rests on more than one message."""
    note = a_note(a_revision(an_item()), purpose=Purpose.SUMMARY)
    assert REMOVE_NOTE_ACTION not in actions(NoteView(note, Language.ENGLISH, change=a_change(ChangeKind.DELETED, Reading.INFORMATION)))


@pytest.mark.parametrize("language", list(Language))
def test_several_messages_are_counted(language: Language) -> None:
    """One message says nothing; three say that they were taken as one, until somebody accepts the note."""
    assert SEPARATE_ACTION not in actions(a_view(language))
    view = a_view(language, messages=3)
    assert SEPARATE_ACTION in actions(view)
    assert change_texts(language).joined.format(number=3) in json.dumps(shown(view), ensure_ascii=False)
    accepted = view.note.accept("U0ANNA", view.note.revisions[0].id, NOW)
    assert SEPARATE_ACTION not in actions(NoteView(accepted, language, messages=3))


def test_a_change_is_open_until_the_model_writes_again() -> None:
    """A counselor's edit does not close it; a deletion is told before an edit, the newest of a kind first."""
    first, later = a_revision(an_item()), a_revision(an_item("Mine."), number=2, by=a_counselor())
    answer = a_revision(an_item("New."), number=3)
    edit, deletion = a_change(revisions=1), a_change(ChangeKind.DELETED, revisions=1)
    assert open_change(a_note(first), []) is None
    assert open_change(a_note(first), [edit]) is edit
    assert open_change(a_note(first, later), [deletion, edit]) is deletion
    assert open_change(a_note(first, later, answer), [deletion, edit]) is None
    assert open_change(a_note(), [edit]) is None


@pytest.mark.parametrize("language", list(Language))
def test_a_files_name_is_shown_dead_and_short(language: Language) -> None:
    """A name can hold a mention, or three hundred characters."""
    text = notice_text(Notice(Sign.FILE_KIND, language, name="<!channel>" + "x" * 300))
    assert "&lt;!channel&gt;" in text
    assert "<!channel>" not in text
    assert "x" * 80 not in text
