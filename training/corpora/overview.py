"""The tables that a preparation ends with: what became of each set, and why rows were left out or mended."""

from collections.abc import Iterable, Mapping, Sequence

from rich.table import Table

from training.corpora.prepare import Counts
from training.workbench.rows import Split


def overview(sets: Sequence[Counts]) -> Table:
    """A line a set, and one of sums where there are several. Rows that were kept and not drawn are left over."""
    table = Table(title="Rows of each set", title_justify="left")
    table.add_column("set")
    for name in ("read", "left out", "kept", *(f"{split}" for split in Split)):
        table.add_column(name, justify="right")
    lines = [[one.read, sum(one.dropped.values()), one.kept, *(one.drawn[split] for split in Split)] for one in sets]
    for counts, numbers in zip(sets, lines, strict=True):
        table.add_row(counts.name, *(f"{number:,}" for number in numbers))
    if len(sets) > 1:
        table.add_section()
        table.add_row("all", *(f"{sum(column):,}" for column in zip(*lines, strict=True)))
    return table


def reasons(sets: Sequence[Counts]) -> Table:
    """A line for each reason to leave a row out, and each kind of repair, with how many rows of which sets."""
    table = Table(title="Why, and what was mended", title_justify="left")
    table.add_column("what")
    table.add_column("count", justify="right")
    table.add_column("of which sets")
    for title, found in (("left out", [one.dropped for one in sets]), ("mended", [one.repaired for one in sets])):
        for name in _names(found):
            counts = [(one.name, where.get(name, 0)) for one, where in zip(sets, found, strict=True)]
            told = ", ".join(f"{of} {count:,}" for of, count in counts if count)
            table.add_row(f"{title}: {name}", f"{sum(count for _, count in counts):,}", told)
        table.add_section()
    return table


def _names(found: Iterable[Mapping[str, int]]) -> list[str]:
    return list(dict.fromkeys(name for counts in found for name in counts))
