"""The four groups of commands, empty: each module of this folder adds its own to one of them."""

import logging
import sys

import typer

data = typer.Typer(
    help="Make training rows from public sets and from files of your own.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
train = typer.Typer(
    help="Make models and adapters: fine-tune, reward, reinforce, merge, expand.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
evaluate = typer.Typer(
    help="Measure models, and compare two of them.", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)
chat = typer.Typer(help="Talk to a model in the terminal.", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

GROUPS = {"data": data, "train": train, "eval": evaluate, "chat": chat}

FAILED = 1


@data.callback()
def _data() -> None:
    """Make training rows from public sets and from files of your own."""


@train.callback()
def _train() -> None:
    """Make models and adapters: fine-tune, reward, reinforce, merge, expand."""


@evaluate.callback()
def _evaluate() -> None:
    """Measure models, and compare two of them."""


def run_group(name: str, arguments: list[str]) -> None:
    """Run a command of a group; an error that names its remedy is one line on standard error, and exit status 1."""
    from training.qlora.errors import TrainingFailed
    from training.workbench import commands
    from training.workbench.errors import WorkbenchError

    commands.load(name)
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # it misses a package that would make it quicker
    logging.getLogger("DeepSpeed").addFilter(lambda record: "Setting accelerator to CPU" not in str(record.msg))  # it says so on stdout
    try:
        GROUPS[name](arguments, prog_name=f"phyassist {name}")
    except (WorkbenchError, TrainingFailed) as error:
        print(str(error), file=sys.stderr)
        sys.exit(FAILED)
