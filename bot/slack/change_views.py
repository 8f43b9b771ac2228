"""What stands under a note when its description changed, or was made of several messages: a line, and what can be done about it."""

import json

from bot.domain.change import ChangeKind
from bot.domain.note import Purpose
from bot.domain.reading import Reading
from bot.slack.blocks import Block, button, context, escape, plain
from bot.slack.change_texts import ChangeTexts, change_texts
from bot.workflow.ports import NoteView, Notice

WRITE_AGAIN_ACTION = "write_again"
REMOVE_NOTE_ACTION = "remove_note"
SEPARATE_ACTION = "separate_descriptions"
NAME_CHARS = 80


def change_blocks(view: NoteView) -> list[Block]:
    """The lines and buttons below a note's own; none for most notes."""
    if view.note.current is None or view.note.approval:
        return []
    words = change_texts(view.language)
    return [*_joined(view, words), *_changed(view, words)]


def change_notice(notice: Notice) -> str | None:
    """A notice of this kind as one sentence; None if it is of another."""
    sentence = change_texts(notice.language).signs.get(notice.sign)
    if sentence is None:
        return None
    name = notice.name if len(notice.name) <= NAME_CHARS else f"{notice.name[: NAME_CHARS - 1]}…"
    return sentence.format(number=f"{notice.number:,}", length=f"{notice.length:,}", name=f"“{escape(name)}”")


def _joined(view: NoteView, words: ChangeTexts) -> list[Block]:
    note = view.note
    if view.messages < 2 or note.acceptance or note.current is None:
        return []
    apart = button(SEPARATE_ACTION, words.separate, json.dumps([note.id, note.current.id]))
    return [context(words.joined.format(number=view.messages)), {"type": "actions", "elements": [apart]}]


def _changed(view: NoteView, words: ChangeTexts) -> list[Block]:
    note, change = view.note, view.change
    if change is None or note.current is None:
        return []
    lines_stay = change.reading is Reading.EDITED
    may_rewrite = view.may_rewrite and not lines_stay
    lines = [words.changed[change.kind, change.reading], *([] if may_rewrite or lines_stay else [words.nothing_left])]
    # seen: the same click after another change of the same note is another act
    seen = f"{note.current.id}:{change.kind}:{change.source_ts}:{int(change.at.timestamp())}"
    buttons = [button(WRITE_AGAIN_ACTION, words.write_again[change.kind], json.dumps([note.id, seen]))] if may_rewrite else []
    if change.kind is ChangeKind.DELETED and note.purpose is Purpose.ANSWER:
        sure = {
            "title": plain(words.remove_sure),
            "text": plain(words.remove_question),
            "confirm": plain(words.remove),
            "deny": plain(words.keep),
            "style": "danger",
        }
        buttons.append(button(REMOVE_NOTE_ACTION, words.remove, json.dumps([note.id, note.current.id])) | {"confirm": sure})
    return [context("\n".join(lines)), *([{"type": "actions", "elements": buttons}] if buttons else [])]
