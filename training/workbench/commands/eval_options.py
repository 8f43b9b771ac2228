"""Options that several commands of `phyassist eval` have in common, and what is shown while they work."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from training.workbench.config import Dtype, Quantise, Render
from training.workbench.rows import Split

ModelArgument = Annotated[str, typer.Argument(help="Folder of a model or of a run that made one; with --url the name of a model there.")]
OutArgument = Annotated[Path, typer.Argument(help="The folder to make.")]
Adapters = Annotated[
    list[str] | None, typer.Option("--adapter", help="Folder of an adapter, or of a run; several lie on each other in order.")
]
Url = Annotated[str | None, typer.Option(help="Ask this OpenAI-compatible server instead, as in http://127.0.0.1:8000/v1.")]
ApiKey = Annotated[str | None, typer.Option(envvar="PHYASSIST_INFERENCE__API_KEY", help="The server's key.", show_default=False)]
MaxNewTokens = Annotated[int, typer.Option(help="Tokens of an answer, at most.", min=1)]
Batch = Annotated[int, typer.Option(help="Questions at once.", min=1)]
Temperature = Annotated[float, typer.Option(help="0 takes the likeliest token always.", min=0)]
TopP = Annotated[float, typer.Option(help="Above temperature 0: only the likeliest tokens of this share together.", min=0.01, max=1)]
Seed = Annotated[int, typer.Option(help="Decides what is left to chance.")]
RenderOption = Annotated[Render, typer.Option(help="Prompts as a turn of a chat, or plain, as the model was trained.")]
Quantised = Annotated[Quantise, typer.Option(help="nf4 holds the model in 4 bits a weight.")]
DtypeOption = Annotated[Dtype, typer.Option(help="The type of weights; fp32 for comparisons on a CPU.")]
SplitOption = Annotated[Split | None, typer.Option(help="Of a folder of rows; test if it has one, else dev.")]
FormOption = Annotated[str | None, typer.Option(help="Of a file of rows; by its columns if not given.")]
Limit = Annotated[int | None, typer.Option(help="Only the first rows, so many.", min=1)]
Marker = Annotated[str | None, typer.Option(help='Where the answer begins in rows of running text, as "<assistant>:".')]
Stop = Annotated[list[str] | None, typer.Option("--stop", help='A text that ends an answer, as "<human>:"; may be given again.')]


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error with the time that is left; what it gives is told how many of how many are done."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), speed_estimate_period=600) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def show(rows: Sequence[tuple[str, ...]]) -> None:
    """A table on standard output, its columns lined up."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
