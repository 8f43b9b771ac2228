"""IMHI for the gate: public questions on mental health, answered in words, scored by the label that the words begin with.

The rule for labels and scores is that of `training/evaluation/imhi.py`; its files are read by `training/corpora/imhi.py`.
"""

from dataclasses import dataclass
from pathlib import Path
from random import Random

from training.corpora.imhi import SETS, read_part
from training.evaluation.imhi import label_of
from training.workbench.rows import Split

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
