"""`phyassist train combine`."""

from pathlib import Path
from typing import Annotated

import typer

from training.workbench.commands.groups import train


@train.command()
def combine(
    adapters: Annotated[list[Path], typer.Argument(help="Folders of adapters of one base, or of runs that made one: two or more.")],
    out: Annotated[Path, typer.Option(help="The folder to make: the adapter, or with --compare the report.")],
    method: Annotated[str, typer.Option(help="cat (exact), svd, ties, dare_linear, dare_ties or linear.")] = "cat",
    weights: Annotated[str, typer.Option(help="A weight for each adapter, like 0.7,0.3. 1 for all unless given.")] = "",
    density: Annotated[float, typer.Option(help="The share of entries that ties and dare keep.")] = 0.5,
    rank: Annotated[int | None, typer.Option(help="Of what svd makes; the largest of the adapters' unless given.")] = None,
    seed: Annotated[int, typer.Option(help="For what dare draws.")] = 0,
    base: Annotated[str | None, typer.Option(help="The base's folder, where the adapters name another place.")] = None,
    compare: Annotated[
        list[Path] | None,
        typer.Option(
            help="Rows to measure all methods on, once for each adapter, in the same order: nothing is combined, a report is made."
        ),
    ] = None,
    merged_data: Annotated[
        Path | None, typer.Option(help="With --compare: an adapter, or a run, that was trained on all rows together; for its figures.")
    ] = None,
) -> None:
    """Make one adapter of several, or measure which way of doing so is best. Training on all rows is better, if you have them."""
    from training.weights.combine import Combination, Method
    from training.workbench.errors import WorkbenchError

    if method not in list(Method):
        raise WorkbenchError(f"there is no method {method}: there are {', '.join(Method)}")
    try:
        shares = tuple(float(weight) for weight in weights.split(",") if weight.strip())
    except ValueError:
        raise WorkbenchError(f"weights are numbers with commas between them, like 0.7,0.3, not {weights}") from None
    how = Combination(Method(method), shares, density, rank, seed)
    if compare:
        from training.weights.compare import compare_methods

        print(compare_methods(adapters, compare, out, how, base, merged_data))
        return
    from training.weights.join import join

    joined = join(adapters, out, how, base)
    padding = f", padded to {joined.padded}, which the server takes" if joined.padded != joined.rank else ""
    print(f"{out}: {len(adapters)} adapters by {method}, rank {joined.rank}{padding}")
    print(f"relative error against the weighted sum of the adapters: {joined.error:.2g}")
