"""`phyassist train merge`."""

from pathlib import Path
from typing import Annotated

import typer

from training.workbench.commands.groups import train
from training.workbench.config import Dtype


@train.command()
def merge(
    model: Annotated[str, typer.Argument(help="The base: a folder, a run that made one, or a name on the hub.")],
    adapters: Annotated[
        list[Path], typer.Argument(help="Adapters, or runs that made them, in the order in which they were trained on each other.")
    ],
    out: Annotated[Path, typer.Option(help="The folder to make.")],
    dtype: Annotated[Dtype | None, typer.Option(help="Of the result; that of the base's files unless given.")] = None,
    prompt: Annotated[
        list[str] | None, typer.Option(help="Text to compare outputs on, in place of three of our own; may be repeated.")
    ] = None,
    tolerance: Annotated[
        float | None, typer.Option(help="The largest difference of a logit that passes, as a share of the largest logit.")
    ] = None,
    shard_size: Annotated[str, typer.Option(help="The largest size of a weights file.")] = "5GB",
) -> None:
    """Merge adapters into their base, and prove that the saved model answers as both together did."""
    from training.weights.merge import PROMPTS, Merging
    from training.weights.merge import merge as merged

    how = Merging(dtype, tuple(prompt or PROMPTS), tolerance, shard_size)
    for proof in merged(model, adapters, out, how, print):
        print(
            f"{proof.step}: largest difference of a logit {proof.difference:.3g} ({proof.relative:.2g} of the largest logit), "
            f"the same next token at {proof.same_token:.1%} of places"
        )
    print(f"{out}: a model of its own, for `phyassist chat`, any training, or `phyassist model serve`")
