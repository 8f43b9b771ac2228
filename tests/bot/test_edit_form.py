"""The form behind Edit: every line in a field of its own, on pages that Slack takes, and nothing lost on the way back."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.note import Item, Note, Origin, Revision
from bot.slack.edit_form import LINES_A_PAGE, add_id, edit_modal, form_pages, line_id, line_modal, read_form, read_line, typed_in
from bot.slack.edit_texts import edit_texts
from deploy.sandbox.validate import checked_view
from inference.note import Kind, Language, NoteItem
from tests.bot.test_views import LONG_NOTES, SPEECH, items_of
from tests.support.builders import a_note, a_revision, an_item

Json = dict[str, Any]


def submitted(view: Json) -> dict[str, dict[str, dict[str, Any]]]:
    """What Slack sends when somebody submits a page as it was opened."""
    fields = {block["block_id"]: block["element"] for block in view["blocks"] if block["type"] == "input"}
    return {name: {each["action_id"]: {"type": "plain_text_input", "value": each.get("initial_value")}} for name, each in fields.items()}


def all_pages(note: Note, revision: Revision | None, language: Language = Language.ENGLISH) -> list[Json]:
    """Every page of the form, each as Slack would take it."""
    count = len(form_pages(revision.items if revision else (), language, {}))
    return [checked_view(edit_modal(note, revision, language, "C1", page)) for page in range(count)]


def a_long_note(name: str) -> Note:
    """One of the long notes, its items as notes hold them."""
    return a_note(a_revision(*[Item(item.kind, " ".join(item.text.split()), item.origin) for item in LONG_NOTES[name]]))


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("name", LONG_NOTES)
def test_all_pages_hold_the_whole_note_and_give_it_back(name: str, language: Language) -> None:
    """However long a note or a line is: each page is valid, and submitted untouched they are the note, word for word and in order."""
    note = a_long_note(name)
    typed: dict[str, str] = {}
    for view in all_pages(note, note.current, language):
        assert typed.keys().isdisjoint(typed_in(submitted(view)))
        typed |= typed_in(submitted(view))
    expected = tuple(NoteItem(item.kind, item.text) for item in note.items)
    assert read_form(note.items, typed) == expected
    assert read_form(note.items, {}) == expected  # no page was looked at but the first, and that is as it was


@pytest.mark.parametrize(("lines", "pages"), [(0, 1), (40, 1), (41, 2), (60, 2), (81, 3)])
def test_forty_lines_are_a_page(lines: int, pages: int) -> None:
    """One form for 40 lines; 60 take two pages, each of which says where it is and leads to the other."""
    note = a_note(a_revision(*items_of(*[f"Line {number}." for number in range(lines)])))
    found = all_pages(note, note.current)
    assert len(found) == pages
    assert all(sum(block["type"] == "input" for block in view["blocks"]) <= LINES_A_PAGE + len(Kind) for view in found)
    turns = [[button["value"] for block in view["blocks"] if block["type"] == "actions" for button in block["elements"]] for view in found]
    assert turns == [[str(page) for page in (number - 1, number + 1) if 0 <= page < pages] for number in range(pages)]
    words = edit_texts(Language.ENGLISH)
    assert (words.pages.format(number=1, of=pages) in str(found[0]["blocks"])) is (pages > 1)


def test_a_page_shows_what_was_typed_on_it() -> None:
    """Turned back to, a page holds the words of its reader, in the fields where they typed them."""
    note = a_note(a_revision(*items_of(*[f"Line {number}." for number in range(60)])))
    typed = {line_id(Kind.ANALYSIS, 3): "Mine.\nAnd one more.", add_id(Kind.QUESTION): "Since when?", line_id(Kind.ANALYSIS, 0): ""}
    fields = {}
    for page in (0, 1):
        view = checked_view(edit_modal(note, note.current, Language.ENGLISH, "C1", page, typed))
        fields |= {block["block_id"]: block["element"].get("initial_value", "") for block in view["blocks"] if block["type"] == "input"}
    assert {block_id: fields[block_id] for block_id in typed} == typed


def test_lines_are_rewritten_dropped_split_and_added() -> None:
    """An emptied field drops its line, several lines in one are several items, new lines come after those of their kind."""
    items = items_of("One.", "Two.", "Three.", "Four.", "Five.")
    assert [item.text for item in items] == ["One.", "Four.", "Two.", "Five.", "Three."]
    typed = {
        line_id(Kind.ANALYSIS, 0): " \u200b\n",
        line_id(Kind.ADVICE, 2): " Two a. \n\n\tTwo b.\u2028Two c.",
        add_id(Kind.ANALYSIS): "New.",
        add_id(Kind.QUESTION): "",
    }
    assert read_form(items, typed) == (
        NoteItem(Kind.ANALYSIS, "Four."),
        NoteItem(Kind.ANALYSIS, "New."),
        *(NoteItem(Kind.ADVICE, text) for text in ("Two a.", "Two b.", "Two c.", "Five.")),
        NoteItem(Kind.QUESTION, "Three."),
    )


def test_the_form_shows_words_and_not_their_escapes() -> None:
    """In a form nothing is interpreted, so that nothing is escaped: what is handed back is what was there."""
    note = a_note(a_revision(an_item(SPEECH)))
    (view,) = all_pages(note, note.current)
    typed = typed_in(submitted(view))
    assert typed[line_id(Kind.ANALYSIS, 0)] == SPEECH
    assert read_form(note.items, typed) == (NoteItem(Kind.ANALYSIS, SPEECH),)


def test_the_form_of_an_empty_note_has_room_for_each_kind() -> None:
    """So that a counselor can write a note from nothing; an empty form is no items."""
    (view,) = all_pages(a_note(), None)
    assert [block["block_id"] for block in view["blocks"][1:]] == [add_id(kind) for kind in Kind]
    assert read_form((), typed_in(submitted(view))) == ()
    assert json.loads(view["private_metadata"])["revision"] is None


@pytest.mark.parametrize("text", ["Sleep is short.", "word " * 1500 + "end", "睡" * 7000, "x" * 2900 + " y"])
def test_one_line_has_a_form_of_its_own(text: str) -> None:
    """It gives the line back as it was, however long, and whatever else is written in its place."""
    note = a_note(a_revision(an_item("Another."), an_item(text)))
    assert note.current
    view = checked_view(line_modal(note, note.current, 1, Language.ENGLISH, "C1"))
    typed = typed_in(submitted(view))
    assert read_line(note.items, 1, typed) == (text,)
    assert read_line(note.items, 1, dict.fromkeys(typed, "")) == ()
    last = list(typed)[-1]
    assert read_line(note.items, 1, {**typed, last: typed[last] + " More."}) == (f"{text} More.",)


lines = st.lists(
    st.tuples(st.sampled_from(Kind), st.text(st.characters(codec="utf-8", categories=["L", "N", "P"]), min_size=1)), max_size=90
)


@given(lines, st.sampled_from(Language), st.data())
@settings(max_examples=40, deadline=None)
def test_what_is_not_touched_comes_back_as_it_was(found: list[tuple[Kind, str]], language: Language, data: st.DataObject) -> None:
    """Whatever a note holds and whichever of its lines are emptied: the others are all there, in order, and no page is too large."""
    items = tuple(Item(kind, text, Origin.MODEL) for kind, text in found)
    note = a_note(a_revision(*items))
    typed: dict[str, str] = {}
    for view in all_pages(note, note.current, language):
        typed |= typed_in(submitted(view))
    emptied = {place for place in range(len(items)) if data.draw(st.booleans())}
    for place in emptied:
        typed[line_id(items[place].kind, place)] = ""
    left = [NoteItem(item.kind, item.text) for place, item in enumerate(items) if place not in emptied]
    assert read_form(items, typed) == tuple(sorted(left, key=lambda item: list(Kind).index(item.kind)))
