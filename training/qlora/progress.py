"""How a training goes: one JSON line a step, numbers only, readable while it runs; a picture at the end. Imports no model library.

Lines of steps which a crash undid are taken out when the training goes on, so the file always tells one training.
"""

import hashlib
import importlib.util
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from training.qlora.errors import TrainingFailed
from training.qlora.inputs import INPUTS_FILE
from training.qlora.recipe import Tracker

PROGRESS_FILE = "progress.jsonl"
CURVE_FILE = "curve.png"
TENSORBOARD_FOLDER, WANDB_FOLDER = "tensorboard", "wandb"
NOTHING_ELSE: Mapping[str, Any] = {
    "console": "off",
    "disable_code": True,
    "disable_git": True,
    "host": "",
    "save_code": False,
    "silent": True,
    "x_disable_machine_info": True,
    "x_disable_meta": True,
    "x_disable_stats": True,
    "x_save_requirements": False,
}
"""Settings of wandb. By itself it sends along the machine's name, processor, load and packages, the program's path, arguments and output,
the folder that it writes to, and the commit."""


@dataclass(frozen=True)
class Progress:
    """A step that was done. Stages count from 1: examples, then preference pairs, as far as there are any.

    Losses are in nats a token (DPO: nats a pair); `heldout_loss` is None where none was measured after this step; `rate` is the learning
    rate; `tokens` were read so far in this stage; `memory_bytes` is the most that was in use.
    """

    stage: int
    stages: int
    step: int
    steps: int
    loss: float
    heldout_loss: float | None
    rate: float
    tokens: int
    seconds_left: float
    memory_bytes: int


Report = Callable[[Progress], None]


def append(folder: Path, progress: Progress) -> None:
    """Adds a step's line."""
    with (folder / PROGRESS_FILE).open("a", encoding="ascii") as file:
        file.write(json.dumps(asdict(progress), sort_keys=True, allow_nan=False) + "\n")


def read_progress(folder: Path) -> list[Progress]:
    """All steps so far; a line that is being written just now is left out."""
    try:
        text = (folder / PROGRESS_FILE).read_text(encoding="ascii")
    except FileNotFoundError:
        return []
    return [Progress(**json.loads(line)) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def rewind(folder: Path, steps: Mapping[int, int]) -> None:
    """Takes out what is about to be done again; `steps` says for each stage how many stand."""
    kept = [one for one in read_progress(folder) if one.step <= steps[one.stage]]
    partial = folder / f"{PROGRESS_FILE}.partial"
    partial.write_text("".join(json.dumps(asdict(one), sort_keys=True) + "\n" for one in kept), encoding="ascii")
    partial.replace(folder / PROGRESS_FILE)


def draw_curve(points: Sequence[Progress], path: Path) -> None:
    """Loss and held-out loss over the steps, one panel a stage."""
    from matplotlib.figure import Figure

    stages = [list(group) for _, group in groupby(points, key=lambda one: one.stage)]
    figure = Figure(figsize=(6 * max(len(stages), 1), 4), layout="constrained")
    for place, steps in enumerate(stages):
        panel = figure.add_subplot(1, len(stages), place + 1)
        panel.plot([one.step for one in steps], [one.loss for one in steps], label="training", linewidth=1)
        held = [(one.step, one.heldout_loss) for one in steps if one.heldout_loss is not None]
        panel.plot([step for step, _ in held], [loss for _, loss in held], "o-", label="held out")
        panel.set(xlabel="step", ylabel="loss", title=f"stage {steps[0].stage}")
        panel.legend()
    figure.savefig(path, dpi=120)


def reporter(folder: Path, tracker: Tracker) -> Report:
    """What is done with each step: the progress file, and whoever else the recipe names.

    Raises:
        TrainingFailed: it names one that is not installed.
    """
    others: Iterable[Report] = [] if tracker is Tracker.NONE else [_tracking(folder, tracker)]

    def report(progress: Progress) -> None:
        append(folder, progress)
        for other in others:
            other(progress)

    return report


def _tracking(folder: Path, tracker: Tracker) -> Report:
    module = {Tracker.TENSORBOARD: "tensorboard", Tracker.WANDB: "wandb"}[tracker]
    if importlib.util.find_spec(module) is None:
        raise TrainingFailed(f"the recipe asks for {module}, which is not installed")
    return _tensorboard(folder) if tracker is Tracker.TENSORBOARD else _wandb(folder)


def _tensorboard(folder: Path) -> Report:
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(str(folder / TENSORBOARD_FOLDER))

    def report(progress: Progress) -> None:
        for name, value in _figures(progress).items():
            writer.add_scalar(name, value, progress.step)
        writer.flush()

    return report


def _wandb(folder: Path) -> Report:
    """Figures alone, of a run that is named by a hash. It ends with this process.

    Raises:
        TrainingFailed: there is no account to send to, or wandb doesn't start.
    """
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # read at import: reports of wandb's own failures would hold paths
    import wandb

    known = hashlib.sha256(str(folder.resolve()).encode() + (folder / INPUTS_FILE).read_bytes()).hexdigest()[:16]
    try:
        run = wandb.init(dir=str(folder), id=known, resume="allow", settings=wandb.Settings(**NOTHING_ELSE))
    except wandb.errors.Error as error:
        raise TrainingFailed(f"wandb does not start ({type(error).__name__}): it needs an account's key, or WANDB_MODE=offline") from None

    def report(progress: Progress) -> None:
        stage = f"stage{progress.stage}"
        run.define_metric(f"{stage}/*", step_metric=f"{stage}/step")  # steps that are done again after a crash are then drawn over
        run.log({**_figures(progress), f"{stage}/step": progress.step})

    return report


def _figures(progress: Progress) -> dict[str, float]:
    shown = {"loss": progress.loss, "heldout_loss": progress.heldout_loss, "rate": progress.rate, "memory_bytes": progress.memory_bytes}
    return {f"stage{progress.stage}/{name}": value for name, value in shown.items() if value is not None}
