"""Figures of one round: how long until words show, until the note is complete, and how many tokens came a second."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Note:
    """One note: seconds from the request, or the post, to the first readable words and to the complete note."""

    first_s: float
    final_s: float


@dataclass(frozen=True)
class Round:
    """Notes made at the same time: tokens written by the server for all of them, and the seconds that it took."""

    notes: tuple[Note, ...]
    tokens: float
    seconds: float


@dataclass(frozen=True)
class Figures:
    """Several rounds of one kind together. Times in seconds."""

    first_p50: float
    first_p95: float
    final_p50: float
    final_p95: float
    tokens_per_s: float

    @classmethod
    def of(cls, rounds: Sequence[Round]) -> "Figures":
        """The figures of all notes of all rounds; throughput is all tokens by all seconds."""
        first = [note.first_s for each in rounds for note in each.notes]
        final = [note.final_s for each in rounds for note in each.notes]
        throughput = sum(each.tokens for each in rounds) / sum(each.seconds for each in rounds)
        return cls(statistics.median(first), _p95(first), statistics.median(final), _p95(final), throughput)


def _p95(values: Sequence[float]) -> float:
    """The 95th percentile, by linear interpolation."""
    return statistics.quantiles(values, n=20, method="inclusive")[-1] if len(values) > 1 else values[0]
