"""A case's history as a modal, one note a page: pure functions of typed values.

Slack takes 100 blocks and 250 kB a modal. A note that needs more is shown in parts; an item never loses a word. What changed is shown
as rich text, in which a struck word is a struck word whatever stands beside it, in Chinese too.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from bot.domain.case import Case
from bot.domain.differences import Change, ItemChange, Piece
from bot.domain.note import Approval, Note, Origin, Purpose, Revision
from bot.domain.reading import COUNSELOR_MARK, Reading
from bot.slack.blocks import Block, button, context, escape, fit, header, moment, plain, section
from bot.slack.history_texts import HistoryTexts, history_texts
from bot.slack.texts import texts
from bot.workflow.history import Event, Revised, Told
from bot.workflow.ports import PastNote, Step
from inference.note import Kind, Language

HISTORY_VIEW = "history"
OLDER_ACTION, NEWER_ACTION, DAY_ACTION = "history_older", "history_newer", "history_day"
PART_BEFORE_ACTION, PART_AFTER_ACTION = "history_part_before", "history_part_after"
SECTION_CHARS = 2800
LIST_CHARS = 2500
PART_BLOCKS = 90
PART_BYTES = 120_000

_STYLES = {Change.CUT: {"strike": True}, Change.ADDED: {"bold": True}}


@dataclass(frozen=True)
class Place:
    """Where somebody stands in a case's history."""

    case_id: str
    channel_id: str
    position: int
    part: int

    @classmethod
    def read(cls, metadata: str) -> "Place":
        """The place which a modal carries."""
        about = json.loads(metadata)
        return cls(about["case"], about["channel"], int(about["position"]), int(about["part"]))


def history_modal(case: Case, past: PastNote, events: Sequence[Event], part: int) -> dict[str, Any]:
    """One note of a case's history; a part beyond the last one is the last one."""
    words = history_texts(case.language)
    parts = _parts([block for event in events for block in _event(event, case.language)])
    part = max(0, min(part, len(parts) - 1))
    title = words.place[past.note.purpose].format(number=f"{past.number:,}", of=f"{past.of:,}")
    if len(parts) > 1:
        title += " · " + words.part.format(part=part + 1, parts=len(parts))
    unanswered = [context(words.unanswered)] if not past.note.revisions and part == len(parts) - 1 else []
    about = {"case": case.id, "channel": case.channel_id, "position": past.position, "part": part}
    return {
        "type": "modal",
        "callback_id": HISTORY_VIEW,
        "title": plain(words.title),
        "close": plain(words.close),
        "private_metadata": json.dumps(about),
        "blocks": [
            header(title),
            *_state(past.note, words),
            *parts[part],
            *unanswered,
            *([context(words.legend)] if any(_marks(event) for event in events) else []),
            *_buttons(past, part, len(parts), words),
        ],
    }


def closed_modal(sentence: str, language: Language) -> dict[str, Any]:
    """What takes the history's place when it may not be shown any more."""
    words = history_texts(language)
    return {"type": "modal", "title": plain(words.title), "close": plain(words.close), "blocks": [section(sentence)]}


def _state(note: Note, words: HistoryTexts) -> list[Block]:
    if note.purpose is Purpose.SUMMARY:
        line = words.approved.format(**_given(note, note.approval)) if note.approval else words.draft
        return [context(line)]
    lines = [words.accepted.format(**_given(note, acceptance)) for acceptance in note.acceptances[-5:]]
    return [context("\n".join(lines))] if lines else []


def _given(note: Note, given: Approval) -> dict[str, Any]:
    number = next((revision.number for revision in note.revisions if revision.id == given.revision_id), "?")
    return {"who": f"<@{given.user_id}>", "when": moment(given.at), "number": number, "hash": given.content_hash[:12]}


def _event(event: Event, language: Language) -> Iterator[Block]:
    words = history_texts(language)
    match event:
        case Told():
            head = words.edited if event.again else words.described if event.report.reading is Reading.DESCRIPTION else words.informed
            yield context(head.format(who=f"<@{event.report.author_id}>", when=moment(event.at)))
            lines = [line for line in escape(event.report.text).splitlines() if line.strip()]
            yield from (section("\n".join(group)) for group in fit(lines, SECTION_CHARS))
        case Revised():
            yield context(_version(event, words))
            yield from _items(event.changes, language) if event.changes else [context(words.nothing_left)]


