"""Intervals for figures that are no mean over rows, such as corpus BLEU or a weighted F1: they are worked out anew from each draw.

Every row adds numbers to a sum (n-grams that match, answers by gold and found label), and the figure is a function of that sum. Groups of
rows are drawn as in the gate's bootstrap (`training/gate/bootstrap.py`, whose sources and whose tail for few groups hold here too).
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from training.gate.bootstrap import Estimate, Interval, expanded_tail

Numbers = NDArray[np.float64]
Figure = Callable[[Numbers], float]
"""From the sum of all rows' numbers, [k], to the figure."""


def estimate_figure(
    figure: Figure, groups: Sequence[str], first: Numbers, second: Numbers, confidence: float, resamples: int, seed: int
) -> Estimate:
    """The figure for both sides, second less first, and the interval of that difference.

    `first` and `second` are [rows, k], the numbers of the same rows. In the result `champion` is the first, `challenger` the second.
    The same rows in the same order and the same seed give the same interval.
    """
    names, place = np.unique(list(groups), return_inverse=True)
    both = np.concatenate([first, second], axis=1)  # [rows, 2k]
    table = np.zeros((len(names), both.shape[1]))  # [groups, 2k]
    np.add.at(table, place, both)
    width = first.shape[1]
    times = np.random.default_rng(seed).multinomial(len(names), np.full(len(names), 1 / len(names)), resamples)  # [resamples, groups]
    drawn = np.array([figure(sums[width:]) - figure(sums[:width]) for sums in times @ table])
    tail = expanded_tail(confidence, len(names))
    low, high = np.quantile(drawn, [tail, 1 - tail])
    whole = both.sum(axis=0)
    one, other = figure(whole[:width]), figure(whole[width:])
    return Estimate(one, other, other - one, Interval(float(low), float(high), confidence))
