"""How a reply in a note's thread is read: as an edited answer, or as added information.

A reply that is itself an itemized note, or that shares most of its lines with the note it answers, is an edited answer. Anything
else is information.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from bot.domain.errors import NothingToRead
from bot.domain.note import Item, same_text
from inference.note import Kind, NoteItem, clean_text

HEADINGS = {
    "analysis": Kind.ANALYSIS,
    "assessment": Kind.ANALYSIS,
    "分析": Kind.ANALYSIS,
    "advice": Kind.ADVICE,
    "suggestions": Kind.ADVICE,
    "建议": Kind.ADVICE,
    "question": Kind.QUESTION,
    "questions": Kind.QUESTION,
    "questions to ask": Kind.QUESTION,
    "提问": Kind.QUESTION,
    "问题": Kind.QUESTION,
    "可提的问题": Kind.QUESTION,
}

# a hyphen right before a digit is a minus: "-5 kg since March" keeps it
_BULLET = re.compile(r"^\s*(?:[-*•·◦–—▪]\s+|[•·◦▪](?=\S)|-(?=[^\s\d-])|\(?\d{1,2}[.)](?!\d)\s*|\d{1,2}、\s*|[（(]\d{1,2}[）)]\s*|[①-⑳]\s*)")
_MARKUP = re.compile(r"^[*_~`#\s]+|[*_~`\s]+$")
_DIVIDER = re.compile(r"[-–—_*=~\s]+")
_FOOT = re.compile(
    r"\s*(?:(?:Version \d+|第 \d+ 版) · |I read your message as |Why the change\?|What is wrong with it\?"
    r"|I took your \d+ messages as one description\.|The description was (?:edited after this note was written|deleted\. This note)"
    r"|A reply (?:that this note rests on was edited|was deleted\. This note)|An edited answer was deleted\. Its lines"
    r"|Nothing else was reported here, so|我把您的消息理解为|为什么修改？|哪里不合适？|我把您连续发送的|这份记录写成之后，"
    r"|描述已删除。这份记录|一条补充信息已删除。|一份交回的修改稿已删除|这里没有其他内容，)"
)
"""How the lines below a note begin, in each language: they are copied along with it, and are none of its items."""
COUNSELOR_MARK, KEPT_MARK, NEW_MARK, CARRIED_MARK = "✎", "⚑", "✦", "↻"
"""What stands after an item in Slack: a counselor's words, a line that a counselor kept, one that the newest answer brought, and one
that was carried forward."""
GENERAL_MARK = "◦"
"""Stands after what rests on no description."""
_SIGNS = f"{COUNSELOR_MARK}{KEPT_MARK}{NEW_MARK}{CARRIED_MARK}{GENERAL_MARK}"
_MARKS = re.compile(rf"(?:\s*[{_SIGNS}])+$")
_MARKS_WITH_NUMBERS = re.compile(rf"(?:\s*(?:[{_SIGNS}]|\[\d{{1,4}}\]))+$")
"""The marks after an item: copied along with it, they are none of its words. A number in brackets is one only where the note shows such."""


class Reading(StrEnum):
    """What a counselor's message is taken for."""

    DESCRIPTION = "description"
    INFORMATION = "information"
    EDITED = "edited"


@dataclass(frozen=True)
class Line:
    """A line of a reply: its text without the bullet, whether it had one, and whether it follows the line before without a gap."""

    text: str
    bulleted: bool
    heading: Kind | None
    close: bool = False


def read_reply(text: str, current: Sequence[Item]) -> Reading:
    """What a reply means, given the items of the note it answers."""
    lines = _lines(text, current)
    items = [line for line in lines if line.heading is None]
    if not items or not current:
        return Reading.INFORMATION
    # more lines than twice the note's can't be mostly the note's; comparing thousands of them would hold everybody up
    few = items if len(items) <= 2 * len(current) else ()
    shared = sum(any(same_text(line.text, item.text) for item in current) for line in few)
    if shared * 2 > len(items):
        return Reading.EDITED
    bulleted = sum(line.bulleted for line in items)
    itemized = bulleted >= 2 and bulleted * 3 >= len(items) * 2
    headed = len(items) < len(lines) and bulleted >= 1
    return Reading.EDITED if itemized or headed else Reading.INFORMATION


def read_items(text: str, current: Sequence[Item] = ()) -> tuple[NoteItem, ...]:
    """The lines of an edited answer as items.

    A line's kind is that of the heading above it; without one, that of the item it came from; else a question if it ends
    with a question mark, and advice if not. Lines without a bullet right under a bulleted one continue it.

    Raises:
        NothingToRead: there is no line at all.
    """
    heading: Kind | None = None
    found: list[NoteItem] = []
    for line in _joined(_lines(text, current), current):
        if line.heading is not None:
            heading = line.heading
        else:
            found.append(NoteItem(heading or _kind_of(line.text, current), line.text))
    if not found:
        raise NothingToRead
    return tuple(found)


def _kind_of(text: str, current: Sequence[Item]) -> Kind:
    for item in current:
        if same_text(text, item.text):
            return item.kind
    return Kind.QUESTION if text.rstrip().endswith(("?", "？")) else Kind.ADVICE


def _lines(text: str, current: Sequence[Item]) -> list[Line]:
    marks = _MARKS_WITH_NUMBERS if any(item.evidence for item in current) else _MARKS
    found: list[Line] = []
    close = False
    for raw in text.splitlines():
        if _FOOT.match(raw):
            close = False
            continue
        bulleted = bool(_BULLET.match(raw))
        body = marks.sub("", clean_text(_BULLET.sub("", raw, count=1)))
        heading = HEADINGS.get(_MARKUP.sub("", body).rstrip(":： *").casefold())
        if body and not _DIVIDER.fullmatch(body):
            found.append(Line(body, bulleted, heading, close))
        close = bool(body)
    return found


def _continues(last: Line, line: Line) -> bool:
    return last.bulleted and not line.bulleted and last.heading is None and line.heading is None


def _joined(lines: Sequence[Line], current: Sequence[Item]) -> list[Line]:
    """Lines with wrapped ones put back together: a plain line right under a bulleted one belongs to it, unless that is a whole item."""
    whole = {item.text for item in current}
    joined: list[Line] = []
    for line in lines:
        last = joined[-1] if joined else None
        if last and last.text not in whole and line.close and _continues(last, line):
            gap = "" if "\u2e80" <= last.text[-1] <= "\uffef" else " "  # Chinese is written without spaces
            joined[-1] = Line(f"{last.text}{gap}{line.text}", True, None)
        else:
            joined.append(line)
    return joined
