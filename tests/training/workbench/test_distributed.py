"""One training in several processes gives what one process gives, and says what really ran."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.support.tiny_models import tiny_model
from training.workbench.commands.train_sft import train_run
from training.workbench.config import Config, DeepSpeed, load_config
from training.workbench.distributed import FAILURE, ROOT, Ran, check, deepspeed_command, hostfile, launch, launch_commands
from training.workbench.errors import WorkbenchError
from training.workbench.models import load_model
from training.workbench.progress import LOSS, read_progress
from training.workbench.rows import Origin, PromptCompletion, Source, Split, write_rows
from training.workbench.runs import Result, Run, begin, open_run
from training.workbench.tiny import Architecture
from training.workbench.worker import main
from training.workbench.zero import STAGES, deepspeed_settings

STEPS = 4


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen rows of nearly the same length, so that two processes have as many tokens each."""
    folder = tmp_path_factory.mktemp("distributed") / "rows"
    made = [PromptCompletion(f"来访者第{day}天夜里惊醒", "记录睡眠，复诊时讨论。") for day in range(16)]
    write_rows(folder, {Split.TRAIN: made}, Origin("test", [Source("hand-written", "0" * 64, 16)]))
    return folder


def settings(rows: Path, **more: Any) -> Config:
    """Full fine-tuning of a tiny model: four rows a step, however many processes share them."""
    changes = {
        "model.path": tiny_model(Architecture.LLAMA),
        "model.dtype": "fp32",
        "data.path": rows,
        "data.max_length": 96,
        "method.kind": "full",
    }
    changes |= {"method.checkpointing": "false", "optimiser.learning_rate": 1e-2, "optimiser.schedule": "constant", "optimiser.warmup": 0}
    changes |= {
        "steps.max_steps": STEPS,
        "steps.batch": 4 // more.get("distributed.processes", 1),
        "steps.accumulation": 1,
        "saving.every": 2,
    }
    return load_config(None, [f"{name}={value}" for name, value in (changes | more).items()])


def losses(run: Run) -> list[float]:
    """The loss of each step."""
    return [point[LOSS] for point in read_progress(run.folder) if LOSS in point]


def weights(run: Run) -> Mapping[str, torch.Tensor]:
    """The output's, as plain transformers loads it."""
    found: Mapping[str, torch.Tensor] = load_model(run.output).state_dict()
    return found


@pytest.fixture(scope="module")
def alone(rows: Path) -> Run:
    """The same training in one process."""
    run = begin(rows.with_name("alone"), settings(rows))
    result = train_run(run)
    assert result.more["ran"] == {"processes": 1, "kind": "NO", "zero_stage": None, "backend": None}
    return run


def trained_like(run: Run, alone: Run, result: Result, ran: Ran) -> None:
    """The run did what the single process did: the same losses and weights, and it knows in how many processes."""
    assert result.more["ran"] == {"processes": ran.processes, "kind": ran.kind, "zero_stage": ran.zero_stage, "backend": ran.backend}
    assert json.loads((run.folder / "result.json").read_text())["more"]["ran"]["processes"] == 2
    assert losses(run) == pytest.approx(losses(alone), abs=1e-4)
    assert losses(run)[-1] < losses(run)[0] - 1
    one, two = weights(alone), weights(run)
    assert one.keys() == two.keys()
    assert all(torch.allclose(one[name].float(), two[name].float(), atol=2e-3) for name in one)
    assert result.weights == result.trained == sum(tensor.numel() for tensor in one.values())


def test_two_processes_train_what_one_would(rows: Path, alone: Run) -> None:
    """torchrun's two processes over gloo have the losses of one with twice the rows; the model loads as any other, and the log is gone."""
    run = begin(rows.with_name("two"), settings(rows, **{"distributed.processes": 2}))
    trained_like(run, alone, launch(run), Ran(2, "MULTI_CPU", None, "gloo"))
    assert not (run.folder / "log.txt").exists()
    assert open_run(run.folder).config == run.config


@pytest.mark.night
@pytest.mark.parametrize("kind", [DeepSpeed.ZERO2, DeepSpeed.ZERO3])
def test_zero_trains_what_one_process_would(rows: Path, alone: Run, kind: DeepSpeed) -> None:
    """ZeRO-2 and ZeRO-3 too; what they save loads without DeepSpeed."""
    pytest.importorskip("deepspeed")
    run = begin(rows.with_name(str(kind)), settings(rows, **{"distributed.processes": 2, "distributed.deepspeed": kind}))
    trained_like(run, alone, launch(run), Ran(2, "DEEPSPEED", STAGES[kind], "gloo"))


