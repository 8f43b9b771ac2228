"""A training in a process of its own: killed, told to stop, or left alone by its parent, it goes on to the same adapter."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch

from tests.training.qlora_support import a_base, a_dataset, a_recipe
from training.qlora import checkpoints, loop
from training.qlora import run as run_module
from training.qlora.__main__ import main, reason_of
from training.qlora.errors import TrainingFailed
from training.qlora.process import EXIT_STOPPED, FAILURE_FILE, ROOT, train
from training.qlora.progress import Progress, read_progress
from training.qlora.recipe import RECIPE_FILE, Recipe
from training.qlora.run import STAGE_FOLDERS, run

pytestmark = [pytest.mark.skipif(sys.platform != "linux", reason="processes are found by /proc"), pytest.mark.night]

# The night's process, which may be killed.
PARENT = """
import sys
from pathlib import Path
from training.qlora.process import train
from training.qlora.recipe import read_recipe
train(read_recipe(Path(sys.argv[1])), Path(sys.argv[1]))
"""
MOMENTS: dict[str, tuple[Any, str, Callable[..., bool], bool]] = {
    "between two steps": (loop, "_step", lambda *arguments: arguments[3].step == 2, True),
    "with half a checkpoint": (torch, "save", lambda _, file: bool(file.write(b"PK half")) and not file.flush(), False),
    "after a checkpoint": (checkpoints, "save", lambda _, step, *__: step == 4, True),
    "in the second stage": (loop, "_step", lambda *arguments: arguments[1].number == 2 and arguments[3].step == 3, False),
    "before the adapter is in its place": (run_module, "check_adapter", lambda *_: True, True),
    "before the picture": (run_module, "draw_curve", lambda *_: True, False),
    "before the result": (run_module, "write_result", lambda *_: True, False),
}
"""What is called, in which module, with which arguments, and whether the process dies after it or instead of it."""


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    """Five steps on examples, five on pairs, a checkpoint after every second one."""
    folder = tmp_path_factory.mktemp("inputs")
    data = a_dataset(folder / "data", pairs=2, heldout_pairs=1)
    return a_recipe(a_base(folder / "base"), data, preference="salt", max_steps=5)


@pytest.fixture(scope="module")
def whole(recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The hash of the adapter if nothing happens."""
    return run(folder_for(recipe, tmp_path_factory.mktemp("whole") / "run")).sha256


def folder_for(recipe: Recipe, folder: Path) -> Path:
    """A run folder with its recipe."""
    folder.mkdir()
    (folder / RECIPE_FILE).write_text(recipe.model_dump_json(indent=1))
    return folder


def killed(folder: Path, moment: str) -> None:
    """Runs a training, and kills its own process without warning at a moment of it."""
    place, name, wanted, after = MOMENTS[moment]
    usual = getattr(place, name)

    def replaced(*arguments: Any) -> Any:
        if wanted(*arguments) and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = usual(*arguments)
        if wanted(*arguments):
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(place, name, replaced)
    run(folder)


def started(folder: Path) -> None:
    """Runs a training as the command does."""
    sys.exit(main([str(folder)]))


def forkserver() -> Any:
    """Starts processes from one that has the libraries loaded and computed nothing yet, so they begin at once, and clean."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.training.test_qlora_process"])
    return context


def wait_for(condition: Callable[[], bool], seconds: float = 300) -> None:
    """Fail when it doesn't come true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def listens(pid: int) -> bool:
    """Whether a process has a handler for SIGTERM."""
    caught = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("SigCgt"))
    return bool(int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1)


