"""IMHI as it is published: its questions, and files of answers in the form that its scripts write."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from training.corpora.imhi import SETS, Item, read_part
from training.corpora.reading import read_table
from training.evaluation.imhi import SetScore, classified_label, score
from training.evaluation.questions import Question
from training.workbench.errors import WorkbenchError
from training.workbench.rows import Split

GOLD, WRITTEN, LABEL = "goldens", "generated_text", "labels"


@dataclass(frozen=True)
class ScoredFile:
    """The scores of a file of answers; `by_labels` where they are of the labels that a classifier gave to the answers."""

    score: SetScore
    by_labels: bool
    golds: tuple[str, ...]
    answers: tuple[str, ...]


def load_imhi(folder: Path, sets: Iterable[str] = SETS, each: int | None = None, seed: int = 0) -> tuple[Question, ...]:
    """The test questions of sets, all or `each` drawn by the seed. Questions on one post are one group.

    Raises:
        WorkbenchError: a set is unknown, or its test file is missing or can't be read.
    """
    found: list[Question] = []
    for name in sets:
        if name not in SETS:
            raise WorkbenchError(f"IMHI has no set {name} here: there are {', '.join(SETS)}")
        part = read_part(folder, name, Split.TEST)
        if part is None:
            missing = f"test_data/test_instruction/{name}.csv"
            raise WorkbenchError(f"{folder.name} lacks {missing}: get IMHI, or name the sets that are there (--set)")
        items = part.items if each is None else _drawn(part.items, each, f"{seed} {name}")
        found += [
            Question(
                id=f"{name}-{item.place:06d}",
                prompt=item.query,
                reference=item.answer,
                group=hashlib.sha256(item.post.encode()).hexdigest(),
                set=name,
            )
            for item in items
        ]
    return tuple(found)


def score_files(paths: Sequence[Path]) -> list[ScoredFile]:
    """Files `SET.csv` with columns goldens and generated_text, as the benchmark's scripts write them, or a folder of such files.

    With a column `labels`, which its classifiers add, these count and not the text.

    Raises:
        WorkbenchError: there is no such file, or one has not these columns.
    """
    files = [file for path in paths for file in (sorted(path.glob("*.csv")) if path.is_dir() else [path])]
    if not files:
        raise WorkbenchError("there are no files SET.csv to score")
    return [_score_file(file) for file in files]


def _score_file(path: Path) -> ScoredFile:
    name = path.stem
    if name not in SETS:
        raise WorkbenchError(f"{path.name} is named after no set: rename it to SET.csv, with one of {', '.join(SETS)}")
    rows = read_table(path, (GOLD, WRITTEN)).rows
    if not rows:
        raise WorkbenchError(f"{path.name} holds no answer")
    golds, answers = tuple(row[GOLD] for row in rows), tuple(row[WRITTEN] for row in rows)
    by_labels = LABEL in rows[0]
    found = [classified_label(row[LABEL], name) for row in rows] if by_labels else answers
    return ScoredFile(score(name, golds, found), by_labels, golds, answers)


def _drawn(items: Sequence[Item], each: int, seed: str) -> list[Item]:
    return [items[place] for place in sorted(Random(seed).sample(range(len(items)), min(each, len(items))))]
