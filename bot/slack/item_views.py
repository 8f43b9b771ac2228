"""What belongs to single lines of a note, and to what people think of it, as Slack's Block Kit: menus, marks, thumbs, reasons.

A note of usual length has a menu beside each line. A longer one would need several messages for its menus alone, so it has the form
behind Edit, which every note has. An accepted note is at rest: it shows none of this.
"""

import json
from collections.abc import Collection

from bot.domain.editing import ItemChange, taken_over
from bot.domain.note import Item, Origin, Purpose
from bot.domain.reading import COUNSELOR_MARK, KEPT_MARK, NEW_MARK
from bot.slack.blocks import Block, button, context, escape, plain, section
from bot.slack.edit_texts import EditTexts, edit_texts
from bot.slack.evidence_views import Citations, evidence_marks
from bot.slack.final_views import carried_mark
from bot.slack.texts import texts
from bot.workflow.incoming import Wish
from bot.workflow.ports import NoteView
from inference.note import Kind
from training.data.records import Reason

ITEM_ACTION = "change_item"
UNDO_ACTION = "undo_change"
REASON_ACTION = "state_reason"
FEEDBACK_ACTION = "rate_note"
WISH_ACTIONS = {Wish.ANEW: "new_answer", Wish.SHORTER: "shorter_answer"}

MENU_LINES = 20
MENU_CHARS = 9000
"""Of all lines with their menus, as JSON: with what stands below them, one message holds no more."""


def new_texts(view: NoteView) -> frozenset[str]:
    """The texts of the lines that are marked as new: those of the newest answer, unless all are."""
    taken = taken_over(view.note)
    return frozenset(taken.new) if taken and taken.count else frozenset()


def marked(item: Item, new: Collection[str], cited: Citations | None = None) -> str:
    """An item's text with its marks."""
    marks = [
        COUNSELOR_MARK if item.origin is Origin.COUNSELOR else KEPT_MARK if item.kept else "",
        NEW_MARK if item.text in new else "",
    ]
    return " ".join([escape(item.text), *(mark for mark in marks if mark), *carried_mark(item), *evidence_marks(item, cited)])


def lines_with_menus(view: NoteView, cited: Citations | None = None) -> list[Block] | None:
    """One section a line, each with its menu, under the headings of their kinds; None where a note is too long for menus, or at rest."""
    note, revision = view.note, view.note.current
    if note.purpose is not Purpose.ANSWER or note.acceptance or revision is None or not 0 < len(note.items) <= MENU_LINES:
        return None
    words, headings, new = edit_texts(view.language), texts(view.language).headings, new_texts(view)
    blocks: list[Block] = []
    for kind in Kind:
        places = [place for place, item in enumerate(note.items) if item.kind is kind]
        blocks += [section(f"*{headings[kind]}*")] if places else []
        for number, place in enumerate(places, start=1):
            item = note.items[place]
            block = section(f"{number}. {marked(item, new, cited)}") | {"accessory": _menu(item, words)}
            blocks.append(block | {"block_id": json.dumps([note.id, revision.id, place])})
    return blocks if len(json.dumps(blocks, ensure_ascii=False)) <= MENU_CHARS else None


def _menu(item: Item, words: EditTexts) -> Block:
    own = item.origin is Origin.COUNSELOR
    keep = [] if own else [ItemChange.RELEASED if item.kept else ItemChange.KEPT]
    changes = [*keep, ItemChange.REWRITTEN, ItemChange.DROPPED]
    options = [{"text": plain(words.menu[change]), "value": change.value} for change in changes]
    return {"type": "overflow", "action_id": ITEM_ACTION, "options": options}


def marks_explained(view: NoteView) -> list[str]:
    """What the newest answer took over, and what the marks mean, as parts of the line below a note."""
    words, taken = edit_texts(view.language), taken_over(view.note)
    parts = []
    if taken and taken.count:
        said = words.taken_over if taken.new else words.nothing_new
        parts.append(said.format(count=taken.count, before=taken.before, new=len(taken.new)))
    elif taken and taken.new:
        parts.append(words.all_new)
    if any(item.origin is Origin.COUNSELOR for item in view.note.items):
        parts.append(texts(view.language).your_words)
    if any(item.kept and item.origin is Origin.MODEL for item in view.note.items):
        parts.append(words.kept)
    if view.why and view.why.reason:
        parts.append(words.reason.format(reason=words.reasons[view.why.reason]))
    return parts


def wish_buttons(view: NoteView) -> list[Block]:
    """New answer, and Shorter where there is something to shorten."""
    note, revision, words = view.note, view.note.current, edit_texts(view.language)
    if revision is None or note.acceptance or note.purpose is not Purpose.ANSWER:
        return []
    value = json.dumps([note.id, revision.id])
    anew = button(WISH_ACTIONS[Wish.ANEW], words.new_answer, value)
    return [anew, button(WISH_ACTIONS[Wish.SHORTER], words.shorter, value)] if note.items else [anew]


def thumbs(view: NoteView) -> list[Block]:
    """Thumbs for what the model wrote."""
    note, revision, words = view.note, view.note.current, edit_texts(view.language)
    if revision is None or note.acceptance or note.purpose is not Purpose.ANSWER or revision.author.origin is not Origin.MODEL:
        return []
    good, bad = (
        {"text": plain(text), "value": json.dumps([note.id, revision.id, is_good])}
        for text, is_good in ((words.good, True), (words.bad, False))
    )
    element = {"type": "feedback_buttons", "action_id": FEEDBACK_ACTION, "positive_button": good, "negative_button": bad}
    return [{"type": "context_actions", "elements": [element]}]


def reasons(view: NoteView) -> list[Block]:
    """The question why, with one button a reason, and Undo after a tap."""
    why, note, words = view.why, view.note, edit_texts(view.language)
    if why is None or note.acceptance:
        return []
    buttons = []
    if why.reason is None:
        for reason in Reason:
            value = json.dumps([note.id, why.revision_id, reason])
            buttons.append(button(f"{REASON_ACTION}:{reason}", words.reasons[reason], value))
    if why.undo:
        buttons.append(button(UNDO_ACTION, words.menu[ItemChange.UNDONE], json.dumps([note.id, why.revision_id])))
    asked = [context(words.why_edited if why.edited else words.why_disliked)] if why.reason is None else []
    return [*asked, {"type": "actions", "elements": buttons}] if buttons else []
