"""What a list of answers scores: means over all of them, as JSON values for a folder, and as a table for people."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple
from itertools import groupby
from statistics import fmean
from typing import TYPE_CHECKING, Any

from training.corpora.imhi import SETS
from training.evaluation import imhi
from training.evaluation.explanations import offline_score
from training.evaluation.lengths import Length, lengths_of
from training.evaluation.overlap import Overlap, corpus_bleu, overlap
from training.evaluation.predictions import Prediction

if TYPE_CHECKING:
    from training.evaluation.bartscore import BartScorer  # it takes torch


def score_answers(predictions: Sequence[Prediction]) -> dict[str, Any]:
    """BLEU-4, ROUGE and chrF of one prediction or more, 0 to 100, and lengths."""
    rows = [overlap(one.prediction, one.reference) for one in predictions]
    means = Overlap(*(fmean(column) for column in zip(*map(astuple, rows), strict=True)))
    whole = corpus_bleu([one.prediction for one in predictions], [one.reference for one in predictions])
    return {
        "answers": len(predictions),
        "bleu4": _rounded(whole.score),
        "bleu4_signature": whole.signature,
        "means": {name: _rounded(value) for name, value in asdict(means).items()},
        "lengths": asdict(lengths_of(predictions)),
    }


def score_imhi(predictions: Sequence[Prediction], bart: "BartScorer | None" = None) -> dict[str, Any]:
    """IMHI's figures of each set that the predictions hold, lengths, and scores of explanations."""
    sets = {}
    for name, ours in by_set(predictions):
        golds, answers = [one.reference for one in ours], [one.prediction for one in ours]
        sets[name] = imhi_scores(imhi.score(name, golds, answers), golds, answers, bart)
    return {"sets": sets, "lengths": asdict(lengths_of(predictions))}


def imhi_scores(score: imhi.SetScore, golds: Sequence[str], answers: Sequence[str], bart: "BartScorer | None" = None) -> dict[str, Any]:
    """A set's figures with the offline score of its explanations, and with BARTScore where weights are at hand.

    As in the benchmark, BARTScore is of whole answers: how likely the gold one is, given the model's.
    """
    found = {**asdict(score), "explanations": asdict(offline_score(golds, answers))}
    if bart:
        told = bart.score(answers, golds)
        found["bartscore"] = {"mean": round(told.mean, 4), "cut": told.cut, "weights": bart.name}
    return found


def by_set(predictions: Sequence[Prediction]) -> list[tuple[str, list[Prediction]]]:
    """Predictions of each set, in the benchmark's order."""
    ordered = sorted(predictions, key=lambda one: SETS.index(one.set))
    return [(name, list(ours)) for name, ours in groupby(ordered, key=lambda one: one.set)]


def answers_table(scores: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Scores of `score_answers` as rows of a name and a value."""
    means = scores["means"]
    return [
        ("answers", str(scores["answers"])),
        ("BLEU-4, all answers together", f"{scores['bleu4']:.2f}"),
        ("BLEU-4, mean of answers", f"{means['bleu']:.2f}"),
        ("ROUGE-1", f"{means['rouge1']:.2f}"),
        ("ROUGE-2", f"{means['rouge2']:.2f}"),
        ("ROUGE-L", f"{means['rouge_l']:.2f}"),
        ("chrF", f"{means['chrf']:.2f}"),
        *lengths_table(scores["lengths"]),
    ]


def lengths_table(lengths: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Lengths as rows of a name and a value."""
    shown = [
        ("answer, characters (mean / median)", Length(**lengths["characters"])),
        ("reference, characters (mean / median)", Length(**lengths["reference_characters"])),
    ]
    if lengths["tokens"]:
        shown.append(("answer, tokens (mean / median)", Length(**lengths["tokens"])))
    told = [(name, f"{length.mean:.1f} / {length.median:g}") for name, length in shown]
    return [*told, ("cut off by the limit", f"{lengths['cut_share']:.1%}")]


def _rounded(value: float) -> float:
    return round(value, 4)
