"""The note format: what the model writes and what everybody else reads.

A note is a list of items of three kinds. On the wire it is one JSON object with one list of strings a kind, in a fixed
order, because that costs about one token an item of overhead and streams in the order in which it is shown::

    {"analysis": ["…"], "advice": ["…"], "questions": ["…"]}
"""

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic_core import from_json

from inference.errors import InvalidNote


class Kind(StrEnum):
    """What an item is for: understanding, doing, or asking."""

    ANALYSIS = "analysis"
    ADVICE = "advice"
    QUESTION = "question"


class Language(StrEnum):
    """The language of a case: of its prompts, its notes and its messages."""

    ENGLISH = "en"
    CHINESE = "zh"


@dataclass(frozen=True)
class NoteLimits:
    """How long a note may get: the server holds the model to it while it writes."""

    items_per_kind: int = 8
    item_chars: int = 400


FIELD = {Kind.ANALYSIS: "analysis", Kind.ADVICE: "advice", Kind.QUESTION: "questions"}


@dataclass(frozen=True)
class NoteItem:
    """One line of a note."""

    kind: Kind
    text: str


def note_schema(min_items: int = 1, limits: NoteLimits = NoteLimits()) -> dict[str, Any]:
    """The JSON schema for guided decoding; `min_items` is per kind, 0 where the model may have nothing to add."""
    text = {"type": "string", "minLength": 2, "maxLength": limits.item_chars}
    items = {"type": "array", "items": text, "minItems": min_items, "maxItems": limits.items_per_kind}
    return {
        "type": "object",
        "properties": dict.fromkeys(FIELD.values(), items),
        "required": list(FIELD.values()),
        "additionalProperties": False,
    }


def dump_note(items: Iterable[NoteItem]) -> str:
    """Items as the model writes them: compact JSON, one list a kind."""
    listed = list(items)
    grouped = {field: [item.text for item in listed if item.kind is kind] for kind, field in FIELD.items()}
    return json.dumps(grouped, ensure_ascii=False, separators=(",", ":"))


def list_note(items: Iterable[NoteItem]) -> str:
    """Items as a plain list with one heading a kind, as prompts show a note to the model."""
    listed = list(items)
    groups = []
    for kind, field in FIELD.items():
        lines = [f"- {item.text}" for item in listed if item.kind is kind]
        if lines:
            groups.append("\n".join([f"{field}:", *lines]))
    return "\n".join(groups)


def clean_text(text: str) -> str:
    """One line without control characters or doubled spaces; what a person sees is unchanged. Empty where there is nothing to see."""
    if text.isprintable() and "  " not in text:  # nearly all texts: signs and single spaces, nothing else
        return text.strip()
    if all(unicodedata.category(char)[0] in "CZ" for char in text):  # zero-width characters alone are no words
        return ""
    visible = "".join(" " if unicodedata.category(char) in {"Cc", "Zl", "Zp"} else char for char in text)
    return re.sub(r"[^\S\u3000]+", " ", visible).strip()


def parse_note(text: str) -> tuple[NoteItem, ...]:
    """A complete answer as items.

    Raises:
        InvalidNote: the text is not a JSON object of the three lists, or holds no item at all.
    """
    try:
        # from_json, not json.loads: some decoders emit raw control characters inside strings
        value = from_json(text.strip())
    except ValueError:
        try:
            value = json.loads(text, strict=False)
        except ValueError:
            raise InvalidNote("the answer is not JSON") from None
    if not isinstance(value, dict) or not set(FIELD.values()) <= value.keys():
        raise InvalidNote("the answer lacks one of its three lists")
    items = _items(value)
    if not items:
        raise InvalidNote("the answer has no items")
    return items


def parse_additions(text: str) -> tuple[NoteItem, ...]:
    """Like `parse_note`, for an answer that may add nothing."""
    try:
        return parse_note(text)
    except InvalidNote as error:
        if str(error) == "the answer has no items":
            return ()
        raise


def parse_partial(text: str) -> tuple[NoteItem, ...]:
    """Whatever items can be read so far from an answer that is still streaming; the last one may be cut short."""
    try:
        value = from_json(text.strip(), allow_partial="trailing-strings")
    except ValueError:
        return ()
    return _items(value) if isinstance(value, dict) else ()


def repair_note(text: str) -> tuple[NoteItem, ...]:
    """The items of an answer cut off by the token limit: all but the one that was being written.

    Raises:
        InvalidNote: fewer than two kinds were begun, so that the rest can't be called a note.
    """
    items = parse_partial(text)[:-1]
    if len({item.kind for item in items}) < 2:
        raise InvalidNote("the answer was cut off too early")
    return items


def _items(value: Mapping[str, Any]) -> tuple[NoteItem, ...]:
    """The items of a parsed object, in the order of the kinds; anything that is not a list of strings is passed over."""
    lists = {kind: value.get(field) for kind, field in FIELD.items()}
    return tuple(
        NoteItem(kind, cleaned)
        for kind, texts in lists.items()
        for text in (texts if isinstance(texts, list) else ())
        if isinstance(text, str) and (cleaned := clean_text(text))
    )
