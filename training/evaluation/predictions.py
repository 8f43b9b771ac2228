"""What models answered: a folder of kind "predictions".

    FOLDER/predictions.jsonl    one JSON object a line: id, set, group, prompt_sha256, prediction, reference, tokens, cut
           scores.json          means over all of them
           manifest.json        which model and adapters, which questions (hash), how they were asked

While answers are made they lie in a hidden file beside the folder, one line each as they come, so a killed run goes on where it was.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from training.evaluation.questions import Question
from training.workbench.artifacts import Manifest, new_folder, read_manifest, write_manifest
from training.workbench.errors import WorkbenchError

KIND = "predictions"
FILE = "predictions.jsonl"
SCORES = "scores.json"


@dataclass(frozen=True)
class Answer:
    """What a model wrote: `tokens` of it, as far as known; `cut` where it was not at its end when the limit came."""

    text: str
    tokens: int | None
    cut: bool


@dataclass(frozen=True)
class Prediction:
    """An answer beside the reference; ids, groups and sets are those of the question."""

    id: str
    set: str
    group: str
    prompt_sha256: str
    prediction: str
    reference: str
    tokens: int | None
    cut: bool


@dataclass(frozen=True)
class PredictionFolder:
    """The verified predictions of a folder; `manifest` is None where they came from a file alone."""

    name: str
    predictions: tuple[Prediction, ...]
    manifest: Manifest | None


def prediction(question: Question, answer: Answer) -> Prediction:
    """An answer as it is written down."""
    return Prediction(
        id=question.id,
        set=question.set,
        group=question.group,
        prompt_sha256=question.prompt_sha256,
        prediction=answer.text,
        reference=question.reference,
        tokens=answer.tokens,
        cut=answer.cut,
    )


def write_predictions(target: Path, predictions: Sequence[Prediction], scores: Mapping[str, Any], made: Mapping[str, Any]) -> Manifest:
    """Writes a new folder of predictions. Raises: WorkbenchError, as `new_folder`."""
    with new_folder(target) as folder:
        lines = (json.dumps(asdict(one), ensure_ascii=False) + "\n" for one in predictions)
        (folder / FILE).write_text("".join(lines), encoding="utf-8")
        (folder / SCORES).write_text(json.dumps(scores, indent=1) + "\n", encoding="utf-8")
        return write_manifest(folder, KIND, made)


def read_predictions(path: Path) -> PredictionFolder:
    """Predictions of a folder, or of a file of JSON lines with these columns.

    Raises:
        WorkbenchError: it is missing, was changed, or a line has not the columns of a prediction.
    """
    manifest = read_manifest(path, KIND) if path.is_dir() else None
    file = path / FILE if path.is_dir() else path
    try:
        lines = file.read_text(encoding="utf-8-sig").split("\n")
    except FileNotFoundError:
        raise WorkbenchError(f"there is no file {file.name}") from None
    except UnicodeDecodeError:
        raise WorkbenchError(f"{file.name} is not UTF-8") from None
    found = tuple(_read(line, f"line {number} of {file.name}") for number, line in enumerate(lines, start=1) if line.strip())
    if not found:
        raise WorkbenchError(f"{path.name} holds no prediction")
    return PredictionFolder(path.name, found, manifest)


def _read(line: str, where: str) -> Prediction:
    try:
        row = json.loads(line)
    except json.JSONDecodeError:
        raise WorkbenchError(f"{where} is no JSON") from None
    missing = {one.name for one in fields(Prediction)} - set(row if isinstance(row, dict) else ())
    if missing:
        raise WorkbenchError(f"{where} lacks {', '.join(sorted(missing))}: predictions are made by `phyassist eval predict`")
    return Prediction(**{one.name: row[one.name] for one in fields(Prediction)})
