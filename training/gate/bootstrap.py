"""How sure a difference is: paired bootstrap intervals, drawn case by case.

Rows of one case resemble each other (one counselor, one story, prompts that grow by a turn), so cases are drawn with replacement, each with
all its rows for both adapters; drawing rows would claim more knowledge than there is. The interval lies between percentiles of the drawn
differences (percentile method: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, ch. 13; whole clusters: Davison and Hinkley,
Bootstrap Methods and their Application, 1997, sec. 3.8). Of few cases these percentiles lie too close together, so they are moved outwards
as Student's t is wider than the normal distribution (expanded percentile interval: Hesterberg, What Teachers Should Know About the
Bootstrap, The American Statistician 69, 2015). `Thresholds.cases` says what was measured.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, sqrt
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

_AT_ONCE = 200
"""Resamples held in memory together: 16 MB for 10,000 cases."""


class Paired(NamedTuple):
    """One row: what it is drawn with, how much it weighs in the mean, and its value for the two adapters."""

    cluster: str
    weight: float
    champion: float
    challenger: float


@dataclass(frozen=True)
class Interval:
    """Ends of a confidence interval, and its confidence between 0 and 1."""

    low: float
    high: float
    confidence: float


@dataclass(frozen=True)
class Estimate:
    """Weighted means of the two adapters, challenger less champion, and the interval of that difference."""

    champion: float
    challenger: float
    difference: float
    interval: Interval

    @property
    def finite(self) -> bool:
        """No value ran out of what a float holds."""
        return all(map(isfinite, (self.champion, self.challenger, self.difference, self.interval.low, self.interval.high)))


def estimate(rows: Sequence[Paired], confidence: float, resamples: int, seed: int) -> Estimate:
    """Means over `rows`, one or more, and the interval of their difference from `resamples` draws of clusters.

    The same rows in the same order and the same seed give the same interval.
    """
    rng = np.random.default_rng(seed)
    names, place = np.unique([row.cluster for row in rows], return_inverse=True)
    table = np.array([row[1:] for row in rows], dtype=np.float64)  # [rows, (weight, champion, challenger)]
    count = len(names)
    with np.errstate(over="ignore", invalid="ignore"):
        weights = np.bincount(place, table[:, 0], count)  # [clusters]
        champion = np.bincount(place, table[:, 0] * table[:, 1], count)
        challenger = np.bincount(place, table[:, 0] * table[:, 2], count)
        sums = np.stack([weights, challenger - champion])  # [2, clusters]
        drawn = []
        for start in range(0, resamples, _AT_ONCE):
            size = min(_AT_ONCE, resamples - start)
            times = rng.multinomial(count, np.full(count, 1 / count), size)  # [resamples, clusters]: how often each was drawn
            weight, difference = (times @ sums.T).T
            drawn.append(difference / weight)
        tail = expanded_tail(confidence, count)
        low, high = np.quantile(np.concatenate(drawn), [tail, 1 - tail])
        total = weights.sum()
        means = float(champion.sum() / total), float(challenger.sum() / total)
        return Estimate(*means, float(sums[1].sum() / total), Interval(float(low), float(high), confidence))


def expanded_tail(confidence: float, clusters: int) -> float:
    """The share of draws left out on each side, for 2 clusters or more; 0 for one, of which nothing can be drawn but itself.

    The normal tail at sqrt(n / (n - 1)) times the quantile of Student's t with n - 1 degrees of freedom, that by its expansion in 1 / n
    (Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.5; at 20 clusters right to 4 digits).
    """
    if clusters < 2:
        return 0.0
    z, free = NormalDist().inv_cdf((1 + confidence) / 2), clusters - 1
    t = (
        z
        + (z**3 + z) / (4 * free)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * free**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * free**3)
    )
    return NormalDist().cdf(-sqrt(clusters / free) * t)
