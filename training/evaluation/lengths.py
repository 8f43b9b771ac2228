"""How long answers are: in characters, in tokens where they are known, and how many the limit cut off."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median

from training.evaluation.predictions import Prediction


@dataclass(frozen=True)
class Length:
    """Mean and median of lengths."""

    mean: float
    median: float


@dataclass(frozen=True)
class Lengths:
    """Lengths of answers and of their references; `cut_share` of the answers, 0 to 1, were not at their end when the limit came."""

    characters: Length
    reference_characters: Length
    tokens: Length | None
    cut_share: float


def lengths_of(predictions: Sequence[Prediction]) -> Lengths:
    """Of one prediction or more; tokens are None where a source didn't count all of them."""
    tokens = [one.tokens for one in predictions if one.tokens is not None]
    return Lengths(
        characters=_length([len(one.prediction) for one in predictions]),
        reference_characters=_length([len(one.reference) for one in predictions]),
        tokens=_length(tokens) if len(tokens) == len(predictions) else None,
        cut_share=sum(one.cut for one in predictions) / len(predictions),
    )


def _length(found: Sequence[int]) -> Length:
    return Length(fmean(found), float(median(found)))
