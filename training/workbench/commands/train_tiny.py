"""`phyassist train tiny-model`."""

from pathlib import Path
from typing import Annotated

import typer

from training.workbench.commands.groups import train
from training.workbench.tiny import Architecture


@train.command("tiny-model")
def tiny_model(
    out: Annotated[Path, typer.Argument(help="The folder to make.")],
    architecture: Annotated[Architecture, typer.Option(help="Whose manner of model it is.")] = Architecture.LLAMA,
    seed: Annotated[int, typer.Option(help="Decides its numbers.")] = 0,
) -> None:
    """Make a tiny model of random numbers, for trying a walk-through offline."""
    from training.workbench.quiet import quieten
    from training.workbench.tiny import make_tiny_model

    quieten()
    make_tiny_model(out, architecture, seed)
    print(f"{out}: a tiny {architecture} of random numbers, with the demo model's tokenizer")
