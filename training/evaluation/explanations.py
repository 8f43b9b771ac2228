"""How good an explanation is, by what can be had without weights from a hub.

The benchmark's own measure is BARTScore (`bartscore.py`), which needs a BART model. Without one there is this offline score: how many words
and pieces of words an explanation shares with the gold one. It is another measure, it has another range, and published BARTScores can't be
compared with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from training.evaluation.imhi import explanation_of
from training.evaluation.overlap import overlap

NAME = "offline score (word overlap with the gold explanation: no BARTScore)"


@dataclass(frozen=True)
class OfflineScore:
    """ROUGE-L and chrF of what stands behind "Reasoning:", means over all answers, 0 to 100."""

    rouge_l: float
    chrf: float
    measure: str = NAME


def offline_score(golds: Sequence[str], answers: Sequence[str]) -> OfflineScore:
    """Of one answer or more, with the gold answers."""
    rows = [overlap(explanation_of(answer), explanation_of(gold)) for answer, gold in zip(answers, golds, strict=True)]
    return OfflineScore(round(fmean(row.rouge_l for row in rows), 2), round(fmean(row.chrf for row in rows), 2))
