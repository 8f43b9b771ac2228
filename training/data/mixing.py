"""What goes into a dataset and on which side: no repetitions, whole cases held out, and some of what was learned before.

Everything here is decided by the rows, the settings and the seed alone.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import ceil
from random import Random
from typing import TypeVar
from zlib import crc32

from inference.prompt import INSTRUCTIONS
from training.data.edits import words
from training.data.examples import Example, Preference, Rows
from training.data.settings import Settings

Row = TypeVar("Row", Example, Preference)
Shingles = frozenset[tuple[str, ...]]

SHINGLE_WORDS = 3
_ROUNDING = 1e-9


class Side(StrEnum):
    """Where a case's rows go, for good."""

    TRAIN = "train"
    HELDOUT = "heldout"


@dataclass(frozen=True)
class Past:
    """What earlier nights left: their rows, oldest first, and the side of each of their cases."""

    train: tuple[Example, ...] = ()
    heldout: tuple[Example, ...] = ()
    sides: Mapping[str, Side] | None = None


@dataclass(frozen=True)
class Mix:
    """The four lists of a dataset, and the side of each case that is new in it or was known before and is in it again."""

    train: tuple[Example, ...]
    heldout: tuple[Example, ...]
    preferences: tuple[Preference, ...]
    heldout_preferences: tuple[Preference, ...]
    sides: Mapping[str, Side]

    def only(self, stays: Callable[[Example | Preference], bool]) -> "Mix":
        """The same with the rows that stay; cases keep their sides."""
        return Mix(
            tuple(filter(stays, self.train)),
            tuple(filter(stays, self.heldout)),
            tuple(filter(stays, self.preferences)),
            tuple(filter(stays, self.heldout_preferences)),
            self.sides,
        )

    def without(self, case_id: str) -> "Mix":
        """The same less all that is of a case."""
        return Mix(
            tuple(row for row in self.train if row.case_id != case_id),
            tuple(row for row in self.heldout if row.case_id != case_id),
            tuple(row for row in self.preferences if row.case_id != case_id),
            tuple(row for row in self.heldout_preferences if row.case_id != case_id),
            {case: side for case, side in self.sides.items() if case != case_id},
        )


def mix(rows: Rows, past: Past, base: Sequence[Example], consenting: Collection[str], night: str, settings: Settings) -> Mix:
    """A night's rows split by case, without repetitions, with a seeded sample of earlier nights and of a base set.

    `consenting` are the cases that exist and may be trained on now: rows of any other are left out, whenever they were made.
    Held-out rows are chosen first: whatever repeats one of them is not trained on. Without new rows there is nothing to train on.
    """
    examples = [row for row in rows.examples if row.case_id in consenting]
    preferences = [row for row in rows.preferences if row.case_id in consenting]
    sides = split_cases([row.case_id for row in examples] + [row.case_id for row in preferences], settings.heldout, past.sides or {})
    cut = settings.near_duplicate
    heldout = distinct([row for row in examples if sides[row.case_id] is Side.HELDOUT], cut)
    heldout_pairs = distinct([row for row in preferences if sides[row.case_id] is Side.HELDOUT], cut)
    apart = [*heldout, *past.heldout]
    new = distinct([row for row in examples if sides[row.case_id] is Side.TRAIN], cut, apart)
    pairs = distinct([row for row in preferences if sides[row.case_id] is Side.TRAIN], cut, heldout_pairs)
    everywhere = {**(past.sides or {}), **sides}
    replayed = [row for row in past.train if row.case_id in consenting and everywhere.get(row.case_id) is Side.TRAIN]
    whole = len(new) / (1 - settings.earlier - settings.base)
    old = sample(distinct(replayed, cut, [*apart, *new]), whole * settings.earlier, f"{settings.seed} {night} earlier")
    basic = sample(distinct(base, cut, [*apart, *new, *old]), whole * settings.base, f"{settings.seed} {night} base")
    sides |= {row.case_id: Side.TRAIN for row in old}
    return Mix((*new, *old, *basic), tuple(heldout), tuple(pairs), tuple(heldout_pairs), sides)