def processes_of(folder: Path) -> list[psutil.Process]:
    """The processes that train in a folder, without their guardians."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if {"training.qlora", str(folder)} <= set(words) and not any("guardian" in word for word in words):
            found.append(process)
    return found


def test_killed_at_any_moment_it_ends_with_the_same_adapter(recipe: Recipe, whole: str, tmp_path: Path) -> None:
    """One training, killed seven times: between steps, in a checkpoint, in both stages, around the adapter and the result."""
    context = forkserver()
    folder = folder_for(recipe, tmp_path / "run")
    for moment in MOMENTS:
        process = context.Process(target=killed, args=(folder, moment))
        process.start()
        process.join()
        assert process.exitcode == -signal.SIGKILL, moment
        assert not (folder / "result.json").exists()
    result = run(folder)
    assert result.sha256 == whole
    steps = [(one.stage, one.step) for one in read_progress(folder)]
    assert steps == [(stage, step) for stage in (1, 2) for step in range(1, 6)]


def test_told_to_stop_it_ends_with_75_and_a_checkpoint(recipe: Recipe, tmp_path: Path) -> None:
    """SIGTERM, however early, stops it after the step that it is at."""
    folder = folder_for(recipe, tmp_path / "run")
    process = forkserver().Process(target=started, args=(folder,))
    process.start()
    assert process.pid is not None
    wait_for(lambda: listens(process.pid))
    os.kill(process.pid, signal.SIGTERM)
    process.join()
    assert process.exitcode == EXIT_STOPPED
    assert not (folder / FAILURE_FILE).exists()
    assert len(read_progress(folder)) == checkpoints.newest_step(folder / STAGE_FOLDERS[0]) <= 1


def test_left_alone_or_asked_to_stop_it_goes_on_to_the_same_adapter(recipe: Recipe, whole: str, tmp_path: Path) -> None:
    """When its parent is killed it stops with a checkpoint, and no process is left; called again it goes on and reports its progress."""
    folder = folder_for(recipe, tmp_path / "run")
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(folder)], cwd=ROOT)
    wait_for(lambda: any(listens(one.pid) for one in processes_of(folder)))
    wait_for((folder / "inputs.json").exists)
    parent.kill()
    parent.wait()
    wait_for(lambda: not processes_of(folder))
    assert not (folder / FAILURE_FILE).exists()
    assert checkpoints.newest_step(folder / STAGE_FOLDERS[0]) == 1

    assert train(recipe, folder, should_stop=lambda: True) is None

    seen: list[Progress] = []
    result = train(recipe, folder, seen.append)
    assert result is not None
    assert result.sha256 == whole
    assert seen[-1].step == seen[-1].steps == 5
    assert seen[-1].seconds_left == 0
    with pytest.raises(TrainingFailed, match="another recipe"):
        train(recipe.model_copy(update={"seed": 5}), folder)


def test_a_failure_comes_back_with_its_reason(recipe: Recipe, tmp_path: Path) -> None:
    """The process leaves its reason in the folder, and the caller raises it; what is missing is told before any library is loaded."""
    with pytest.raises(TrainingFailed, match="there is no base model directory"):
        train(recipe.model_copy(update={"base": tmp_path / "gone"}), tmp_path / "run")
    assert "gone" in json.loads((tmp_path / "run" / FAILURE_FILE).read_text())["reason"]


def test_an_unexpected_error_is_told_without_its_message() -> None:
    """A library's message may quote a row, so only the error's type and place are said."""
    try:
        raise ValueError("what she said")
    except ValueError as error:
        reason = reason_of(error)
    assert reason.startswith("ValueError at test_qlora_process.py:")
    assert "said" not in reason
    assert reason_of(TrainingFailed("the reason")) == "the reason"


@pytest.mark.parametrize(
    "content", [None, "{}", '{"base": "b", "dataset": "d", "modules": ["gate"]}', '{"base": "b", "dataset": "d", "rank": 7}']
)
def test_a_recipe_that_cannot_be_is_refused_in_words(content: str | None, tmp_path: Path) -> None:
    """Missing, incomplete, or with settings that could not be served."""
    if content is not None:
        (tmp_path / RECIPE_FILE).write_text(content)
    with pytest.raises(TrainingFailed, match=RECIPE_FILE):
        run(tmp_path)
