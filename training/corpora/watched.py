"""Progress on the screen: one bar, of the thing that is being done."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn
from rich.progress import Progress as Bars

from training.corpora.reading import Progress


@contextmanager
def watched() -> Iterator[Progress]:
    """Something to report progress to, shown in a terminal while the block runs (standard error); a bar goes away when it is full."""
    console = Console(stderr=True)
    known: dict[str, TaskID] = {}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Bars(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:

        def told(what: str, done: int, total: int) -> None:
            if what not in known:
                known[what] = bars.add_task(what, total=total)
            bars.update(known[what], completed=done, total=total, visible=done < total)

        yield told
