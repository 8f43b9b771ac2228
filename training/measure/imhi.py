"""IMHI scores: public questions on mental health, answered in words, scored by the label that the words begin with.

Gold answers read "<label sentence>. Reasoning: <explanation>". The label is looked for in the text before the first "Reasoning:", in small
letters: `yes` or `no`, and on SAD one of nine causes, the first of the list that is found. Scored is the F1 of each label, weighted by
how often it is right, times 100. An answer without a label counts as no (as on the benchmark) or, on SAD, as another cause.
IMHI: Yang et al., MentaLLaMA (WWW 2024). Golds of SAD also say "emotion turmoil" and "other stress causes", unknown to its own script.
"""

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

SETS = ("DR", "dreaddit", "Irf", "MultiWD", "SAD")
FOLDER = Path("test_data", "test_instruction")
MOJIBAKE = frozenset({"Irf", "MultiWD"})
"""Sets whose UTF-8 was once read as Mac Roman."""
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
        path = folder / FOLDER / f"{name}.csv"
        if not path.is_file():
            continue
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [(row["query"], row["gpt-3.5-turbo"]) for row in csv.DictReader(file)]
        chosen = sorted(Random(f"{seed} {name}").sample(range(len(rows)), min(each, len(rows))))
        found += [Question(f"{name}-{place}", name, repaired(rows[place][0], name), label_of(rows[place][1], name)) for place in chosen]
    return tuple(found)


def label_of(answer: str, name: str) -> str:
    """The label that an answer begins with; `no` or `other` where there is none."""
    said = answer.partition(MARK)[0].lower()
    if name == "SAD":
        return next((cause for cause in CAUSES if cause in said), OTHER)
    return "yes" if "yes" in said else "no"


def repaired(text: str, name: str) -> str:
    """The text as it was before its bytes were read as Mac Roman, where they were."""
    if name not in MOJIBAKE or text.isascii():
        return text
    try:
        return text.encode("mac_roman").decode("utf-8")
    except (UnicodeEncodeError, UnicodeDecodeError):
        return text


def weighted_f1(gold: Sequence[str], found: Sequence[str]) -> float:
    """F1 of each gold label weighted by how often it is gold, 0 to 100; two lists of the same length, not empty."""
    support, guessed = Counter(gold), Counter(found)
    hits = Counter(one for one, other in zip(gold, found, strict=True) if one == other)
    total = sum(count * 2 * hits[label] / (count + guessed[label]) for label, count in support.items())
    return 100 * total / len(gold)


def labels_of(name: str) -> tuple[str, ...]:
    """All labels of a set, in a fixed order."""
    return CAUSES if name == "SAD" else ("no", "yes")
