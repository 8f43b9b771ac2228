"""What changed from one revision to the next, item by item, and word by word where an item was rewritten.

An item that stands in both in the same words was kept. Of the others, two that share half of their words are one item, rewritten; what
has no counterpart was cut, or added. Chinese is compared character by character, as it has no spaces between words.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum

from bot.domain.note import Item, Origin
from inference.note import Kind

REWRITTEN_FROM = 0.5
"""Share of words in common, whatever their order, from which two items count as one that was rewritten."""
MOST_COMPARED = 160_000
"""Words of one text times those of the other: above it a comparison takes a noticeable time, and goes by clauses, then by whole texts."""

_HAN = "\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_WORD = re.compile(rf"[{_HAN}]|[^\W{_HAN}]+|\s+|.", re.DOTALL)
_CLAUSE = re.compile(r"[^.,;:!?。，；：！？、]*[.,;:!?。，；：！？、]+\s*|.+", re.DOTALL)
_WHOLE = re.compile(r".+", re.DOTALL)


class Change(StrEnum):
    """What became of an item, or of some words of it."""

    KEPT = "kept"
    CUT = "cut"
    REWRITTEN = "rewritten"
    ADDED = "added"


@dataclass(frozen=True)
class Piece:
    """Some words in a row: kept, cut or added."""

    text: str
    change: Change


@dataclass(frozen=True)
class ItemChange:
    """An item, what became of it, and its words: those kept and cut are the text before, those kept and added the text after."""

    kind: Kind
    change: Change
    origin: Origin
    pieces: tuple[Piece, ...]


def differences(before: Sequence[Item], after: Sequence[Item]) -> tuple[ItemChange, ...]:
    """What became of each item, kind by kind, in the order of `after`; what was cut stands where it stood."""
    found = _counterparts(before, after)
    changes: list[tuple[tuple[int, int, int, int], ItemChange]] = []
    order = list(Kind)
    for place, item in enumerate(after):
        former = before[found[place]] if place in found else None
        changes.append(((order.index(item.kind), place, 0, 0), _became(former, item)))
    places = {old: new for new, old in found.items()}
    follows: dict[Kind, int] = {}  # the newest item's place behind which a cut one of that kind stood
    for old, item in enumerate(before):
        if old not in places:
            change = ItemChange(item.kind, Change.CUT, item.origin, (Piece(item.text, Change.CUT),))
            changes.append(((order.index(item.kind), follows.get(item.kind, -1), 1, old), change))
        elif after[places[old]].kind is item.kind:
            follows[item.kind] = places[old]
    return tuple(change for _, change in sorted(changes, key=lambda each: each[0]))


def as_written(items: Sequence[Item]) -> tuple[ItemChange, ...]:
    """A first revision: nothing in it is a change."""
    order = list(Kind)
    listed = sorted(items, key=lambda item: order.index(item.kind))
    return tuple(ItemChange(item.kind, Change.KEPT, item.origin, (Piece(item.text, Change.KEPT),)) for item in listed)


def _became(former: Item | None, item: Item) -> ItemChange:
    if former is None:
        return ItemChange(item.kind, Change.ADDED, item.origin, (Piece(item.text, Change.ADDED),))
    if former.text == item.text:
        return ItemChange(item.kind, Change.KEPT, item.origin, (Piece(item.text, Change.KEPT),))
    return ItemChange(item.kind, Change.REWRITTEN, item.origin, words_changed(former.text, item.text))


def words_changed(before: str, after: str) -> tuple[Piece, ...]:
    """The words of both texts in a row: what was cut stands before what took its place."""
    old, new = _comparable(before, after)
    runs: list[tuple[str, str]] = []  # what stood there, and what stands there now
    for tag, start, end, new_start, new_end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        was, now = "".join(old[start:end]), "".join(new[new_start:new_end])
        fold = tag != "equal" or was.isspace()  # a space alone between two changes belongs to them
        if fold and runs and runs[-1][0] != runs[-1][1]:
            runs[-1] = (runs[-1][0] + was, runs[-1][1] + now)
        else:
            runs.append((was, now))
    return tuple(_pieces(runs))


def _comparable(before: str, after: str) -> tuple[list[str], list[str]]:
    """Both texts in parts, as fine as can be compared in time."""
    for pattern in (_WORD, _CLAUSE, _WHOLE):
        old, new = pattern.findall(before), pattern.findall(after)
        if len(old) * len(new) <= MOST_COMPARED:
            break
    return old, new


def _pieces(runs: Sequence[tuple[str, str]]) -> Iterator[Piece]:
    for was, now in runs:
        if was == now:
            yield Piece(was, Change.KEPT)
            continue
        if was:
            yield Piece(was, Change.CUT)
        if now:
            yield Piece(now, Change.ADDED)


def _counterparts(before: Sequence[Item], after: Sequence[Item]) -> dict[int, int]:
    """By place in `after`, the place in `before` of what it was: first those in the same words, then the most alike."""
    found: dict[int, int] = {}
    free: dict[str, list[int]] = {}
    for old, item in enumerate(before):
        free.setdefault(item.text, []).append(old)
    for new, item in enumerate(after):
        if free.get(item.text):
            found[new] = free[item.text].pop(0)
    taken = set(found.values())
    left = [old for old in range(len(before)) if old not in taken]
    were = {old: _words(before[old].text) for old in left}
    are = {new: _words(item.text) for new, item in enumerate(after) if new not in found}
    alike = sorted(
        (-ratio, old, new)
        for new in are
        for old in were
        if before[old].kind is after[new].kind and (ratio := _likeness(were[old], are[new])) >= REWRITTEN_FROM
    )
    for _, old, new in alike:
        if new not in found and old not in taken:
            found[new] = old
            taken.add(old)
    return found


def _words(text: str) -> Counter[str]:
    return Counter(word for word in _WORD.findall(text.lower()) if not word.isspace())


def _likeness(left: Counter[str], right: Counter[str]) -> float:
    """The share of words in common, from 0 to 1."""
    return 2 * (left & right).total() / max(left.total() + right.total(), 1)
