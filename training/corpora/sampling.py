"""So many rows of a set by a seed, and which side a row is on. Rows of one group (a question, a post) are always on one side."""

import hashlib
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from random import Random
from typing import TypeVar

from training.workbench.rows import Split

Row = TypeVar("Row")

HELD = {Split.DEV: 0.1, Split.TEST: 0.1}
"""Shares of the groups that are held out where a set has no sides of its own."""


def draw(rows: Sequence[Row], count: int | None, seed: str) -> list[Row]:
    """`count` rows, or all where there are fewer or no count is given; in their order. The same seed draws the same rows."""
    if count is None or count >= len(rows):
        return list(rows)
    return [rows[place] for place in sorted(Random(seed).sample(range(len(rows)), count))]


def sides_of(groups: Iterable[str], seed: str, held: Mapping[Split, float] = HELD) -> dict[str, Split]:
    """The side of each group (see `side_of`). In a small set where none falls on a side that is held out, one group goes there."""
    sides = {group: side_of(group, seed, held) for group in groups}
    for split in held:
        learned = sorted((group for group, side in sides.items() if side is Split.TRAIN), key=lambda group: _drawn(group, seed))
        if split not in sides.values() and len(learned) > 1:
            sides[learned[0]] = split
    return sides


def side_of(group: str, seed: str, held: Mapping[Split, float] = HELD) -> Split:
    """The side of a group, by the hash of its name and the seed: it stays the same whatever else is in the set."""
    drawn = _drawn(group, seed)
    for split, share in held.items():
        if drawn < share:
            return split
        drawn -= share
    return Split.TRAIN


def distinct(rows: Iterable[Row], key: Callable[[Row], Hashable], known: Iterable[Hashable] = ()) -> list[Row]:
    """The first row of each key, and none whose key is among the `known`."""
    seen = set(known)
    kept = []
    for row in rows:
        if (one := key(row)) not in seen:
            seen.add(one)
            kept.append(row)
    return kept


def _drawn(group: str, seed: str) -> float:
    """A number in [0, 1) that belongs to a group and a seed for good."""
    return int.from_bytes(hashlib.sha256(f"{seed} {group}".encode(errors="surrogatepass")).digest()[:6]) / 2**48
