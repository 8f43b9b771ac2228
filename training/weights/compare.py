"""Which way to have several adapters in one is best? Measured: each way's loss on each adapter's own rows, and its distance to the sum.

Beside the six ways stand the base alone, each adapter by itself, the average (the exact way with equal shares), and, where it is given,
what was trained on all rows together. That last one is what to prefer: a combination only adds up what was learned apart.
"""

import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from training.release.card import markdown_table
from training.weights.adapters import Adapter, read_adapter, write_adapter
from training.weights.combine import Combination, Method, combine, relative_error
from training.weights.join import shared_base
from training.weights.merge import own_dtype
from training.weights.origin import lineage_of, made_of
from training.workbench.artifacts import new_folder, write_manifest
from training.workbench.config import Model as Settings
from training.workbench.config import TooLong
from training.workbench.encoding import IGNORED, Encoded, Encoder, encode_rows
from training.workbench.errors import WorkbenchError
from training.workbench.models import device, end_tokens, load_base, load_tokenizer
from training.workbench.places import adapter_folder
from training.workbench.rows import Split, read_rows

KIND, REPORT, FIGURES = "report", "report.md", "comparison.json"
MOST_ROWS, MOST_TOKENS = 200, 1024
"""Of each folder so many rows are measured, the first ones, and none longer than this."""
TOGETHER = "trained on all rows together"

_REPORT = """\
# {count} adapters in one

Loss in nats a token on rows of each adapter's own ({splits}; the {rows} first that fit), lower is better. The error is the distance to the
weighted sum of the adapters, as a share of it: 0 is exact.

{table}

{advice}
"""


@dataclass(frozen=True)
class Line:
    """One way: its rank (None for the base), its distance to the sum (None where it is no combination), its loss on each folder of rows."""

    name: str
    rank: int | None
    error: float | None
    losses: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Over all folders of rows, which count alike."""
        return sum(self.losses) / len(self.losses)


def compare_methods(
    paths: Sequence[str | Path],
    rows: Sequence[Path],
    target: Path,
    how: Combination,
    base: str | Path | None = None,
    together: str | Path | None = None,
) -> str:
    """Measures all ways, writes a report (`report.md`, `comparison.json`) into a new folder, and returns its table.

    Args:
        paths: folders of adapters, or of runs that made them.
        rows: a folder of rows for each, in the same order; rows to test on are taken where there are some, then those for choosing.
        target: the new folder.
        how: weights, density and seed for all ways; the method is not read.
        base: the base's folder, where the adapters name another place.
        together: an adapter that was trained on all these rows, or the run.

    Raises:
        WorkbenchError: as `join`, or the rows are missing or don't fit the model.
    """
    if len(rows) != len(paths):
        raise WorkbenchError(f"there are {len(paths)} adapters and {len(rows)} folders of rows: name each adapter's rows with --compare")
    folders = [adapter_folder(path) for path in paths]
    adapters = [read_adapter(folder) for folder in folders]
    shared = shared_base(folders, adapters, base)
    if shared.below:
        raise WorkbenchError(f"the adapters stand on {', '.join(shared.below)}, which is no part of the base: they can't be measured on it")
    splits, encoded = _rows(rows, shared.model)
    ways = _combinations(adapters, str(shared.model), how)
    if together is not None:
        ways.append((TOGETHER, read_adapter(adapter_folder(together)), None))
    model = load_base(Settings(path=str(shared.model), dtype=own_dtype(shared.model))).to(device()).eval()
    lines = [Line("base alone", None, None, _losses(model, encoded))]
    lines += [Line(f"{one.name} alone", one.rank, None, _measured(model, one, encoded)) for at, one in enumerate(adapters)]
    lines += [Line(name, one.rank, error, _measured(model, one, encoded)) for name, one, error in ways]
    table = _table(lines, [path.name for path in rows])
    with new_folder(target) as folder:
        count = ", ".join(str(len(part)) for part in encoded)
        text = _REPORT.format(count=len(paths), splits=", ".join(splits), rows=count, table=table, advice=_advice(lines))
        (folder / REPORT).write_text(text, encoding="utf-8")
        (folder / FIGURES).write_text(json.dumps([asdict(line) for line in lines], indent=1) + "\n", encoding="utf-8")
        parents = [*(lineage_of(one, "adapter") for one in folders), *(lineage_of(path, "rows") for path in rows)]
        settings = {"weights": list(how.weights), "density": how.density, "seed": how.seed}
        write_manifest(folder, KIND, {**made_of("train combine --compare", parents), **settings})
    return f"{table}\n\n{_advice(lines)}"


def _rows(folders: Sequence[Path], model: Path) -> tuple[list[Split], list[tuple[Encoded, ...]]]:
    tokenizer = load_tokenizer(model)
    encoder = Encoder(tokenizer, end_tokens(model, tokenizer))
    splits, encoded = [], []
    for folder in folders:
        found = read_rows(folder).splits
        split = next(split for split in (Split.TEST, Split.DEV, Split.TRAIN) if found.get(split))
        splits.append(split)
        encoded.append(encode_rows(found[split][:MOST_ROWS], encoder, MOST_TOKENS, TooLong.DROP).rows)
    return splits, encoded


def _combinations(adapters: Sequence[Adapter], base: str, how: Combination) -> list[tuple[str, Adapter, float | None]]:
    """Every way by name, what it makes, and its distance to the sum with the same weights."""
    weights = how.weights or (1.0,) * len(adapters)
    ways = [(str(method), replace(how, method=method, rank=None)) for method in Method]
    equal = tuple(weight / len(adapters) for weight in weights)
    ways.insert(1, ("cat, averaged", Combination(Method.CAT, equal)))
    found: list[tuple[str, Adapter, float | None]] = []
    for name, way in ways:
        made = combine(adapters, base, way)
        found.append((name, made, relative_error(adapters, way.weights or weights, made)))
    return found


def _measured(model: Any, adapter: Adapter, rows: Sequence[Sequence[Encoded]]) -> tuple[float, ...]:
    """The losses with an adapter on top, which is taken off again."""
    from peft import PeftModel

    with tempfile.TemporaryDirectory() as place:
        write_adapter(adapter, Path(place))
        wrapped = PeftModel.from_pretrained(model, place).eval()
    found = _losses(wrapped, rows)
    wrapped.unload()
    return found


def _losses(model: Any, folders: Sequence[Sequence[Encoded]]) -> tuple[float, ...]:
    """The mean loss of each folder's learned tokens, in nats."""
    return tuple(_loss(model, rows) for rows in folders)


