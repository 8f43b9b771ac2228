"""Two models on the same rows: every figure of both, their difference, and how sure it is.

The interval is the paired bootstrap's: rows are drawn together for both, those of one group (questions on one post, answers to one prompt)
as a whole, 10,000 times. Where it holds zero, the rows don't show which is better, whatever the difference. Figures that are means over
rows go through the gate's own `estimate`; corpus BLEU and weighted F1 are worked out anew from each draw.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from training.evaluation import imhi
from training.evaluation.intervals import Figure, Numbers, estimate_figure
from training.evaluation.overlap import bleu_counts, bleu_of_counts, overlap
from training.evaluation.predictions import Prediction
from training.evaluation.scores import by_set
from training.gate.bootstrap import Estimate, Paired, estimate
from training.workbench.errors import WorkbenchError

CONFIDENCE, RESAMPLES, REDRAWN = 0.95, 10_000, 2_000
"""Of intervals; draws of means, and of figures that are worked out anew, which takes longer."""
FEW = 20
"""Groups below which an interval is rough; the gate asks for as many (`training/gate/thresholds.py`)."""


class Better(StrEnum):
    """Which way a figure is better."""

    HIGHER = "higher"
    LOWER = "lower"
    NEITHER = "neither"
    """A figure that describes, such as a length."""


class Shown(StrEnum):
    """What the rows show of two models."""

    BETTER = "B is better"
    WORSE = "A is better"
    MORE = "B has more"
    LESS = "B has less"
    NOTHING = "no difference shown: the interval includes zero"
    TOO_FEW = "too few rows for an interval"


@dataclass(frozen=True)
class Metric:
    """A figure of both models over the same rows: `a` and `b` are a value a row, or what each row adds to a sum (`figure`), [rows, k]."""

    name: str
    better: Better
    digits: int
    groups: tuple[str, ...]
    a: Numbers
    b: Numbers
    weights: Numbers | None = None
    figure: Figure | None = None


@dataclass(frozen=True)
class Compared:
    """How a figure came out. `higher`, `equal` and `lower` count rows by how B's value stands to A's; None where rows have no value."""

    name: str
    better: Better
    digits: int
    rows: int
    groups: int
    estimate: Estimate
    shown: Shown
    higher: int | None
    equal: int | None
    lower: int | None


def check_same_rows(a: Sequence[Prediction], b: Sequence[Prediction]) -> list[tuple[Prediction, Prediction]]:
    """The answers to the same questions, side by side, in A's order.

    Raises:
        WorkbenchError: they are not answers to the same questions with the same references.
    """
    theirs = {one.id: one for one in b}
    if len(theirs) != len(b) or len({one.id for one in a}) != len(a):
        raise WorkbenchError("an id occurs twice in a list of predictions: they were put together by hand, make them again")
    missing, other = {one.id for one in a} - set(theirs), set(theirs) - {one.id for one in a}
    if missing or other:
        raise WorkbenchError(
            f"A and B answer different rows: {len(missing)} are in A alone, {len(other)} in B alone. Make both with the same rows and limit"
        )
    pairs = [(one, theirs[one.id]) for one in a]
    changed = sum((one.prompt_sha256, one.reference) != (two.prompt_sha256, two.reference) for one, two in pairs)
    if changed:
        raise WorkbenchError(
            f"A and B answer different rows: {changed} of {len(pairs)} have other prompts or references. Make both with the same rows"
        )
    return pairs


def metrics_of(pairs: Sequence[tuple[Prediction, Prediction]]) -> list[Metric]:
    """Every figure of two lists of answers: the benchmark's where they answer one, overlap with the references, lengths."""
    sets = {one.set for one, _ in pairs} - {""}
    benchmark = [metric for name, _ in by_set([one for one, _ in pairs]) for metric in _imhi(name, pairs)] if sets else []
    return [*benchmark, *_overlaps(pairs), *_lengths(pairs)]


def compare(metrics: Sequence[Metric], confidence: float = CONFIDENCE, resamples: int = RESAMPLES, seed: int = 0) -> list[Compared]:
    """Each figure of both, with its interval."""
    return [_compared(metric, confidence, resamples, seed) for metric in metrics]


def compared_json(results: Sequence[Compared]) -> list[dict[str, Any]]:
    """Results as JSON values."""
    return [
        {
            "name": one.name,
            "better": str(one.better),
            "rows": one.rows,
            "groups": one.groups,
            "a": one.estimate.champion,
            "b": one.estimate.challenger,
            "difference": one.estimate.difference,
            "interval": [one.estimate.interval.low, one.estimate.interval.high],
            "confidence": one.estimate.interval.confidence,
            "shown": str(one.shown),
            "rows_higher": one.higher,
            "rows_equal": one.equal,
            "rows_lower": one.lower,
        }
        for one in results
    ]


