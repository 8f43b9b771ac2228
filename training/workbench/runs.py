"""The folder of a run, from its beginning to its end. Imports no model library.

RUN/config.yaml     all settings, the defaults too; paths are absolute, so that it can be gone on with from anywhere
    inputs.json     hashes of rows, model, adapters and settings, and versions of libraries: if one changes, the run does not go on
    progress.jsonl  a line for each step and each evaluation, numbers only; readable while it runs
    memory.json     only if memory ran out: the batch that it goes on with
    checkpoints/    to go on from; only those with a file `complete` count; removed at the end unless `saving.after` says otherwise
    curve.png       the loss
    output/         the model or adapter that came out, with a manifest of its own: usable wherever the workbench asks for one
    result.json     what came out of it, in numbers
    manifest.json   kind "run"; written last of all: its existence means that the rest is complete
"""

import fcntl
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from training.weights.origin import Lineage, lineage_of, made_of
from training.workbench.artifacts import MANIFEST, new_folder, read_manifest, sha256_of, versions, write_manifest
from training.workbench.config import Config, load_config
from training.workbench.config import Model as ModelSettings
from training.workbench.errors import WorkbenchError, writing
from training.workbench.places import (
    ADAPTER,
    ADAPTER_CONFIG,
    MODEL,
    OUTPUT,
    RUN_CONFIG,
    adapter_folder,
    base_fingerprint,
    fingerprint,
    model_folder,
    reward_folder,
)

KIND = "run"
INPUTS, PROGRESS, MEMORY, RESULT, CURVE, CHECKPOINTS, LOCK = (
    "inputs.json",
    "progress.jsonl",
    "memory.json",
    "result.json",
    "curve.png",
    "checkpoints",
    ".lock",
)


class Result(BaseModel):
    """What came of a run. Losses are in nats a token; None where nothing was held back. `rows` counts what became of them, `adjusted`
    tells of a batch that memory made smaller, `more` has figures of the task itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: str
    output: str
    """Its kind: "adapter" or "model"."""
    steps: int
    best_step: int
    """Of the checkpoint that became the output."""
    loss: float | None
    """Of the last step."""
    dev_before: float | None
    dev_after: float | None
    """Of the checkpoint that became the output."""
    trained: int
    """Numbers that were trained."""
    weights: int
    """All numbers of the model, quantised ones too."""
    memory_bytes: int
    """The most that was in use: of all GPUs, or of the process where there is none."""
    seconds: float
    """From the last start of the run to its end."""
    rows: Mapping[str, Mapping[str, int]]
    adjusted: Mapping[str, int] | None = None
    more: Mapping[str, Any] = {}


@dataclass(frozen=True)
class Run:
    """A run in its folder. `config` is what it was begun with."""

    folder: Path
    config: Config

    @property
    def checkpoints(self) -> Path:
        """Where its checkpoints lie."""
        return self.folder / CHECKPOINTS

    @property
    def output(self) -> Path:
        """Where its model or adapter will lie."""
        return self.folder / OUTPUT

    def has_progress(self) -> bool:
        """Whether anything was measured or trained in it: there is a line of progress, or a checkpoint."""
        lines = self.folder / PROGRESS
        return self.checkpoints.exists() or (lines.is_file() and lines.stat().st_size > 0)


def begin(folder: Path, config: Config) -> Run:
    """A new run in a new folder.

    Raises:
        WorkbenchError: there is something at `folder`, or the rows, the model or an adapter are not where the settings say.
    """
    if (folder / RUN_CONFIG).is_file():
        raise WorkbenchError(f"{folder.name} is a run already: `phyassist train resume {folder}` goes on with it")
    config = _absolute(config)
    inputs = inputs_of(config)
    with new_folder(folder) as staged:
        (staged / RUN_CONFIG).write_text(config.text(), encoding="utf-8")
        (staged / INPUTS).write_text(_text(inputs), encoding="utf-8")
    return Run(folder.resolve(), config)


def open_run(folder: Path) -> Run:
    """A run that was begun before.

    Raises:
        WorkbenchError: there is none, or what it was begun with has changed since.
    """
    if not (folder / RUN_CONFIG).is_file():
        raise WorkbenchError(f"{folder.name} is no run: there is no {RUN_CONFIG} in it")
    config = load_config(folder / RUN_CONFIG)
    then: dict[str, str] = json.loads((folder / INPUTS).read_text(encoding="utf-8"))
    now = inputs_of(config)
    changed = sorted(name for name in then | now if then.get(name) != now.get(name))
    if changed:
        raise WorkbenchError(
            f"the run {folder.name} can't go on: since it began, {', '.join(changed)} changed. Put back what was there, or begin a new run"
        )
    return Run(folder.resolve(), config)


def inputs_of(config: Config) -> dict[str, str]:
    """What a run is made from, by name: hashes, and versions of libraries.

    Raises:
        WorkbenchError: rows, model or an adapter are missing.
    """
    model = model_folder(config.model.path)
    inputs = {"config": config.sha256, "data": data_sha256(config.data.path), "model": fingerprint(model)}
    if config.data.dev is not None:
        inputs["dev data"] = data_sha256(config.data.dev)
    for place, path in enumerate(config.model.adapters, start=1):
        inputs[f"adapter {place}"] = fingerprint(adapter_folder(path))
    if config.reinforce.reward is not None:
        inputs["reward model"] = fingerprint(reward_folder(config.reinforce.reward) / OUTPUT)
    return inputs | {f"version of {name}": version for name, version in versions().items()}


def data_sha256(path: str) -> str:
    """The hash of rows: of a folder's manifest, which names all its files, or of a file.

    Raises:
        WorkbenchError: there is neither.
    """
    place = Path(path)
    file = place / MANIFEST if place.is_dir() else place
    if not file.is_file():
        what = f"{place.name} has no {MANIFEST}: it was not made by `phyassist data`" if place.is_dir() else f"there are no rows at {path}"
        raise WorkbenchError(what)
    return sha256_of(file)


@contextmanager
def alone(run: Run) -> Iterator[None]:
    """Holds a run, so that no other process works on it; processes of one training count as one.

    Raises:
        WorkbenchError: another process does.
    """
    if not is_main_process():
        yield
        return
    descriptor = os.open(run.folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise WorkbenchError(f"another process works on the run {run.folder.name}: wait for it, or end it") from None
        yield
    finally:
        os.close(descriptor)


def is_main_process() -> bool:
    """Whether this is the first of the processes that train together; torchrun and DeepSpeed number them."""
    return int(os.environ.get("RANK", "0")) == 0


def write_output(run: Run, files: Iterable[Path], step: int) -> str:
    """Puts the files of a model or adapter into the run's output, with a manifest; its kind. An output that is there is replaced."""
    model = model_folder(run.config.model.path)
    adapters = [adapter_folder(path) for path in run.config.model.adapters]
    if run.output.exists():
        shutil.rmtree(run.output)
    with new_folder(run.output) as folder:
        for path in files:
            shutil.copyfile(path, folder / path.name)
        kind = ADAPTER if (folder / ADAPTER_CONFIG).is_file() else MODEL
        if kind == ADAPTER:
            _settle(folder / ADAPTER_CONFIG, _name(run.config.model))
        made = {
            **made_of(f"train {run.config.task}", _parents(run.config, model, adapters)),
            "run": run.folder.name,
            "step": step,
            "model": _name(run.config.model),
            "adapters": [_shown(Path(path)) for path in run.config.model.adapters],
            "base_sha256": base_fingerprint(model, adapters),
            "data": Path(run.config.data.path).name,
            "data_sha256": data_sha256(run.config.data.path),
            "config_sha256": run.config.sha256,
            "seed": run.config.seed,
        }
        write_manifest(folder, kind, made)
    return kind


