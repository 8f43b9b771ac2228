"""What `phyassist eval compare` is given, A or B: answers or losses that are there already, or a model that is asked first."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from training.evaluation import losses, predictions
from training.evaluation.asked import Asked
from training.evaluation.compare import Metric, check_same_rows, compare, metrics_of
from training.evaluation.predict import Done, predict
from training.evaluation.questions import Question, hash_of
from training.evaluation.report import Report, Side, make_report
from training.evaluation.scores import score_answers
from training.workbench.artifacts import Manifest
from training.workbench.errors import WorkbenchError
from training.workbench.places import ADAPTER_CONFIG, MODEL_CONFIG, OUTPUT, adapter_folder


@dataclass(frozen=True)
class Job:
    """A model, and what it is asked; `rows` and `name` are names for people."""

    asked: Asked
    questions: Sequence[Question]
    rows: str
    name: str


def model_and_adapter(path: Path, base: str | None) -> tuple[str, tuple[str, ...]]:
    """The model and the adapters of a folder: an adapter's base is `base`, or the one that its file names.

    Raises:
        WorkbenchError: the adapter names no base that is here.
    """
    folder = path / OUTPUT if (path / OUTPUT).is_dir() else path
    if not (folder / ADAPTER_CONFIG).is_file():
        return str(path), ()
    named = base or json.loads((adapter_folder(path) / ADAPTER_CONFIG).read_text(encoding="utf-8")).get("base_model_name_or_path")
    if not named or not (Path(named) / MODEL_CONFIG).is_file():
        raise WorkbenchError(f"{path.name} is an adapter, and names no model that is here: say which one is below it with --base")
    return str(named), (str(path),)


def answered(job: Job, target: Path, done: Done) -> Path:
    """A folder with the answers of a model; one that is there already is taken if it is of the same. Raises: WorkbenchError."""
    made = {"command": "eval predict", **job.asked.made(), "rows": job.rows}
    if target.exists():
        found = predictions.read_predictions(target).manifest
        if found and {key: found.made.get(key) for key in made} == made and _asks(found, job.questions):
            return target
        raise WorkbenchError(f"{target.name} holds answers of another model or to other rows: remove it, or choose another name")
    predict(job.asked.source(), job.questions, made, target, score_answers, done)
    return target


def compare_sides(a: Path, b: Path, examples: int, confidence: float, seed: int) -> Report:
    """The report on two folders of answers, or two of losses.

    Raises:
        WorkbenchError: a folder holds neither, or they are not of the same rows.
    """
    if (a / losses.FILE).is_file() and (b / losses.FILE).is_file():
        one, two = losses.read_losses(a), losses.read_losses(b)
        return make_report(_side(a, one.manifest), _side(b, two.manifest), compare([losses.metric(one, two)], confidence, seed=seed))
    for path in (a, b):
        if path.is_dir() and not (path / predictions.FILE).is_file():
            raise WorkbenchError(
                f"{path.name} holds no answers: make them with `phyassist eval predict`, or name rows to answer with --rows"
            )
    first, second = predictions.read_predictions(a), predictions.read_predictions(b)
    pairs = check_same_rows(first.predictions, second.predictions)
    metrics: list[Metric] = metrics_of(pairs)
    return make_report(_side(a, first.manifest), _side(b, second.manifest), compare(metrics, confidence, seed=seed), pairs, examples)


def _asks(manifest: Manifest, questions: Sequence[Question]) -> bool:
    return manifest.made.get("questions") == {"count": len(questions), "sha256": hash_of(questions)}


def _side(path: Path, manifest: Manifest | None) -> Side:
    return Side(path.name, {key: value for key, value in (manifest.made if manifest else {}).items() if key != "scores"})
