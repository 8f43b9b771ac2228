"""`phyassist train delta make | verify | apply`."""

from pathlib import Path
from typing import Annotated

import typer

from training.workbench.commands.groups import train

delta = typer.Typer(help="What turns a base model into a tuned one, without the base itself.", no_args_is_help=True)
train.add_typer(delta, name="delta")

Base = Annotated[Path, typer.Argument(help="The base model's folder.")]


@delta.command()
def make(
    base: Base,
    tuned: Annotated[Path, typer.Argument(help="The tuned model's folder, or that of the run which made it.")],
    out: Annotated[Path, typer.Option(help="The folder to make.")],
) -> None:
    """Make a delta of two models: exact to the bit, and smaller than the tuned model."""
    from training.weights.deltas import make_delta
    from training.workbench.places import model_folder

    size = make_delta(model_folder(base), model_folder(tuned), out, _tell)
    changed = size.tensors - size.same - size.new
    print(
        f"{out}: {size.differences / 1e6:.1f} MB for {size.weights / 1e6:.1f} MB of weights ({size.differences / max(size.weights, 1):.0%})"
    )
    print(f"{size.tensors} tensors: {changed} changed, {size.same} the same, {size.new} that the base does not have")


@delta.command()
def verify(
    folder: Annotated[Path, typer.Argument(help="The delta.")],
    base: Annotated[Path | None, typer.Option(help="Also check that this is the base it was made of.")] = None,
    model: Annotated[Path | None, typer.Option(help="Also check that this is the model it makes.")] = None,
) -> None:
    """Check a delta by its checksums, and the base and the result if they are given."""
    from training.weights.deltas import check_base, check_result, read_delta
    from training.workbench.places import model_folder

    found = read_delta(folder)
    print(f"{folder}: whole; {len(found.index.tensors)} tensors")
    print(f"base   {found.index.base_sha256}\nresult {found.index.tuned_sha256}")
    if base:
        check_base(found, model_folder(base))
        print(f"{base} is its base")
    if model:
        check_result(found, model_folder(model))
        print(f"{model} is what it makes")


@delta.command()
def apply(
    base: Base,
    folder: Annotated[Path, typer.Argument(help="The delta.")],
    out: Annotated[Path, typer.Option(help="The folder to make.")],
) -> None:
    """Make the tuned model of its base and a delta, bit by bit the same."""
    from training.weights.deltas import apply_delta, read_delta
    from training.workbench.places import model_folder

    apply_delta(model_folder(base), read_delta(folder), out, _tell)
    print(f"{out}: the tuned model, every tensor and every file checked")


def _tell(line: str) -> None:
    """Progress, on standard error: results alone go to standard output."""
    typer.echo(line, err=True)
