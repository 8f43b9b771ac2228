"""`phyassist train expand-vocabulary`."""

from pathlib import Path
from typing import Annotated

import typer

from training.workbench.commands.groups import train
from training.workbench.config import Dtype


@train.command("expand-vocabulary")
def expand_vocabulary(
    model: Annotated[str, typer.Argument(help="A model's folder, a finished run, or a name on the hub.")],
    text: Annotated[list[Path], typer.Option(help="New text: a file of lines or of JSON lines, or a folder of rows; may be repeated.")],
    tokens: Annotated[int, typer.Option(help="New tokens at most.", min=1)],
    out: Annotated[Path, typer.Option(help="The folder to make.")],
    held_out: Annotated[
        list[Path] | None, typer.Option(help="Text to measure the savings on. Without it a folder's dev and test rows, or every 20th line.")
    ] = None,
    dtype: Annotated[Dtype, typer.Option(help="Of the weights that are written.")] = Dtype.BF16,
) -> None:
    """Give a model more tokens, learned from new text; each begins as the mean of its old pieces."""
    from training.workbench.expansion import NEW_ROWS, Savings, expand_model, read_texts

    made = expand_model(model, read_texts(text, held_out or ()), tokens, out, dtype).made
    first, last = made[NEW_ROWS]
    few = f", of {tokens} asked for: the text has no more that occur twice" if last - first < tokens else ""
    print(f"{out}: {last - first} new tokens{few}; {made['characters']} of them characters that were spelled in bytes")
    for language, found in made["savings"].items():
        print(Savings(**found).told(language))
