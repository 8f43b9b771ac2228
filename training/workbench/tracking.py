"""Who else is told how a training goes, as far as the configuration names them: figures, and nothing else."""

import hashlib
import importlib.util
import os
from collections.abc import Callable
from pathlib import Path

from training.qlora.progress import NOTHING_ELSE, TENSORBOARD_FOLDER
from training.workbench.config import Tracker
from training.workbench.errors import WorkbenchError
from training.workbench.progress import Point
from training.workbench.runs import INPUTS

Track = Callable[[Point], None]


def tracking(folder: Path, tracker: Tracker) -> Track:
    """What to call with each line of a run's progress.

    Raises:
        WorkbenchError: the tracker is not installed, or does not start.
    """
    if tracker is Tracker.NONE:
        return lambda _: None
    if importlib.util.find_spec(str(tracker)) is None:
        raise WorkbenchError(f"tracking: {tracker} is not installed; set it to none, or install it")
    return _tensorboard(folder) if tracker is Tracker.TENSORBOARD else _wandb(folder)


def _tensorboard(folder: Path) -> Track:
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(str(folder / TENSORBOARD_FOLDER))

    def track(point: Point) -> None:
        for name, value in point.items():
            writer.add_scalar(name, value, int(point["step"]))
        writer.flush()

    return track


def _wandb(folder: Path) -> Track:
    """Of a run that is named by a hash; the settings keep the machine's name, paths, arguments and packages out (`NOTHING_ELSE`)."""
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # read at import: reports of wandb's own failures would hold paths
    import wandb

    known = hashlib.sha256(str(folder).encode() + (folder / INPUTS).read_bytes()).hexdigest()[:16]
    try:
        run = wandb.init(dir=str(folder), id=known, resume="allow", settings=wandb.Settings(**NOTHING_ELSE))
    except wandb.errors.Error as error:
        raise WorkbenchError(f"wandb does not start ({type(error).__name__}): it needs an account's key, or WANDB_MODE=offline") from None
    run.define_metric("*", step_metric="step")  # steps that are done again after a crash are then drawn over

    def track(point: Point) -> None:
        run.log(dict(point))

    return track
