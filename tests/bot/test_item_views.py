"""Menus, marks, thumbs and reasons in a note, checked as Slack checks them."""

import json
from dataclasses import replace

import pytest

from bot.domain.editing import ItemChange
from bot.domain.note import Item, Origin, Purpose
from bot.domain.reading import Reading
from bot.slack.edit_texts import edit_texts
from bot.slack.item_views import FEEDBACK_ACTION, ITEM_ACTION, MENU_LINES, REASON_ACTION, UNDO_ACTION, WISH_ACTIONS
from bot.slack.views import ACCEPT_ACTION, EDIT_ACTION, pages
from bot.workflow.incoming import Wish
from bot.workflow.ports import NoteView, Why
from deploy.sandbox.model import Json
from deploy.sandbox.validate.check import elements_of
from inference.note import Kind, Language
from tests.bot.test_views import CHINESE_LINE, LONG_LINE, check, items_of
from tests.support.builders import NOW, a_counselor, a_note, a_revision, an_item
from training.data.records import Reason

MINE = Item(Kind.ADVICE, "Walk after lunch.", Origin.COUNSELOR)
KEPT = Item(Kind.ADVICE, "Keep a diary.", Origin.MODEL, kept=True)
NEW = an_item("What helps?", Kind.QUESTION)


def elements(view: NoteView) -> list[Json]:
    """All buttons and menus of a note."""
    return [element for page in check(pages(view)) for block in page.blocks for element in elements_of(block) if "action_id" in element]


def action_ids(view: NoteView) -> list[str]:
    """Their names, in order."""
    return [element["action_id"] for element in elements(view)]


def everything(view: NoteView) -> str:
    """All of a note's messages as JSON."""
    return json.dumps([page.blocks for page in check(pages(view))], ensure_ascii=False)


@pytest.mark.parametrize("language", list(Language))
def test_each_line_has_a_menu(language: Language) -> None:
    """Keep, edit, drop; a kept line can be let go, a counselor's own needs no keeping. The menu names revision and line."""
    view = NoteView(a_note(a_revision(an_item(), MINE, KEPT, NEW)), language)
    assert view.note.current
    (page,) = check(pages(view))
    menus = {tuple(json.loads(block["block_id"])): block["accessory"] for block in page.blocks if "accessory" in block}
    choices = {place: [option["value"] for option in menu["options"]] for (_, _, place), menu in menus.items()}
    usual = [ItemChange.KEPT, ItemChange.REWRITTEN, ItemChange.DROPPED]
    assert choices == {0: usual, 1: usual[1:], 2: [ItemChange.RELEASED, *usual[1:]], 3: usual}
    assert {names[:2] for names in menus} == {(view.note.id, view.note.current.id)}
    said = [option["text"]["text"] for menu in menus.values() for option in menu["options"]]
    assert set(said) <= set(edit_texts(language).menu.values())


@pytest.mark.parametrize("line", ["Short.", LONG_LINE, CHINESE_LINE])
@pytest.mark.parametrize("lines", [1, 9, MENU_LINES, MENU_LINES + 1, 60])
def test_menus_are_there_where_one_message_holds_them(lines: int, line: str) -> None:
    """Up to 20 short lines; a longer note has none, and is whole all the same. Slack takes it either way, whatever stands below it."""
    note = a_note(a_revision(*items_of(*[f"{number}: {line}".strip() for number in range(lines)])))
    view = NoteView(note, Language.ENGLISH, Reading.EDITED, "9.9", why=Why("r" * 32, True, None, undo=True))
    menus = action_ids(view).count(ITEM_ACTION)
    assert menus in {0, lines}
    if line == "Short.":
        assert (menus > 0) is (lines <= MENU_LINES)
    if menus:
        assert len(pages(view)) == 1
    assert EDIT_ACTION in action_ids(view)