def _loss(model: Any, rows: Sequence[Encoded]) -> float:
    total = count = 0.0
    place = next(model.parameters()).device
    for row in rows:
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([row.input_ids], device=place), use_cache=False).logits[0, :-1].float()
        labels = torch.tensor(row.labels[1:], device=place)  # (tokens - 1,)
        total += float(torch.nn.functional.cross_entropy(logits, labels, ignore_index=IGNORED, reduction="sum"))
        count += int((labels != IGNORED).sum())
    return total / count


def _table(lines: Sequence[Line], rows: Sequence[str]) -> str:
    heads = ("way", "rank", "error", *(f"loss on {name}" for name in rows), "mean")
    return markdown_table([heads, *(_cells(line) for line in lines)])


def _cells(line: Line) -> tuple[str, ...]:
    rank = "" if line.rank is None else str(line.rank)
    error = "" if line.error is None else f"{line.error:.2g}"
    return line.name, rank, error, *(f"{loss:.3f}" for loss in line.losses), f"{line.mean:.3f}"


def _advice(lines: Sequence[Line]) -> str:
    best = min((line for line in lines if line.error is not None), key=lambda line: line.mean)
    told = f"The best combination by its mean loss is {best.name}, with {best.mean:.3f}. "
    together = next((line for line in lines if line.name == TOGETHER), None)
    if together is None:
        return told + "Training on all rows together is the recommended way; it was not measured here (--merged-data names such a run)."
    gain = best.mean - together.mean
    compared = f"{gain:.3f} better" if gain > 0 else f"{-gain:.3f} worse, with these rows and settings"
    return told + f"Training on all rows together is the recommended way: {together.mean:.3f}, {compared}."
