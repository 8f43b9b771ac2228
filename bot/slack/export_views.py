"""The modal that asks which final notes to export, and as what."""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from bot.domain.note import Note
from bot.domain.shared_file import FileType
from bot.slack.blocks import Block, context, plain
from bot.slack.final_texts import FinalTexts, final_texts
from bot.slack.texts import texts
from inference.note import Language

EXPORT_VIEW = "export_notes"
NOTES, TYPES = "notes", "types"
"""Block ids."""
MOST = 100
"""Slack's limit for the options of one menu."""
USUAL = (FileType.DOCX,)

Values = Mapping[str, Mapping[str, Mapping[str, Any]]]


def export_modal(notes: Sequence[Note], chosen: Collection[str], language: Language, channel_id: str) -> dict[str, Any]:
    """Final notes, the newest first, those with the ids `chosen` being ticked, and the types of files. At least one note is needed."""
    words = final_texts(language)
    options = [_option(_label(note, language, words), note.id) for note in reversed(notes[-MOST:])]
    menu: Block = {"type": "multi_static_select", "action_id": "choice", "options": options}
    ticked = [option for option in options if option["value"] in chosen]
    if ticked:
        menu["initial_options"] = ticked
    types = [_option(words.file_types[each], each) for each in FileType]
    boxes = {"type": "checkboxes", "action_id": "choice", "options": types, "initial_options": types[: len(USUAL)]}
    return {
        "type": "modal",
        "callback_id": EXPORT_VIEW,
        "title": plain(words.export_title),
        "submit": plain(words.export),
        "close": plain(texts(language).cancel),
        "private_metadata": json.dumps({"channel": channel_id, "language": language}),
        "blocks": [
            {"type": "input", "block_id": NOTES, "label": plain(words.export_notes), "element": menu},
            {"type": "input", "block_id": TYPES, "label": plain(words.export_types), "element": boxes},
            context(words.export_means),
        ],
    }


def read_export(values: Values) -> tuple[tuple[str, ...], tuple[FileType, ...]]:
    """The ids of the notes and the types that were chosen, `values` being Slack's `view.state.values`."""
    return _chosen(values, NOTES), tuple(map(FileType, _chosen(values, TYPES)))


def _chosen(values: Values, block_id: str) -> tuple[str, ...]:
    field = next(iter(values.get(block_id, {}).values()), {})
    return tuple(str(option["value"]) for option in field.get("selected_options") or ())


def _option(text: str, value: str) -> Block:
    return {"text": plain(text), "value": value}


def _label(note: Note, language: Language, words: FinalTexts) -> str:
    form = note.format.title.of(language) if note.format else words.itemized
    if note.approval:
        return words.option.format(day=note.approval.at.date(), format=form)[:75]
    return words.option_draft.format(day=note.revisions[0].created_at.date(), format=form)[:75]
