"""From folders of adapters to the folder of their combination: the base that they share, what came of it, where it comes from."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from training.weights.adapters import Adapter, read_adapter, write_adapter
from training.weights.combine import Combination, combine, relative_error
from training.weights.origin import lineage_of, made_of, manifest_of
from training.workbench.adapters import BASE, check_same_base
from training.workbench.artifacts import new_folder, write_manifest
from training.workbench.config import load_config
from training.workbench.errors import WorkbenchError
from training.workbench.places import ADAPTER, OUTPUT, RUN_CONFIG, adapter_folder, base_fingerprint, fingerprint, model_folder


@dataclass(frozen=True)
class Shared:
    """The base of several adapters: its folder; the fingerprint of what they were trained on; adapters that were below them."""

    model: Path
    sha256: str
    below: tuple[str, ...]


@dataclass(frozen=True)
class Joined:
    """What a combination came to: its rank before and after padding, and how far it is from the weighted sum (0 is exact)."""

    rank: int
    padded: int
    error: float


def join(paths: Sequence[str | Path], target: Path, how: Combination, base: str | Path | None = None) -> Joined:
    """Writes the adapter that combines those in `paths`.

    Args:
        paths: folders of adapters, or of runs that made one.
        target: the new folder.
        how: the way to combine.
        base: the base's folder, where the adapters name another place.

    Raises:
        WorkbenchError: the adapters have different bases, or can't be combined this way, or nothing can be written.
    """
    folders = [adapter_folder(path) for path in paths]
    adapters = [read_adapter(folder) for folder in folders]
    shared = shared_base(folders, adapters, base)
    result = combine(adapters, str(shared.model), how)
    weights = how.weights or (1.0,) * len(adapters)
    joined = Joined(_rank_before(adapters, how), result.rank, relative_error(adapters, weights, result))
    with new_folder(target) as folder:
        write_adapter(result, folder)
        made = {
            **made_of("train combine", [lineage_of(one, "adapter") for one in folders]),
            "model": shared.model.name,
            "adapters": list(shared.below),
            BASE: shared.sha256,
            "method": str(how.method),
            "weights": list(weights),
            "density": how.density,
            "seed": how.seed,
            **asdict(joined),
        }
        write_manifest(folder, ADAPTER, made)
    return joined


def shared_base(folders: Sequence[Path], adapters: Sequence[Adapter], base: str | Path | None) -> Shared:
    """The one base of all adapters.

    Raises:
        WorkbenchError: they have several, or it is not where they say.
    """
    made = [manifest_of(folder).get("made", {}) for folder in folders]
    known = {str(one[BASE]): (folder.name, str(one.get("model"))) for folder, one in zip(folders, made, strict=True) if BASE in one}
    stack = _is_stack(folders, made, base or _named_base(folders[0], adapters[0]))
    if len(known) > 1 and not stack:
        (first, one_base), (second, other) = list(known.values())[:2]
        raise WorkbenchError(
            f"{first} was trained on {one_base}, {second} on {other}, which has other weights: only adapters of one base add up"
        )
    names = {Path(adapter.base).name: adapter for adapter in adapters}
    if base is None and len(names) > 1:
        told = ", ".join(f"{adapter.name} {name or 'none'}" for name, adapter in names.items())
        raise WorkbenchError(f"the adapters name different bases ({told}): if these are names of one model, say with --base where it is")
    try:
        model = model_folder(base or _named_base(folders[0], adapters[0]))
    except WorkbenchError as error:
        raise WorkbenchError(f"{error}; --base says where the adapters' base is") from None
    below = next((tuple(map(str, one["adapters"])) for one in made[: 1 if stack else None] if one.get("adapters")), ())
    if not below and not stack:
        for folder in folders:
            check_same_base(folder, model)
    trained_on = None if stack else next(iter(known), None)
    return Shared(model, trained_on or fingerprint(model), below)


def _is_stack(folders: Sequence[Path], made: Sequence[Mapping[str, Any]], base: str | Path) -> bool:
    """Whether each adapter was trained on the base with those before it, as far as they say: what such adapters add adds up as well."""
    try:
        model = model_folder(base)
        under = [base_fingerprint(model, folders[:place]) for place in range(len(folders))]
    except WorkbenchError:
        return False
    return all(one.get(BASE, below) == below for one, below in zip(made, under, strict=True))


def _named_base(folder: Path, adapter: Adapter) -> str:
    """Where the base of an adapter lies: as the run says that made it, else as the adapter's own configuration does."""
    run = folder.parent / RUN_CONFIG
    return load_config(run).model.path if folder.name == OUTPUT and run.is_file() else adapter.base


def _rank_before(adapters: Sequence[Adapter], how: Combination) -> int:
    ranks = [adapter.rank for adapter in adapters]
    return sum(ranks) if how.method == "cat" else how.rank or max(ranks)
