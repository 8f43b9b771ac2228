"""A training in a process of its own, so that all its memory is given back; what the night calls. Imports no model library.

The process runs under a guardian (`inference.guardian`), which it can't outlive: when its parent is killed, the guardian tells the training
to stop, it leaves a checkpoint, and what doesn't end in time is killed.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from inference import guardian
from training.qlora.errors import TrainingFailed
from training.qlora.progress import Progress, Report, read_progress
from training.qlora.recipe import RECIPE_FILE, Recipe
from training.qlora.result import Result, read_result

EXIT_FAILED = 1
EXIT_STOPPED = 75
"""EX_TEMPFAIL of sysexits.h: not done, and worth another try."""
SIGNALS = 128
"""Exit codes above it: ended by a signal, as the guardian says it."""
FAILURE_FILE = "failure.json"
LOG_FILE = "log.txt"
GRACE_S = 300.0
"""For a training that was told to stop: to end its step, which may take half a minute on two small GPUs, and to write a checkpoint."""
POLL_S = 0.5
ROOT = Path(__file__).parents[2]


def train(
    recipe: Recipe,
    run_folder: Path,
    on_progress: Report = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
    grace_s: float = GRACE_S,
    hold: Sequence[int] = (),
) -> Result | None:
    """Trains in a process of its own and returns the result, or None if it was asked to stop; the same call then goes on.

    `on_progress` gets the newest step, about twice a second; steps in between are in the run folder's progress file. Blocks, so an
    asynchronous caller uses a thread. `hold` are descriptors of locks (`Gpus.for_training`): when this process is killed, they stay held
    until the training has ended as well.

    Raises:
        TrainingFailed: the folder belongs to another recipe, or the process failed; with its reason.
    """
    _write_recipe(recipe, run_folder)
    process = _start(run_folder, grace_s, hold)
    last: Progress | None = None
    asked = False
    try:
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(POLL_S)
            newest = next(reversed(read_progress(run_folder)), None)
            if newest is not None and newest != last:
                on_progress(newest)
                last = newest
            if process.returncode is not None:
                return _ended(process.returncode, run_folder, asked)
            if not asked and should_stop():
                asked = True
                _let_go(process)
    finally:
        _let_go(process)
        try:
            process.wait(grace_s + guardian.HELPERS_GRACE_S + 5)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _start(run_folder: Path, grace_s: float, hold: Sequence[int]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-I", guardian.__file__, str(grace_s), sys.executable, "-m", "training.qlora", str(run_folder.absolute())]
    descriptor = os.open(run_folder / LOG_FILE, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as log:
        streams: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": log, "stderr": log}
        return subprocess.Popen(command, **streams, cwd=ROOT, start_new_session=True, pass_fds=hold)


def _let_go(process: subprocess.Popen[bytes]) -> None:
    """The guardian's sign to end the training."""
    if process.stdin and not process.stdin.closed:
        process.stdin.close()


def _ended(code: int, run_folder: Path, asked: bool) -> Result | None:
    result = read_result(run_folder)
    if code == 0 and result is not None:
        return result
    if code == EXIT_STOPPED or (asked and code > SIGNALS):  # it may be told before it listens, or not end in time
        return None
    try:
        reason = str(json.loads((run_folder / FAILURE_FILE).read_text())["reason"])
    except (OSError, ValueError, KeyError):
        reason = f"the process ended with {code} and gave no reason; see {LOG_FILE} in the run folder"
    raise TrainingFailed(reason)


def _write_recipe(recipe: Recipe, run_folder: Path) -> None:
    run_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path, text = run_folder / RECIPE_FILE, recipe.model_dump_json(indent=1)
    if path.exists():
        if path.read_text() != text:
            raise TrainingFailed("the run folder belongs to another recipe")
        return
    partial = path.with_suffix(".partial")
    partial.write_text(text)
    partial.replace(path)