def _parents(config: Config, model: Path, adapters: Sequence[Path]) -> list[Lineage]:
    """Where the output comes from, patients' cases among it: it stays known when the output is merged, combined or copied elsewhere."""
    rows = [Path(path) for path in (config.data.path, config.data.dev) if path is not None]
    below = [lineage_of(adapter, "adapter") for adapter in adapters]
    judges = [] if config.reinforce.reward is None else [lineage_of(reward_folder(config.reinforce.reward) / OUTPUT, "reward model")]
    return [lineage_of(model, "base"), *below, *(lineage_of(path, "rows") for path in rows), *judges]


def finish(run: Run, result: Result) -> None:
    """Writes the result, and then the manifest that makes the run complete."""
    with writing(run.folder):
        (run.folder / RESULT).write_text(result.model_dump_json(indent=1) + "\n", encoding="utf-8")
        write_manifest(run.folder, KIND, {"command": f"train {run.config.task}", "result": result.model_dump(mode="json")})


def result_of(folder: Path) -> Result | None:
    """The result of a run, if it is complete.

    Raises:
        WorkbenchError: a file of a complete run was changed.
    """
    if not (folder / MANIFEST).is_file():
        return None
    read_manifest(folder, KIND)
    return Result.model_validate_json((folder / RESULT).read_bytes())


def _absolute(config: Config) -> Config:
    """The same with absolute paths of what lies here; names on the hub stay."""

    def settled(path: str | None) -> str | None:
        return str(Path(path).resolve()) if path is not None and Path(path).exists() else path

    found = config.model_dump(mode="json")
    for section, name in (("model", "path"), ("model", "chat_template"), ("data", "path"), ("data", "dev"), ("reinforce", "reward")):
        found[section][name] = settled(found[section][name])
    found["model"]["adapters"] = [settled(path) for path in found["model"]["adapters"]]
    return Config.model_validate(found)


def _name(model: ModelSettings) -> str:
    return _shown(Path(model.path)) if Path(model.path).exists() else model.path


def _shown(path: Path) -> str:
    """A folder's name; of a run's output, with the run's."""
    return f"{path.parent.name}/{path.name}" if path.name == OUTPUT else path.name


def _settle(path: Path, base: str) -> None:
    """Makes the settings of an adapter the same each time: PEFT writes sets in the order of chance, and where the base lay."""
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    modules = found.get("target_modules")
    found["target_modules"] = sorted(modules) if isinstance(modules, list) else modules
    found["base_model_name_or_path"] = base
    path.write_text(json.dumps(found, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _text(inputs: Mapping[str, str]) -> str:
    return json.dumps(inputs, indent=1, sort_keys=True) + "\n"
