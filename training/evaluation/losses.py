"""How likely a model finds the answers of rows: loss and perplexity of what it was to learn, and of nothing else.

    FOLDER/losses.jsonl    one JSON object a line: id, group, row_sha256, tokens, nats
           manifest.json   kind "losses": which model, which rows, the figures over all of them

Counted are the tokens of completions, or of the assistant's turns, with the marks that end them, each given all that stands before it; of
running text all tokens but the first. The loss is a mean over tokens, as a training reports it; perplexity is e to its power.
"""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from training.evaluation.compare import Better, Metric
from training.workbench.artifacts import Manifest, new_folder, read_manifest, write_manifest
from training.workbench.errors import WorkbenchError

KIND = "losses"
FILE = "losses.jsonl"


@dataclass(frozen=True)
class RowLoss:
    """A row's `tokens` that count, and the sum of their negative log probabilities in nats."""

    id: str
    group: str
    row_sha256: str
    tokens: int
    nats: float


@dataclass(frozen=True)
class Loss:
    """Of many rows: the mean loss of a token in nats, and its perplexity."""

    rows: int
    tokens: int
    loss: float
    perplexity: float


@dataclass(frozen=True)
class LossFolder:
    """The verified losses of a folder."""

    name: str
    rows: tuple[RowLoss, ...]
    manifest: Manifest


def loss_of(rows: Sequence[RowLoss]) -> Loss:
    """Over rows, one or more."""
    tokens = sum(row.tokens for row in rows)
    mean = math.fsum(row.nats for row in rows) / tokens
    return Loss(len(rows), tokens, mean, math.exp(mean) if mean < math.log(1e300) else math.inf)


def write_losses(target: Path, rows: Sequence[RowLoss], made: dict[str, Any]) -> Loss:
    """Writes a new folder of losses. Raises: WorkbenchError, as `new_folder`."""
    found = loss_of(rows)
    with new_folder(target) as folder:
        (folder / FILE).write_text("".join(json.dumps(asdict(row)) + "\n" for row in rows), encoding="utf-8")
        write_manifest(folder, KIND, {**made, "scores": asdict(found)})
    return found


def read_losses(folder: Path) -> LossFolder:
    """The losses of a folder. Raises: WorkbenchError: it is missing, or was changed."""
    manifest = read_manifest(folder, KIND)
    lines = (folder / FILE).read_text(encoding="utf-8").splitlines()
    rows = tuple(RowLoss(**{one.name: row[one.name] for one in fields(RowLoss)}) for row in map(json.loads, lines))
    return LossFolder(folder.name, rows, manifest)


def metric(a: LossFolder, b: LossFolder) -> Metric:
    """The losses of two models on the same rows.

    Raises:
        WorkbenchError: the rows differ, or were cut into other tokens.
    """
    if [(row.id, row.row_sha256) for row in a.rows] != [(row.id, row.row_sha256) for row in b.rows]:
        raise WorkbenchError("A and B have losses of different rows: make both with the same rows and limit")
    if any(one.tokens != two.tokens for one, two in zip(a.rows, b.rows, strict=True)):
        raise WorkbenchError(
            "A and B cut the rows into different tokens, so their losses can't be compared: the models have other tokenizers"
        )
    one, two = (np.array([row.nats / row.tokens for row in side.rows]) for side in (a, b))
    weights = np.array([float(row.tokens) for row in a.rows])
    return Metric("loss, nats a token", Better.LOWER, 4, tuple(row.group for row in a.rows), one, two, weights)


Done = Callable[[int, int], None]