def _compared(metric: Metric, confidence: float, resamples: int, seed: int) -> Compared:
    groups = len(set(metric.groups))
    if metric.figure:
        found = estimate_figure(metric.figure, metric.groups, metric.a, metric.b, confidence, min(resamples, REDRAWN), seed)
    else:
        weights = metric.weights if metric.weights is not None else np.ones(len(metric.a))
        rows = zip(metric.groups, weights.tolist(), metric.a.tolist(), metric.b.tolist(), strict=True)
        found = estimate([Paired(*row) for row in rows], confidence, resamples, seed)
    by_row = metric.a.ndim == 1
    return Compared(
        name=metric.name,
        better=metric.better,
        digits=metric.digits,
        rows=len(metric.groups),
        groups=groups,
        estimate=found,
        shown=_shown(found, metric.better, groups),
        higher=int((metric.b > metric.a).sum()) if by_row else None,
        equal=int((metric.b == metric.a).sum()) if by_row else None,
        lower=int((metric.b < metric.a).sum()) if by_row else None,
    )


def _shown(found: Estimate, better: Better, groups: int) -> Shown:
    if groups < 2:
        return Shown.TOO_FEW
    if found.interval.low <= 0 <= found.interval.high:
        return Shown.NOTHING
    up = found.interval.low > 0
    if better is Better.NEITHER:
        return Shown.MORE if up else Shown.LESS
    return Shown.BETTER if up is (better is Better.HIGHER) else Shown.WORSE


def _overlaps(pairs: Sequence[tuple[Prediction, Prediction]]) -> list[Metric]:
    groups = tuple(one.group for one, _ in pairs)
    references = [one.reference for one, _ in pairs]
    sides = [[one.prediction for one, _ in pairs], [two.prediction for _, two in pairs]]
    counts = [np.array(bleu_counts(side, references), dtype=np.float64) for side in sides]  # [rows, 10]
    rows = [[overlap(answer, reference) for answer, reference in zip(side, references, strict=True)] for side in sides]
    whole = Metric("BLEU-4, all answers together", Better.HIGHER, 2, groups, counts[0], counts[1], figure=_bleu)
    names: Mapping[str, str] = {
        "bleu": "BLEU-4, mean of answers",
        "rouge1": "ROUGE-1",
        "rouge2": "ROUGE-2",
        "rouge_l": "ROUGE-L",
        "chrf": "chrF",
    }
    columns = [[np.array([getattr(row, key) for row in side]) for side in rows] for key in names]
    return [whole, *(Metric(name, Better.HIGHER, 2, groups, a, b) for name, (a, b) in zip(names.values(), columns, strict=True))]


def _bleu(sums: Numbers) -> float:
    return bleu_of_counts(sums.tolist())


def _lengths(pairs: Sequence[tuple[Prediction, Prediction]]) -> list[Metric]:
    groups = tuple(one.group for one, _ in pairs)

    def metric(name: str, digits: int, better: Better, values: Sequence[tuple[float, float]]) -> Metric:
        a, b = np.array(values, dtype=np.float64).T
        return Metric(name, better, digits, groups, a, b)

    found = [metric("answer, characters", 1, Better.NEITHER, [(len(one.prediction), len(two.prediction)) for one, two in pairs])]
    tokens = [(one.tokens, two.tokens) for one, two in pairs if one.tokens is not None and two.tokens is not None]
    if len(tokens) == len(pairs):
        found.append(metric("answer, tokens", 1, Better.NEITHER, tokens))
    return [*found, metric("cut off by the limit, %", 1, Better.LOWER, [(100 * one.cut, 100 * two.cut) for one, two in pairs])]


def _imhi(name: str, pairs: Sequence[tuple[Prediction, Prediction]]) -> list[Metric]:
    ours = [pair for pair in pairs if pair[0].set == name]
    groups = tuple(one.group for one, _ in ours)
    labels = imhi.labels_of(name)
    golds = [imhi.label_of(one.reference, name) for one, _ in ours]
    sides = [[imhi.label_of(one.prediction, name) for one, _ in ours], [imhi.label_of(two.prediction, name) for _, two in ours]]
    tables = [_confusions(golds, side, labels) for side in sides]
    right = [np.array([100.0 * (gold == label) for gold, label in zip(golds, side, strict=True)]) for side in sides]
    lost = np.array([[100.0 * (imhi.found_label(one.prediction, name) is None) for one in pair] for pair in ours]).T
    return [
        Metric(f"IMHI {name}: weighted F1", Better.HIGHER, 2, groups, tables[0], tables[1], figure=_weighted_f1),
        Metric(f"IMHI {name}: right label, %", Better.HIGHER, 1, groups, right[0], right[1]),
        Metric(f"IMHI {name}: out of domain, %", Better.LOWER, 1, groups, lost[0], lost[1]),
    ]


def _confusions(golds: Sequence[str], found: Sequence[str], labels: Sequence[str]) -> Numbers:
    """What each answer adds to the table of gold by found label, [rows, labels * labels]."""
    table = np.zeros((len(golds), len(labels) ** 2))
    for row, (gold, label) in enumerate(zip(golds, found, strict=True)):
        table[row, labels.index(gold) * len(labels) + labels.index(label)] = 1.0
    return table


def _weighted_f1(sums: Numbers) -> float:
    """As `imhi.weighted_f1`, from a table of gold by found label, [labels * labels]."""
    size = round(len(sums) ** 0.5)
    table = sums.reshape(size, size)
    gold, found = table.sum(axis=1), table.sum(axis=0)
    f1 = 2 * np.diag(table) / np.maximum(gold + found, 1)
    return float(100 * (f1 * gold).sum() / gold.sum())
