"""Final notes in Slack's form: valid in every format, language and state, however long, and readable back from their modals."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from bot.domain.arrangement import Line, corrected
from bot.domain.formats import BUILT_IN, NoteFormat
from bot.domain.note import Item, Note, Origin, Purpose
from bot.domain.reading import CARRIED_MARK, GENERAL_MARK
from bot.domain.shared_file import FileType
from bot.domain.signing import Addendum, Role, Signer
from bot.slack.evidence_views import Cited
from bot.slack.export_views import MOST, export_modal
from bot.slack.final_views import addendum_modal, read_sections, sections_modal
from bot.slack.texts import texts
from bot.slack.views import Page, pages
from bot.workflow.ports import NoteView
from deploy.sandbox.validate import checked_blocks, checked_view
from inference.note import Kind, Language
from tests.support.builders import NOW, a_note, a_revision, an_item

FORMATS = [*BUILT_IN.values(), None]
LINES = {
    Language.ENGLISH: "The client says that the nights are short & the days <too> long. " * 5,
    Language.CHINESE: "来访者说夜晚太短、白天太长，醒来以后再也睡不着。" * 6,
}
SOL = Signer("U0SOL", "Sol", Role.SUPERVISOR)


def a_final_note(form: NoteFormat | None, texts: Sequence[str]) -> Note:
    """A note with these texts in every place that its format has."""
    items = [Item(kind, f"{kind}: {text}", Origin.MODEL, carried=True) for kind in Kind for text in texts]
    sections = form.sections if form else ()
    items += [
        Item(Kind.ANALYSIS, f"{each.key}: {text}", Origin.COUNSELOR, section=each.key) for each in sections if each.own for text in texts
    ]
    return replace(a_note(a_revision(*items), purpose=Purpose.SUMMARY), format=form)


def approved(note: Note, addenda: int = 0) -> Note:
    """The note approved, whatever it lacks, with addenda of the greatest length."""
    assert note.current
    done = replace(note, format=None).approve("U0ANNA", note.current.id, NOW, Role.ADMIN, "Anna")
    for _ in range(addenda):
        done = done.add(Addendum("a", 0, SOL, "word " * 599 + "word", NOW))
    return replace(done, format=note.format)


def check(found: Sequence[Page]) -> str:
    """All blocks as text, after Slack's own checks."""
    for page in found:
        checked_blocks(list(page.blocks))
    return json.dumps([page.blocks for page in found], ensure_ascii=False)


def entered(view: dict[str, Any]) -> dict[str, dict[str, dict[str, Any]]]:
    """What Slack sends of a modal that nobody changed."""
    blocks = [block for block in view["blocks"] if block["type"] == "input"]
    return {block["block_id"]: {"text": {"value": block["element"].get("initial_value")}} for block in blocks}


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("number", [0, 1, 40])
def test_every_final_note_is_valid(form: NoteFormat | None, language: Language, number: int) -> None:
    """Empty, short, or far longer than one message; draft, approved, co-signed, with long addenda."""
    texts = [f"{index}. {LINES[language]}" for index in range(number)]
    note = a_final_note(form, texts)
    for each in (note, approved(note), approved(note, addenda=6)):
        shown = check(pages(NoteView(each, language)))
        assert shown.count("<too>") == 0
        for index in range(number):
            assert f"{Kind.ADVICE}: {index}. " in shown
    assert note.current
    signed = approved(note).cosign(SOL, note.current.content_hash, NOW)
    assert "cosign_note" not in check(pages(NoteView(signed, language)))
    assert "cosign_note" in check(pages(NoteView(approved(note), language)))
    assert "cosign_note" not in check(pages(NoteView(approved(note), language, cosigning=False)))


@pytest.mark.parametrize("is_approved", [False, True])
@pytest.mark.parametrize("language", list(Language))
def test_lines_in_sections_show_what_they_rest_on(language: Language, is_approved: bool) -> None:
    """Numbers with links and the mark of general items, with its legend; a line entered in a section has none, nor has the form."""
    items = [
        Item(Kind.ANALYSIS, "The nights are short.", Origin.MODEL, ("a", "gone")),
        Item(Kind.ADVICE, "Keep a diary.", Origin.MODEL, carried=True),
        Item(Kind.QUESTION, "Since when?", Origin.MODEL),
        Item(Kind.ANALYSIS, "She sleeps badly.", Origin.COUNSELOR, ("a",), section="subjective"),
    ]
    note = replace(a_note(a_revision(*items), purpose=Purpose.SUMMARY), format=BUILT_IN["soap"])
    view = NoteView(approved(note) if is_approved else note, language)
    shown = check(pages(view, {"a": Cited(3, "https://example.test/p1?a=1&b=2")}))
    assert "1. The nights are short. <https://example.test/p1?a=1&amp;b=2|[3]>" in shown
    assert f"1. Keep a diary. {CARRIED_MARK} {GENERAL_MARK}" in shown
    assert '1. Since when?"' in shown
    assert '• She sleeps badly."' in shown
    assert texts(language).general in shown
    unmarked = check(pages(view))
    assert "[3]" not in unmarked
    assert texts(language).general not in unmarked
    assert "[3]" not in json.dumps(sections_modal(BUILT_IN["soap"], note, language, "C1"))


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("form", BUILT_IN.values(), ids=lambda form: form.name)
def test_the_modal_of_a_long_note_gives_back_what_it_shows(form: NoteFormat, language: Language) -> None:
    """12,000 characters and more: as many fields as it takes; handed back unchanged, the note is the same."""
    note = a_final_note(form, [f"{index}. {LINES[language].strip()}" for index in range(12)])
    assert sum(len(item.text) for item in note.items) > 5_000
    view = sections_modal(form, note, language, "C1")
    checked_view(view)
    lines = [Line(line.section, line.takes, line.text) for line in read_sections(entered(view))]
    assert note.current
    assert set(corrected(note, lines, note.current.id)) == set(note.items)


@pytest.mark.parametrize("language", list(Language))
def test_the_other_modals_are_valid(language: Language) -> None:
    """An addendum's, and that of an export from among more notes than Slack's menu takes: the newest are there."""
    notes = [replace(a_final_note(BUILT_IN["soap"], ["a"]), id=f"note-{number}") for number in range(MOST + 20)]
    checked_view(addendum_modal(notes[0], language, "C1"))
    view = export_modal([*notes[:-1], approved(notes[-1])], ["note-119", "note-3"], language, "C1")
    checked_view(view)
    menu, boxes = view["blocks"][0]["element"], view["blocks"][1]["element"]
    assert len(menu["options"]) == MOST
    assert [option["value"] for option in menu["options"]][:2] == ["note-119", "note-118"]
    assert [option["value"] for option in menu["initial_options"]] == ["note-119"]
    assert [option["value"] for option in boxes["options"]] == list(FileType)
    assert [option["value"] for option in boxes["initial_options"]] == [FileType.DOCX]
    checked_view(export_modal(notes[:1], [], language, "C1"))


def test_titles_of_a_teams_format_are_no_marks() -> None:
    """A title with signs that mean something to Slack is shown as it is."""
    form = BUILT_IN["dap"].model_copy(
        update={
            "sections": tuple(
                each.model_copy(update={"title": each.title.model_copy(update={"en": "<!channel> & co"})})
                for each in BUILT_IN["dap"].sections
            )
        }
    )
    assert "<!channel>" not in check(
        pages(NoteView(replace(a_note(a_revision(an_item()), purpose=Purpose.SUMMARY), format=form), Language.ENGLISH))
    )