@pytest.mark.parametrize("language", list(Language))
def test_the_new_answer_says_what_it_took_over_and_what_is_new(language: Language) -> None:
    """Lines that stood before are counted, new ones bear a mark until the next revision, kept and own ones theirs."""
    before, after = a_revision(MINE, KEPT, number=2, by=a_counselor()), a_revision(MINE, KEPT, NEW, number=3)
    words = edit_texts(language)
    shown = everything(NoteView(a_note(a_revision(an_item()), before, after), language))
    assert words.taken_over.format(count=2, before=2, new=1) in shown
    for text in ("1. What helps? ✦", "1. Walk after lunch. ✎", "2. Keep a diary. ⚑"):
        assert f'"{text}"' in shown
    assert words.kept in shown
    nothing = everything(NoteView(a_note(a_revision(an_item()), before, a_revision(MINE, KEPT, number=3)), language))
    assert words.nothing_new.format(count=2, before=2) in nothing
    later = a_revision(MINE, NEW, number=4, by=a_counselor())
    assert "✦" not in everything(NoteView(a_note(a_revision(an_item()), before, after, later), language))


def test_where_all_is_new_nothing_is_marked() -> None:
    """A mark on every line says nothing; a first answer took nothing over."""
    view = NoteView(a_note(a_revision(an_item("Old.")), a_revision(NEW, number=2)), Language.ENGLISH)
    assert "All lines are new" in everything(view)
    assert "✦" not in everything(view)
    first = everything(NoteView(a_note(a_revision(NEW)), Language.ENGLISH))
    assert "new" not in first.replace("New answer", "").replace("new_answer", "")


def test_the_buttons_under_a_note() -> None:
    """Edit, New answer, Shorter, Accept, and thumbs for the model; an accepted note is at rest, an emptied one can be asked for anew."""
    view = NoteView(a_note(a_revision(an_item())), Language.ENGLISH)
    wishes = [WISH_ACTIONS[Wish.ANEW], WISH_ACTIONS[Wish.SHORTER]]
    assert action_ids(view) == [ITEM_ACTION, EDIT_ACTION, *wishes, ACCEPT_ACTION, FEEDBACK_ACTION]
    assert view.note.current
    accepted = view.note.accept("U0LI", view.note.current.id, NOW)
    assert action_ids(replace(view, note=accepted, why=Why("r", True, None))) == [EDIT_ACTION]
    emptied = a_note(a_revision(an_item()), a_revision(number=2, by=a_counselor()))
    assert action_ids(NoteView(emptied, Language.ENGLISH)) == [EDIT_ACTION, wishes[0]]
    summary = a_note(a_revision(an_item()), purpose=Purpose.SUMMARY)
    assert not {ITEM_ACTION, FEEDBACK_ACTION, *wishes} & set(action_ids(NoteView(summary, Language.ENGLISH)))


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("edited", [True, False])
def test_a_reason_is_one_tap(language: Language, edited: bool) -> None:
    """Four buttons under a question, each naming revision and reason; once stated, the reason stands in their place."""
    words, note = edit_texts(language), a_note(a_revision(an_item()))
    asked = NoteView(note, language, why=Why("r7", edited, None))
    assert (words.why_edited if edited else words.why_disliked) in everything(asked)
    buttons = [element for element in elements(asked) if element["action_id"].startswith(REASON_ACTION)]
    assert [json.loads(button["value"]) for button in buttons] == [[note.id, "r7", reason] for reason in Reason]
    assert [button["text"]["text"] for button in buttons] == [words.reasons[reason] for reason in Reason]
    stated = NoteView(note, language, why=Why("r7", edited, Reason.RISK))
    assert words.reason.format(reason=words.reasons[Reason.RISK]) in everything(stated)
    assert not [name for name in action_ids(stated) if name.startswith(REASON_ACTION)]
    assert UNDO_ACTION not in action_ids(asked)


@pytest.mark.parametrize("reason", [None, Reason.TONE])
def test_a_tap_can_be_undone(reason: Reason | None) -> None:
    """As long as nothing came since, whether a reason was stated or not."""
    view = NoteView(a_note(a_revision(an_item())), Language.ENGLISH, why=Why("r7", True, reason, undo=True))
    (undo,) = [element for element in elements(view) if element["action_id"] == UNDO_ACTION]
    assert json.loads(undo["value"]) == [view.note.id, "r7"]
