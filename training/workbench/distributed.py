"""One training in several processes: torchrun starts them, and what really ran is looked up, not believed.

accelerate trains in one process where it finds no others, and without DeepSpeed or FSDP where it can't have them, without a word and with
exit status 0. So the run's own processes are asked once they train: how many there are, of which kind, and what DeepSpeed shares out. What
they say is in `result.json`, and where it is not what the configuration says, the training ends before its first step.
"""

import contextlib
import ctypes
import importlib.util
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from inference import guardian
from training.workbench.config import Config, DeepSpeed
from training.workbench.errors import WorkbenchError
from training.workbench.progress import DEV_LOSS, LOSS, Bar, read_progress
from training.workbench.runs import Result, Run, result_of
from training.workbench.stopping import stop_signals
from training.workbench.zero import STAGES

ROOT = Path(__file__).parents[2]
WORKER = "training.workbench.worker"
PORT = 29500
"""torchrun's own, where the first of several machines is listened to."""
FAILURE, LOG = "failure.txt", "log.txt"
"""In the run's folder, only after a failure: why it ended, and all that libraries said where there is no such reason."""
GRACE_S = 40.0
"""For processes that were told to stop. torchrun itself waits 30 seconds for them; a checkpoint that takes longer is not kept."""
POLL_S = 0.5


@dataclass(frozen=True)
class Ran:
    """How a training really ran: processes on all machines, accelerate's word for their kind, DeepSpeed's stage, what they talk by."""

    processes: int
    kind: str
    zero_stage: int | None
    backend: str | None

    @property
    def told(self) -> str:
        """For people."""
        stage = "" if self.zero_stage is None else f", DeepSpeed ZeRO-{self.zero_stage}"
        return f"{self.processes} processes ({self.kind.lower()}{stage})"


def needs_launch(config: Config) -> bool:
    """Whether a training has processes to be started, DeepSpeed's even where it is one; not where this is one of them, as torchrun and
    DeepSpeed's launcher say in the environment."""
    meant = config.distributed
    return "WORLD_SIZE" not in os.environ and (meant.processes * meant.nodes > 1 or meant.deepspeed is not DeepSpeed.NONE)


def how_it_runs(trainer: Any) -> Ran:
    """Asked of a trainer whose model is prepared: of the engine that computes, not of the settings."""
    import torch

    engine, together = trainer.model_wrapped, torch.distributed.is_available() and torch.distributed.is_initialized()
    stage = engine.zero_optimization_stage() if type(engine).__name__ == "DeepSpeedEngine" else None
    world = torch.distributed.get_world_size() if together else 1
    return Ran(
        world, str(trainer.accelerator.distributed_type).rpartition(".")[2], stage, torch.distributed.get_backend() if together else None
    )


def check(config: Config, ran: Ran) -> None:
    """That a training runs as its configuration says.

    Raises:
        WorkbenchError: in fewer or more processes, or without what was to share weights out.
    """
    meant = config.distributed
    if ran.processes != meant.nodes * meant.processes:
        where = f" on {meant.nodes} machines each" if meant.nodes > 1 else ""
        raise WorkbenchError(
            f"distributed.processes is {meant.processes}{where}, but {ran.processes} train: start it with `phyassist train sft` or "
            "`resume`, which start torchrun, or with the commands that `phyassist train launch-command` prints"
        )
    if ran.zero_stage != STAGES[meant.deepspeed]:
        raise WorkbenchError(
            f"distributed.deepspeed is {meant.deepspeed}, but what runs is {ran.told}: look whether DeepSpeed is installed "
            "(pip install 'phyassist[deepspeed]') and works on this machine (`ds_report`)"
        )


def agreed(told: bool, device: Any) -> bool:
    """Whether any of the processes was told to stop: a signal reaches them at different steps, and they must stop after the same one."""
    import torch

    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return told
    flag = torch.tensor(int(told), device=device)
    torch.distributed.all_reduce(flag, op=torch.distributed.ReduceOp.MAX)
    return bool(flag.item())


def launch(run: Run) -> Result:
    """Trains a run in the processes that it says, on this machine, and shows how it goes. They can't outlive this process.

    Raises:
        WorkbenchError: why the training failed, or that it was stopped.
    """
    check_machine(run.config)
    (run.folder / FAILURE).unlink(missing_ok=True)
    (run.folder / LOG).unlink(missing_ok=True)
    with tempfile.TemporaryFile() as log, stop_signals() as told:
        process = _start(run, log)
        bar: Bar | None = None
        try:
            while process.poll() is None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(POLL_S)
                bar = _show(run, bar)
                if told:
                    _let_go(process)
        finally:
            if bar is not None:
                bar.end()
            _let_go(process)
            _end(process)
        return _ended(run, process.returncode, log)


