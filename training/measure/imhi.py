"""IMHI scores: public questions on mental health, answered in words, scored by the label that the words begin with.

Gold answers read "<label sentence>. Reasoning: <explanation>". The label is looked for in the text before the first "Reasoning:", in small
letters: `yes` or `no`, and on SAD one of nine causes, the first of the list that is found. Scored is the F1 of each label, weighted by
how often it is right, times 100. An answer without a label counts as no (as on the benchmark) or, on SAD, as another cause.
IMHI: Yang et al., MentaLLaMA (WWW 2024). Golds of SAD also say "emotion turmoil" and "other stress causes", unknown to its own script.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from training.corpora.imhi import SETS, read_part
from training.workbench.rows import Split

CAUSES = ("school", "financial", "family", "social", "work", "health", "emotion", "decision", "other")
OTHER = "other"
MARK = "Reasoning:"
ANSWER_TOKENS = 40
"""The label sentence, not the reasoning."""


@dataclass(frozen=True)
class Question:
    """One question of a set, and its gold label."""

    id: str
    set: str
    query: str
    label: str


def load_questions(folder: Path, each: int, seed: int = 0) -> tuple[Question, ...]:
    """Up to `each` questions of every set whose test file lies under `folder`, drawn with the seed; none where nothing is there."""
    found: list[Question] = []
    for name in SETS:
        part = read_part(folder, name, Split.TEST)
        if part is None:
            continue
        chosen = sorted(Random(f"{seed} {name}").sample(range(len(part.items)), min(each, len(part.items))))
        items = (part.items[place] for place in chosen)
        found += [Question(f"{name}-{item.place}", name, item.query, label_of(item.answer, name)) for item in items]
    return tuple(found)


def label_of(answer: str, name: str) -> str:
    """The label that an answer begins with; `no` or `other` where there is none."""
    said = answer.partition(MARK)[0].lower()
    if name == "SAD":
        return next((cause for cause in CAUSES if cause in said), OTHER)
    return "yes" if "yes" in said else "no"


def weighted_f1(gold: Sequence[str], found: Sequence[str]) -> float:
    """F1 of each gold label weighted by how often it is gold, 0 to 100; two lists of the same length, not empty."""
    support, guessed = Counter(gold), Counter(found)
    hits = Counter(one for one, other in zip(gold, found, strict=True) if one == other)
    total = sum(count * 2 * hits[label] / (count + guessed[label]) for label, count in support.items())
    return 100 * total / len(gold)


def labels_of(name: str) -> tuple[str, ...]:
    """All labels of a set, in a fixed order."""
    return CAUSES if name == "SAD" else ("no", "yes")