def _version(event: Revised, words: HistoryTexts) -> str:
    line = words.version.format(number=event.revision.number, author=_author(event.revision, words), when=moment(event.at))
    if event.first:
        return line
    counts = Counter(change.change for change in event.changes)
    if set(counts) <= {Change.KEPT}:
        return f"{line}\n{words.unchanged}"
    return f"{line}\n" + " · ".join(words.changes[change].format(number=counts[change]) for change in Change if counts[change])


def _author(revision: Revision, words: HistoryTexts) -> str:
    name = revision.author.name
    return f"<@{name}>" if revision.author.origin is Origin.COUNSELOR else words.by_model.format(name=escape(name))


def _items(changes: Sequence[ItemChange], language: Language) -> Iterator[Block]:
    """One list a kind, in as many blocks as it takes."""
    headings = texts(language).headings
    for kind in Kind:
        heading: list[Block] = [{"type": "rich_text_section", "elements": [_text(headings[kind], {"bold": True})]}]
        for group in _grouped([part for change in changes if change.kind is kind for part in _cut(change)]):
            listed = [{"type": "rich_text_section", "elements": list(elements)} for elements in group]
            yield {"type": "rich_text", "elements": [*heading, {"type": "rich_text_list", "style": "bullet", "elements": listed}]}
            heading = []


def _cut(change: ItemChange) -> Iterator[list[Block]]:
    """An item as rich text; one that is longer than a block in several."""
    mark = [Piece(f" {COUNSELOR_MARK}", Change.KEPT)] if change.origin is Origin.COUNSELOR and change.change is not Change.CUT else []
    room = LIST_CHARS
    elements: list[Block] = []
    for piece in (*change.pieces, *mark):
        text = piece.text
        while text:
            if room == 0:
                yield elements
                room, elements = LIST_CHARS, []
            now, text = text[:room], text[room:]
            room -= len(now)
            elements.append(_text(now, _STYLES.get(piece.change)))
    yield elements


def _grouped(items: Sequence[list[Block]]) -> Iterator[list[list[Block]]]:
    group: list[list[Block]] = []
    used = 0
    for elements in items:
        size = sum(len(element["text"]) for element in elements)
        if group and used + size > LIST_CHARS:
            yield group
            group, used = [], 0
        group.append(elements)
        used += size
    if group:
        yield group


def _text(text: str, style: dict[str, bool] | None = None) -> Block:
    return {"type": "text", "text": text} | ({"style": style} if style else {})


def _parts(blocks: Sequence[Block]) -> list[list[Block]]:
    parts: list[list[Block]] = [[]]
    used = 0
    for block in blocks:
        size = len(json.dumps(block))
        if parts[-1] and (len(parts[-1]) >= PART_BLOCKS or used + size > PART_BYTES):
            parts.append([])
            used = 0
        parts[-1].append(block)
        used += size
    return parts


def _marks(event: Event) -> bool:
    """Whether an event shows anything that the legend explains."""
    return isinstance(event, Revised) and any(
        change.change is not Change.KEPT or change.origin is Origin.COUNSELOR for change in event.changes
    )


def _buttons(past: PastNote, part: int, parts: int, words: HistoryTexts) -> list[Block]:
    within: list[Block] = []
    if part > 0:
        within.append(button(PART_BEFORE_ACTION, words.part_before, Step.HERE))
    if part < parts - 1:
        within.append(button(PART_AFTER_ACTION, words.part_after, Step.HERE))
    among: list[Block] = []
    if past.number > 1:
        among.append(button(OLDER_ACTION, words.older, Step.OLDER))
    if past.number < past.of:
        among.append(button(NEWER_ACTION, words.newer, Step.NEWER))
    if past.of > 1:
        among.append({"type": "datepicker", "action_id": DAY_ACTION, "placeholder": plain(words.go_to)})
    return [{"type": "actions", "elements": [*within, *among]}] if within or among else []
