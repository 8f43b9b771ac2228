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


def side_of(group: str, seed: str, held: Mapping[Split, float] = HELD) -> Split:
    """The side of a group, by the hash of its name and the seed: it stays the same whatever else is in the set."""
    drawn = int.from_bytes(hashlib.sha256(f"{seed} {group}".encode(errors="surrogatepass")).digest()[:6]) / 2**48
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