def split_cases(cases: Iterable[str], share: float, earlier: Mapping[str, Side]) -> dict[str, Side]:
    """The side of each case: the one it had on an earlier night, else by the hash of its id, so that no case ever moves.

    Of two cases or more, one at least is on each side, as far as new ones can see to it: a case that was trained on is not held out
    later. A single new case is trained on.
    """
    listed = sorted(set(cases), key=_draw)
    sides = {case: earlier.get(case, Side.HELDOUT if _draw(case) < share else Side.TRAIN) for case in listed}
    new = [case for case in listed if case not in earlier]
    if new and Side.TRAIN not in sides.values():
        sides[new[-1]] = Side.TRAIN
    elif new and len(sides) > 1 and Side.HELDOUT not in sides.values():
        sides[new[0]] = Side.HELDOUT
    return sides


def distinct(rows: Sequence[Row], threshold: float, known: Sequence[Row] = ()) -> list[Row]:
    """Rows that repeat neither one of `known` nor each other; of two that do, the later one stays, as a correction would.

    Compared are the last thing the counselor said and the answers, not the whole prompt: prompts of one case grow by a turn at a time
    and always resemble each other.
    """
    seen = Seen(threshold)
    for row in known:
        seen.add(shingles(_said(row)))
    return [row for row in reversed(rows) if seen.add(shingles(_said(row)))][::-1]


def sample(rows: Sequence[Row], count: float, seed: str) -> list[Row]:
    """`count` rows, rounded, or all if there are fewer; in their order."""
    chosen = Random(seed).sample(range(len(rows)), min(len(rows), round(count)))
    return [rows[index] for index in sorted(chosen)]


def shingles(text: str) -> Shingles:
    """Every run of three words; the whole text where it is shorter. Punctuation, case and width don't count."""
    found = words(text)
    return frozenset(tuple(found[start : start + SHINGLE_WORDS]) for start in range(max(len(found) - SHINGLE_WORDS, 0) + 1))


class Seen:
    """Sets of shingles, searched exactly.

    Two sets of Jaccard similarity t or more share a shingle among the first n - ceil(t n) + 1 of either, in any fixed order of all
    shingles, so only sets that share one of those are compared (prefix filtering; Chaudhuri et al., ICDE 2006).
    """

    def __init__(self, threshold: float) -> None:
        self._threshold = threshold
        self._sets: list[Shingles] = []
        self._by_shingle: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)

    def add(self, one: Shingles) -> bool:
        """Whether nothing like it was there before."""
        prefix = sorted(one, key=_rank)[: len(one) - ceil(self._threshold * len(one) - _ROUNDING) + 1]
        candidates = {place for shingle in prefix for place in self._by_shingle.get(shingle, ())}
        if any(self._alike(one, self._sets[place]) for place in candidates):
            return False
        for shingle in prefix:
            self._by_shingle[shingle].append(len(self._sets))
        self._sets.append(one)
        return True

    def _alike(self, one: Shingles, other: Shingles) -> bool:
        if min(len(one), len(other)) < self._threshold * max(len(one), len(other)) - _ROUNDING:
            return False
        common = len(one & other)
        return common >= self._threshold * (len(one) + len(other) - common) - _ROUNDING


def _rank(shingle: tuple[str, ...]) -> tuple[int, tuple[str, ...]]:
    """A fixed order in which frequent words are as rarely first as others."""
    return crc32("\n".join(shingle).encode(errors="replace")), shingle


def _said(row: Example | Preference) -> str:
    """What makes a row what it is: the counselor's last words, without the instructions that open every case, and the answers."""
    asked = row.messages[-1]["content"] if row.messages else ""
    for instructions in INSTRUCTIONS.values():
        asked = asked.removeprefix(instructions)
    answers = (row.completion,) if isinstance(row, Example) else (row.chosen, row.rejected)
    return "\n".join((asked, *answers))


def _draw(case: str) -> float:
    """A number in [0, 1) that belongs to a case id for good."""
    return int.from_bytes(hashlib.sha256(f"phyassist case {case}".encode()).digest()[:6]) / 2**48


def counts_by_source(rows: Iterable[Example]) -> dict[str, int]:
    """How many rows came from where."""
    return dict(sorted(Counter(row.source.value for row in rows).items()))