@pytest.mark.night
def test_processes_end_with_their_parent_and_the_run_goes_on(rows: Path, alone: Run) -> None:
    """When the command is killed, all its processes end; `resume` then ends where an uninterrupted run ends, to the bit."""
    longer = settings(rows, **{"distributed.processes": 2, "steps.max_steps": 40, "saving.every": 1})
    whole, killed = begin(rows.with_name("whole"), longer), begin(rows.with_name("killed"), longer)
    launch(whole)
    command = [sys.executable, "-m", "deploy.cli", "train", "resume", str(killed.folder)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while len(losses(killed)) < 3:
            assert process.poll() is None
            time.sleep(0.2)
        process.send_signal(signal.SIGKILL)
    while _works_on(killed.folder):
        time.sleep(0.2)
    assert len(losses(killed)) < 40
    launch(open_run(killed.folder))
    assert losses(killed) == losses(whole)
    one, two = weights(whole), weights(killed)
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_a_training_that_fell_back_is_told() -> None:
    """Fewer processes than asked for, or DeepSpeed that does not run, end a training with what to do about it."""
    config = load_config(None, ["model.path=m", "data.path=d", "distributed.processes=2", "distributed.deepspeed=zero3"])
    right = Ran(2, "DEEPSPEED", 3, "gloo")
    check(config, right)
    with pytest.raises(WorkbenchError, match=r"processes is 2, but 1 train"):
        check(config, replace(right, processes=1))
    with pytest.raises(WorkbenchError, match=r"deepspeed is zero3, but what runs is 2 processes \(multi_cpu\)"):
        check(config, Ran(2, "MULTI_CPU", None, "gloo"))
    with pytest.raises(WorkbenchError, match="ZeRO-2"):
        check(config, replace(right, zero_stage=2))


def test_why_processes_failed_reaches_their_parent(rows: Path, tmp_path: Path) -> None:
    """Several machines are refused with the command that helps; a process that fails writes down why, for the one that waits."""
    with pytest.raises(WorkbenchError, match="launch-command"):
        launch(Run(tmp_path, settings(rows, **{"distributed.nodes": 2})))
    shutil.copytree(rows, tmp_path / "rows")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORLD_SIZE", "1")  # one process of two, started by hand
        begin(tmp_path / "fallen", settings(tmp_path / "rows", **{"distributed.processes": 2}))
        assert main([str(tmp_path / "fallen")]) == 1
    assert "distributed.processes is 2, but 1 train" in (tmp_path / "fallen" / FAILURE).read_text(encoding="utf-8")


def test_commands_for_several_machines_name_each(tmp_path: Path) -> None:
    """Each machine's command has its number and the first one's address; DeepSpeed's launcher gets a host file."""
    config = load_config(None, ["model.path=m", "data.path=d", "distributed.nodes=2", "distributed.processes=8"])
    first, second = launch_commands(tmp_path, config, "alpha")
    assert "--nnodes=2 --node-rank=0 --master-addr=alpha" in first
    assert "--nproc-per-node=8" in first
    assert second == first.replace("--node-rank=0", "--node-rank=1")
    assert hostfile(config, "alpha") == "alpha slots=8\nHOST-2 slots=8\n"
    assert str(tmp_path) in deepspeed_command(tmp_path, "alpha")


def test_deepspeed_files_are_those_of_their_stage() -> None:
    """The files share out what their names say, and ZeRO-3 saves whole weights."""
    for kind, stage in STAGES.items():
        found = deepspeed_settings(kind)
        assert (found is None) == (stage is None)
        assert found is None or found["zero_optimization"]["stage"] == stage
    three = deepspeed_settings(DeepSpeed.ZERO3)
    assert three is not None
    assert three["zero_optimization"]["stage3_gather_16bit_weights_on_model_save"]


def _works_on(folder: Path) -> bool:
    """Whether a process lives that has this folder among its arguments."""
    for process in Path("/proc").iterdir():
        if process.name.isdecimal() and int(process.name) != os.getpid():
            try:
                if str(folder).encode() in (process / "cmdline").read_bytes():
                    return True
            except OSError:
                continue
    return False
