"""`phyassist train sft` and `phyassist train resume`; what all commands that begin a run share."""

import shutil
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from training.workbench.commands.groups import train
from training.workbench.config import Config, DeepSpeed, Task, load_config
from training.workbench.distributed import launch, needs_launch
from training.workbench.errors import WorkbenchError
from training.workbench.quiet import quieten
from training.workbench.runs import Result, Run, alone, begin, open_run

TRAINERS = {
    Task.SFT: "training.workbench.sft:run_sft",
    Task.REWARD: "training.workbench.reward:run_reward",
    Task.REINFORCE: "training.workbench.reinforce:run_reinforce",
    Task.EMBEDDINGS: "training.workbench.embeddings:run_embeddings",
}
"""What trains a run of each task: module and function, which takes the run and gives its result."""

Source = Annotated[str, typer.Argument(metavar="CONFIG", help="A YAML file, or the name of a preset.")]
Out = Annotated[Path, typer.Option(help="The run's folder; it must not be there yet.")]
ModelPath = Annotated[str | None, typer.Option("--model", help="Folder of the model, or of a run that made one, in place of the file's.")]
Adapter = Annotated[list[str] | None, typer.Option("--adapter", help="Folder of an adapter to train on top of; may be repeated.")]
Rows = Annotated[str | None, typer.Option("--data", help="Folder of rows, or a file of JSON lines, in place of the file's.")]
Changes = Annotated[list[str] | None, typer.Option("--set", help="One setting, like optimiser.learning_rate=1e-4; may be repeated.")]

Processes = Annotated[int | None, typer.Option(help="How many processes train, a GPU each; torchrun starts them.", min=1)]
Zero = Annotated[DeepSpeed | None, typer.Option(help="What DeepSpeed shares out between them.")]


@train.command("sft")
def sft(
    config: Source,
    out: Out,
    model: ModelPath = None,
    adapter: Adapter = None,
    data: Rows = None,
    processes: Processes = None,
    deepspeed: Zero = None,
    changes: Changes = None,
) -> None:
    """Fine-tune a model on answers that are given: prompts with completions, conversations, or running text."""
    start(configured(Task.SFT, config, model, adapter, data, [*spread(processes, deepspeed), *(changes or ())]), out)


@train.command("embeddings")
def embeddings(
    config: Source, out: Out, model: ModelPath = None, data: Rows = None, processes: Processes = None, changes: Changes = None
) -> None:
    """Train the rows that an expansion of the vocabulary has added, on new text; all else stays as it is, to the bit."""
    start(configured(Task.EMBEDDINGS, config, model, None, data, [*spread(processes, None), *(changes or ())]), out)


@train.command("resume")
def resume(run: Annotated[Path, typer.Argument(help="The folder of a run that was stopped, or crashed.")]) -> None:
    """Go on with a run from its newest checkpoint, to the bytes that it would have made in one go."""
    train_run(open_run(run))


def configured(
    task: Task, source: str, model: str | None, adapters: list[str] | None, data: str | None, changes: list[str] | None
) -> Config:
    """The configuration of a command: its file, then its options, then single settings.

    Raises:
        WorkbenchError: as `load_config`; or the file is one for another task.
    """
    settings: dict[str, Any] = {}
    if model is not None or adapters:
        settings["model"] = ({} if model is None else {"path": model}) | ({"adapters": adapters} if adapters else {})
    if data is not None:
        settings["data"] = {"path": data}
    config = load_config(source, changes or (), settings)
    if config.task is not task:
        raise WorkbenchError(
            f"{source} is a configuration of the task {config.task}: use `phyassist train {config.task}`, or --set task={task}"
        )
    return config


def spread(processes: int | None, deepspeed: DeepSpeed | None) -> list[str]:
    """The options for several processes, as single settings."""
    found = {"distributed.processes": processes, "distributed.deepspeed": deepspeed}
    return [f"{name}={value}" for name, value in found.items() if value is not None]


def start(config: Config, out: Path) -> Result:
    """A new run, to its end. One that fails before anything was measured or trained leaves no folder in the mended command's way."""
    run = begin(out, config)
    try:
        return train_run(run)
    except WorkbenchError:
        with suppress(WorkbenchError), alone(run):  # unless another process has taken it up
            if not run.has_progress():
                shutil.rmtree(run.folder)
        raise


def train_run(run: Run) -> Result:
    """Trains what a run says, and tells what came of it."""
    result = launch(run) if needs_launch(run.config) else _trained(run)
    dev = "" if result.dev_after is None else f", dev loss {_from(result.dev_before)}{result.dev_after:.3f}"
    print(f"{run.folder.name}: {result.steps} steps, loss {result.loss or 0:.3f}{dev}; the {result.output} is in {run.folder.name}/output")
    for split, counts in result.rows.items():
        print(f"{split}: " + ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items()))
    return result


def _trained(run: Run) -> Result:
    quieten()
    module, _, name = TRAINERS[run.config.task].partition(":")
    result: Result = getattr(import_module(module), name)(run)
    return result


def _from(before: float | None) -> str:
    return "" if before is None else f"{before:.3f} → "