def check_machine(config: Config) -> None:
    """That this machine can run what is asked for, as far as that is known before anything starts. Imports no model library.

    Raises:
        WorkbenchError: DeepSpeed is missing, or several machines are meant.
    """
    meant = config.distributed
    if meant.nodes > 1:
        raise WorkbenchError("distributed.nodes is more than this machine: `phyassist train launch-command` prints what to run on each")
    if meant.deepspeed is not DeepSpeed.NONE and importlib.util.find_spec("deepspeed") is None:
        raise WorkbenchError("distributed.deepspeed needs DeepSpeed: pip install 'phyassist[deepspeed]', or set it to none")


def check_gpus() -> None:
    """That each process of this machine has a GPU of its own, where it has any.

    Raises:
        WorkbenchError: there are fewer GPUs than processes.
    """
    import torch

    gpus, processes = torch.cuda.device_count(), int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    if gpus and gpus < processes:
        raise WorkbenchError(f"distributed.processes is {processes}, and there are {gpus} GPUs: set it to {gpus}")


def torchrun(run: Path, processes: int, nodes: int = 1, node: int = 0, address: str | None = None) -> list[str]:
    """The arguments of Python that start the processes of one machine."""
    here = ["--standalone"] if nodes == 1 else [f"--nnodes={nodes}", f"--node-rank={node}", f"--master-addr={address}"]
    port = [] if nodes == 1 else [f"--master-port={PORT}"]
    return ["-m", "torch.distributed.run", *here, *port, f"--nproc-per-node={processes}", "-m", WORKER, str(run)]


def launch_commands(run: Path, config: Config, address: str) -> Sequence[str]:
    """What to run on each of the machines, the first of them first."""
    meant = config.distributed
    return [" ".join(["python", *torchrun(run, meant.processes, meant.nodes, node, address)]) for node in range(meant.nodes)]


def hostfile(config: Config, address: str) -> str:
    """What DeepSpeed's own launcher reads: a line for each machine, with its number of GPUs."""
    names = [address, *(f"HOST-{number}" for number in range(2, config.distributed.nodes + 1))]
    return "".join(f"{name} slots={config.distributed.processes}\n" for name in names)


def deepspeed_command(run: Path, address: str) -> str:
    """What to run on the first machine, which reaches the others by SSH without a password."""
    return f"deepspeed --hostfile hosts.txt --master_addr {address} --master_port {PORT} --no_local_rank --module {WORKER} {run}"


def end_with_parent() -> None:
    """Has this process killed when the one that started it dies: torchrun gives its processes sessions of their own."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(guardian.PR_SET_PDEATHSIG, signal.SIGKILL)


def _start(run: Run, log: IO[bytes]) -> subprocess.Popen[bytes]:
    arguments = torchrun(run.folder, run.config.distributed.processes)
    command = [sys.executable, "-I", guardian.__file__, str(GRACE_S), sys.executable, *arguments]
    environment = os.environ | {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")}
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log, cwd=ROOT, env=environment, start_new_session=True)


def _show(run: Run, bar: Bar | None) -> Bar | None:
    points = read_progress(run.folder)
    if not points:
        return bar
    last = points[-1]
    shown = bar or Bar(f"{run.config.task} {run.folder.name}", int(last["step"]), int(last["steps"]))
    text = ", ".join(f"{name.replace('eval_', 'dev ')} {last[name]:.3f}" for name in (LOSS, DEV_LOSS) if name in last)
    shown.show(int(last["step"]), text, important=False)
    return shown


def _let_go(process: subprocess.Popen[bytes]) -> None:
    """The guardian's sign to end the processes."""
    if process.stdin and not process.stdin.closed:
        process.stdin.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(GRACE_S + guardian.HELPERS_GRACE_S + 5)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _ended(run: Run, code: int, log: IO[bytes]) -> Result:
    failure = run.folder / FAILURE
    if failure.is_file():
        reason = failure.read_text(encoding="utf-8")
        failure.unlink()
        raise WorkbenchError(reason)
    result = result_of(run.folder) if code == 0 else None
    if result is not None:
        return result
    log.seek(0)
    (run.folder / LOG).write_bytes(log.read())
    raise WorkbenchError(f"the processes of {run.folder.name} ended with {code} and gave no reason: see {LOG} in its folder")
