"""What earlier nights left: what the champion knows, what nobody learned yet, and what is not learned again.

known     nights which the adapter that training begins with came from: their rows are old, and replayed
waiting   nights of which nothing came: failed, refused for want of cases or progress, or never promoted. Their rows are new again, so
          a team whose nights are too small to show a difference is not told "nothing new" for ever
aside     nights refused because their adapter did clear harm. Their rows are neither learned, nor replayed, nor measured with
"""

from dataclasses import dataclass, replace
from pathlib import Path

from inference.manifests import MANIFEST as ADAPTER_MANIFEST
from inference.registry import Registry
from training.data.dataset import MANIFEST, Dataset, load_dataset
from training.night.outcome import read_outcome
from training.night.plan import DATASET, Plan
from training.release.manifest import AdapterManifest

NOBODYS = ("canary-", "base-")
"""How the case ids of planted rows and of a base set begin: no case that could be deleted."""


@dataclass(frozen=True)
class Beginning:
    """What training goes on from: an adapter's directory and its name, both None for the base model. `registered` are the adapters of the
    registry that it came from, itself first."""

    path: Path | None
    name: str | None
    registered: tuple[AdapterManifest, ...] = ()


@dataclass(frozen=True)
class Earlier:
    """The datasets of earlier nights, oldest first."""

    known: tuple[Dataset, ...] = ()
    waiting: tuple[Dataset, ...] = ()
    aside: tuple[Dataset, ...] = ()

    @property
    def usable(self) -> tuple[Dataset, ...]:
        """Those whose rows may be trained on and measured with."""
        return tuple(sorted((*self.known, *self.waiting), key=_night))

    @property
    def for_mixing(self) -> tuple[Dataset, ...]:
        """All of them, since a case keeps its side for good; of those set aside nothing else."""
        return tuple(sorted((*self.usable, *map(_without_rows, self.aside)), key=_night))


def beginning(plan: Plan, registry: Registry, allowed: frozenset[str]) -> Beginning:
    """The champion, or where it is retired or learned from a case that may no longer be trained on, the newest of its ancestors that isn't.

    Raises:
        BadAdapter: a manifest in the registry can't be read.
    """
    if plan.begin is None:
        return Beginning(None, None)
    line = _lineage(plan.champion, registry)
    for place, adapter in enumerate(line):
        if not registry.retirement(adapter.name) and all(_may_be_learned(case, allowed) for case in registry.cases(adapter.name)):
            path = plan.begin if place == 0 else registry.get(adapter.name).path
            return Beginning(path, adapter.name, tuple(line[place:]))
    return Beginning(plan.begin, plan.champion) if not line else Beginning(plan.origin, None)


def earlier_nights(plan: Plan, begin: Beginning) -> Earlier:
    """The datasets of all other nights that are complete. Raises: BadDataset."""
    learned = {adapter.night for adapter in begin.registered}
    known, waiting, aside = [], [], []
    for folder in night_datasets(plan.home):
        if folder.parent == plan.folder:
            continue
        ended = read_outcome(folder.parent)
        if folder.parent.name in learned:
            known.append(load_dataset(folder))
        elif ended is not None and ended.harmful:
            aside.append(load_dataset(folder))
        else:
            waiting.append(load_dataset(folder))
    return Earlier(tuple(known), tuple(waiting), tuple(aside))


def night_datasets(home: Path) -> list[Path]:
    """The folders of all datasets that are complete, oldest night first."""
    return sorted((path.parent for path in (home / "nights").glob(f"*/{DATASET}/{MANIFEST}")), key=lambda path: path.parent.name)


def _lineage(name: str | None, registry: Registry) -> list[AdapterManifest]:
    """An adapter's manifest and those of the adapters that it came from, as far as the registry has them."""
    known = {adapter.name: adapter.path / ADAPTER_MANIFEST for adapter in registry.list()}
    found: list[AdapterManifest] = []
    while name in known and known[name].exists() and name not in {one.name for one in found}:
        found.append(AdapterManifest.from_json(known[name].read_text()))
        name = found[-1].begins_with
    return found


def _may_be_learned(case: str, allowed: frozenset[str]) -> bool:
    return case in allowed or case.startswith(NOBODYS)


def _without_rows(dataset: Dataset) -> Dataset:
    return replace(dataset, train=(), heldout=(), preferences=(), heldout_preferences=())


def _night(dataset: Dataset) -> str:
    return dataset.manifest.night
