"""IMHI's rule for scores: the label that an answer begins with, and the F1 of each label weighted by how often it is right.

Gold answers read "<label sentence>. Reasoning: <explanation>". The label is looked for in the text before the first "Reasoning:", in small
letters: `yes` or `no`, and on SAD one of nine causes, the first of the list that is found. An answer without a label is out of domain; it
counts as no or, on SAD, as another cause. IMHI: Yang et al., MentaLLaMA (WWW 2024), src/IMHI.py of its repository.

Where this differs from that script: it reads gold labels of SAD in words that the published golds don't have ("emotional turmoil", "other
causes"), and stops with an error. Here golds and answers may say "emotion turmoil" as the golds do, or "emotional".
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

MARK = "Reasoning:"
CAUSES = ("school", "financial", "family", "social", "work", "health", "emotional", "decision", "other")
"""Labels of SAD, in the order in which an answer is searched for them."""
OTHER = "other"
ALSO = {"emotional": "emotion turmoil"}
"""How golds, and whoever learned from them, write a label."""
CLASSIFIED = {"everyday": "decision"}
"""How the published classifiers' files write a label."""


@dataclass(frozen=True)
class SetScore:
    """Scores of a set, 0 to 100 and rounded to two decimals as the published script prints them; `out_of_domain` answers had no label."""

    name: str
    questions: int
    accuracy: float
    weighted_f1: float
    macro_f1: float
    out_of_domain: int


def found_label(answer: str, name: str) -> str | None:
    """The label that an answer to a question of the set `name` begins with; None where it is out of domain."""
    said = answer.partition(MARK)[0].lower()
    if name == "SAD":
        return next((cause for cause in CAUSES if cause in said or ALSO.get(cause, cause) in said), None)
    return next((label for label in ("yes", "no") if label in said), None)


def label_of(answer: str, name: str) -> str:
    """The label that an answer begins with; `no` or `other` where there is none."""
    return found_label(answer, name) or (OTHER if name == "SAD" else "no")


def classified_label(label: str, name: str) -> str:
    """A label as a classifier's file has it, in the words used here."""
    return label_of(CLASSIFIED.get(label.strip().lower(), label), name)


def explanation_of(answer: str) -> str:
    """What stands behind the first "Reasoning:"; the whole answer where it has none."""
    _, mark, behind = answer.partition(MARK)
    return behind.strip() if mark else answer.strip()


def labels_of(name: str) -> tuple[str, ...]:
    """All labels of a set, in a fixed order."""
    return CAUSES if name == "SAD" else ("no", "yes")


def score(name: str, golds: Sequence[str], answers: Sequence[str]) -> SetScore:
    """Scores of answers to a set's questions, one or more, given the gold answers. Irf and MultiWD pool theirs, as published."""
    gold, found = [label_of(one, name) for one in golds], [label_of(one, name) for one in answers]
    return SetScore(
        name=name,
        questions=len(gold),
        accuracy=round(100 * sum(one == other for one, other in zip(gold, found, strict=True)) / len(gold), 2),
        weighted_f1=round(weighted_f1(gold, found), 2),
        macro_f1=round(macro_f1(gold, found), 2),
        out_of_domain=sum(found_label(one, name) is None for one in answers),
    )


def weighted_f1(gold: Sequence[str], found: Sequence[str]) -> float:
    """F1 of each gold label weighted by how often it is gold, 0 to 100; two lists of the same length, not empty."""
    return 100 * sum(f1 * gold.count(label) for label, f1 in _f1(gold, found).items()) / len(gold)


def macro_f1(gold: Sequence[str], found: Sequence[str]) -> float:
    """The mean F1 of all labels that occur, gold or found, 0 to 100; two lists of the same length, not empty."""
    each = _f1(gold, found)
    return 100 * sum(each.values()) / len(each)


def _f1(gold: Sequence[str], found: Sequence[str]) -> dict[str, float]:
    support, guessed = Counter(gold), Counter(found)
    hits = Counter(one for one, other in zip(gold, found, strict=True) if one == other)
    return {label: 2 * hits[label] / (support[label] + guessed[label]) for label in sorted(support | guessed)}
