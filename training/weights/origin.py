"""What a folder of weights came of, as far as manifests tell: its parents, the data, and whether patients' cases are in it.

Two kinds of manifests are read: the workbench's (`training.workbench.artifacts`), and that of an adapter which a night trained on approved
notes (`training.release.manifest`). What is made here of such folders carries it on, so that no merge, combination or delta loses a case.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from training.workbench.artifacts import MANIFEST, sha256_of
from training.workbench.errors import WorkbenchError
from training.workbench.places import OUTPUT

BASE_ROLE = "base"
RANDOM = "train tiny-model"
"""The command whose models have learned nothing."""


@dataclass(frozen=True)
class DataSource:
    """A file that training rows were made of; `licence` is None where no manifest says it."""

    name: str
    sha256: str | None
    rows: int | None
    licence: str | None


@dataclass(frozen=True)
class Lineage:
    """What a folder of weights tells of itself. `kind` and `sha256`, of its manifest, are None where it has none. `night` is a folder that
    a night made: its weights come from cases even where no id is left. `unknown` names what went into it and does not tell where it is
    from; a base without a manifest is no part of that: it was published by others."""

    role: str
    name: str
    kind: str | None
    sha256: str | None
    cases: tuple[str, ...] = ()
    night: bool = False
    data: tuple[DataSource, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def from_cases(self) -> bool:
        """Whether patients' cases went into it, as far as is known."""
        return self.night or bool(self.cases)


def manifest_of(folder: Path) -> Mapping[str, Any]:
    """The manifest of a folder, of whichever kind; empty where it has none, as a file of rows has none.

    Raises:
        WorkbenchError: there is one, and it can't be read.
    """
    try:
        found = json.loads((folder / MANIFEST).read_bytes())
    except (FileNotFoundError, NotADirectoryError):  # rows may be a file
        return {}
    except ValueError:
        found = None
    if not isinstance(found, Mapping):
        raise WorkbenchError(f"{MANIFEST} of {folder.resolve().name} can't be read: make the folder again")
    return found


def shown(folder: Path) -> str:
    """A folder's name; of a run's output, the run's."""
    folder = folder.resolve()
    return folder.parent.name if folder.name == OUTPUT else folder.name


def lineage_of(folder: Path, role: str) -> Lineage:
    """What the manifest in `folder` tells; `role` is what the folder is for what is made of it: `base`, `adapter`, `rows`, …

    Raises:
        WorkbenchError: there is a manifest, and it can't be read.
    """
    found, name = manifest_of(folder), shown(folder)
    if not found:
        return Lineage(role, name, None, None, unknown=() if role == BASE_ROLE else (name,))
    parts = list(_mappings(found))
    cases = {str(case) for part in parts for case in _listed(part.get("cases"))}
    night = any(part.get("night") for part in parts)
    kind = str(found.get("kind") or ("adapter of a night" if night else "unknown"))
    unknown = {str(one) for part in parts for one in _listed(part.get("unknown"))}
    if not night and not _tells(found):
        unknown.add(name)
    sha256, data = sha256_of(folder / MANIFEST), _sources(parts)
    unknown |= {one.name for one in data if one.licence is None}  # files of one's own: they may hold what patients told
    return Lineage(role, name, kind, sha256, tuple(sorted(cases)), night, data, tuple(sorted(unknown)))


def made_of(command: str, parents: Sequence[Lineage]) -> dict[str, Any]:
    """For the manifest of what is made of `parents`: they themselves, with all that they tell."""
    return {"command": command, "parents": [asdict(parent) for parent in parents]}


def _tells(manifest: Mapping[str, Any]) -> bool:
    """Whether a manifest says what its folder was made of, down to nothing but random numbers."""
    made = manifest.get("made", {})
    return "parents" in made or "sources" in made or made.get("command") == RANDOM


def _sources(parts: Sequence[Mapping[str, Any]]) -> tuple[DataSource, ...]:
    """The files that rows were made of, each once, wherever they stand in a manifest."""
    found: dict[tuple[str, str | None], DataSource] = {}
    for part in parts:
        for source in [*_listed(part.get("sources")), *_listed(part.get("data"))]:
            if isinstance(source, Mapping) and isinstance(source.get("name"), str):
                one = DataSource(source["name"], source.get("sha256"), source.get("rows"), source.get("licence"))
                found.setdefault((one.name, one.sha256), one)
    return tuple(found.values())


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()


def _mappings(value: Any) -> Iterator[Mapping[str, Any]]:
    """All mappings in plain JSON, from the outside in."""
    if isinstance(value, Mapping):
        yield value
        for inner in value.values():
            yield from _mappings(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _mappings(inner)
