"""The form that deletes a case, and the certificate: pure functions of typed values."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from bot.domain.audit import BOT
from bot.domain.case import Case
from bot.domain.deletion import Deletion
from bot.slack.blocks import Block, context, escape, fit, header, moment, plain, section
from bot.slack.deletion_texts import DeletionTexts, deletion_texts
from bot.slack.texts import texts
from inference.note import Language

DELETION_VIEW = "delete_case"
CODE = "code"
SECTION_CHARS = 2800

Values = Mapping[str, Mapping[str, Mapping[str, Any]]]


def deletion_modal(case: Case, channel_id: str, language: Language) -> dict[str, Any]:
    """The form, opened in `channel_id`, which need not be the case's."""
    words, buttons = deletion_texts(language), texts(language)
    about = {"case": case.id, "code": case.code, "channel": channel_id, "language": language}
    field: Block = {"type": "plain_text_input", "action_id": "text", "max_length": 200}
    return {
        "type": "modal",
        "callback_id": DELETION_VIEW,
        "title": plain(words.title),
        "submit": plain(words.submit),
        "close": plain(buttons.cancel),
        "private_metadata": json.dumps(about),
        "blocks": [
            section(words.destroys.format(code=escape(case.code))),
            section(words.stays),
            {
                "type": "input",
                "block_id": CODE,
                "label": plain(words.code.format(code=case.code)),
                "hint": plain(words.code_hint),
                "element": field,
            },
        ],
    }


def typed_code(values: Values) -> str:
    """What was typed, `values` being Slack's `view.state.values`."""
    return str(next(iter(values.get(CODE, {}).values()), {}).get("value") or "").strip()


def certificate(deletion: Deletion, language: Language) -> tuple[str, list[Block]]:
    """The certificate of a deletion: its text for notifications, and its blocks."""
    words = deletion_texts(language)
    lines = list(_lines(deletion, words))
    blocks = [section("\n".join(group)) for group in fit(lines, SECTION_CHARS)]
    foot = context(words.audited.format(number=deletion.audit.number, hash=deletion.audit.hash))
    return f"{words.certificate}: {escape(deletion.code)}", [header(words.certificate), *blocks, foot]


def _lines(deletion: Deletion, words: DeletionTexts) -> Iterable[str]:
    found = deletion.found
    by = words.by_time if deletion.by == BOT else words.by_person.format(who=f"<@{deletion.by}>")
    yield words.head.format(code=escape(deletion.code), id=deletion.case_id, when=moment(deletion.at), by=by)
    yield words.destroyed.format(notes=deletion.notes, descriptions=deletion.descriptions)
    yield words.messages.format(number=found.messages) if found.channel_seen else words.messages_unseen
    if found.messages_left:
        yield words.messages_left.format(number=found.messages_left)
    yield words.datasets.format(names=_names(found.datasets, words)) if found.datasets else words.no_datasets
    yield words.adapters.format(names=_names(found.adapters, words)) if found.adapters else words.no_adapters
    if found.in_service:
        yield words.in_service.format(name=escape(found.in_service))
    if found.unclear:
        yield words.unclear.format(names=_names(found.unclear, words))
    yield words.left
    yield words.database


def _names(names: Iterable[str], words: DeletionTexts) -> str:
    return words.between.join(f"`{escape(name)}`" for name in names)
