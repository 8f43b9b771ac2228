"""A dataset on disk: four files of rows and a manifest, written last, so its existence means that the rest is complete.

    train.jsonl  heldout.jsonl  preferences.jsonl  heldout_preferences.jsonl  manifest.json

A new version is staged in a hidden folder beside the files, its manifest last of all, then each file is renamed to its place, the
manifest last again. A crash while staging leaves the old dataset; a crash among the renames leaves files that don't fit the manifest,
or no manifest, which `load_dataset` refuses, and what is staged is complete: `forget_case` goes on from there. The same rows, settings
and seed give the same bytes. Files are for their owner alone: they are health data, de-identified or not.
"""

import fcntl
import hashlib
import json
import os
import platform
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from inference.prompt import Message
from training.data.edits import Counts
from training.data.examples import Example, Preference, Rows, Source
from training.data.mixing import Mix, Past, Side, counts_by_source, mix
from training.data.records import Reason
from training.data.settings import Settings

FORMAT = 1
MANIFEST = "manifest.json"
FILES = ("train.jsonl", "heldout.jsonl", "preferences.jsonl", "heldout_preferences.jsonl")
STAGED = ".staged"
LIBRARIES = ("networkx", "pydantic", "rapidfuzz")
"""What the rows depend on, beside this project."""


class BadDataset(Exception):
    """A dataset is incomplete, changed or unreadable; the message names files, never text."""


@dataclass(frozen=True)
class FileEntry:
    """What the manifest says of a file: SHA-256 of its bytes, its rows, and the cases they are of, sorted."""

    sha256: str
    rows: int
    cases: tuple[str, ...]


@dataclass(frozen=True)
class Manifest:
    """What a dataset is made of. `sources` counts the train rows by source; `forgotten` the cases deleted from it since."""

    format: int
    night: str
    settings: Settings
    files: Mapping[str, FileEntry]
    sides: Mapping[str, Side]
    sources: Mapping[str, int]
    versions: Mapping[str, str]
    forgotten: int = 0


@dataclass(frozen=True)
class Dataset:
    """A dataset as it was read back, verified."""

    manifest: Manifest
    train: tuple[Example, ...]
    heldout: tuple[Example, ...]
    preferences: tuple[Preference, ...]
    heldout_preferences: tuple[Preference, ...]

    @property
    def mix(self) -> Mix:
        """The rows without the manifest."""
        return Mix(self.train, self.heldout, self.preferences, self.heldout_preferences, self.manifest.sides)


def make_dataset(
    folder: Path,
    rows: Rows,
    night: str,
    consenting: Collection[str],
    earlier: Sequence[Dataset],
    base: Sequence[Example],
    settings: Settings,
    planted: Sequence[Example] = (),
) -> Manifest:
    """Mixes a night's rows with those of `earlier` nights, oldest first, and of a base set, and writes them (see `mixing.mix`).

    `planted` rows (`training.measure.canaries`) are trained on as they are; they belong to no case with consent, so no night replays them.
    """
    sides: dict[str, Side] = {}
    for dataset in earlier:
        sides = {**dataset.manifest.sides, **sides}  # the first word on a case holds
    past = Past(tuple(row for one in earlier for row in one.train), tuple(row for one in earlier for row in one.heldout), sides)
    content = mix(rows, past, base, consenting, night, settings)
    return write_dataset(folder, replace(content, train=(*content.train, *planted)) if content.train else content, night, settings)


def write_dataset(folder: Path, content: Mix, night: str, settings: Settings) -> Manifest:
    """Writes a dataset, in place of the one in `folder` if there is one, and returns its manifest."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    with _locked(folder, fcntl.LOCK_EX):
        _go_on(folder)
        return _replace(folder, content, Manifest(FORMAT, night, settings, {}, {}, {}, {}))


def load_dataset(folder: Path) -> Dataset:
    """A dataset with every hash verified.

    Raises:
        BadDataset: the manifest is missing or unreadable, or a file is missing or not the one that the manifest names.
    """
    with _locked(folder, fcntl.LOCK_SH):
        return _load(folder)


def forget_case(folder: Path, case_id: str) -> bool:
    """Writes the dataset anew without a case; whether the case was in it. Run it again after a crash: it ends what was begun.

    A folder without a manifest and with nothing complete to go on from is the remains of a dataset that never was: its rows are deleted.

    Raises:
        BadDataset: there is no such folder, or its files were changed by somebody else.
    """
    with _locked(folder, fcntl.LOCK_EX):
        _go_on(folder)
        if not (folder / MANIFEST).exists():
            for name in FILES:
                (folder / name).unlink(missing_ok=True)
            return False
        dataset = _load(folder)
        if case_id not in {*dataset.manifest.sides, *(case for entry in dataset.manifest.files.values() for case in entry.cases)}:
            return False
        _replace(folder, dataset.mix.without(case_id), replace(dataset.manifest, forgotten=dataset.manifest.forgotten + 1))
        return True


def keep_rows(folder: Path, stays: Callable[[Example | Preference], bool]) -> bool:
    """Writes the dataset anew with the rows that stay; whether there was any that doesn't. Run it again after a crash.

    Raises:
        BadDataset: there is no such dataset, or its files were changed by somebody else.
    """
    with _locked(folder, fcntl.LOCK_EX):
        _go_on(folder)
        dataset = _load(folder)
        kept = dataset.mix.only(stays)
        if kept == dataset.mix:
            return False
        _replace(folder, kept, dataset.manifest)
        return True


def _replace(folder: Path, content: Mix, manifest: Manifest) -> Manifest:
    """Stages `content` under `manifest`, whose particulars are filled in, then puts it in place."""
    staged = folder / STAGED
    staged.mkdir(mode=0o700)
    entries = {}
    lists: list[Sequence[Example | Preference]] = [content.train, content.heldout, content.preferences, content.heldout_preferences]
    for name, rows in zip(FILES, lists, strict=True):
        data = _dump_rows(rows)
        _write(staged / name, data)
        entries[name] = FileEntry(hashlib.sha256(data).hexdigest(), len(rows), tuple(sorted({row.case_id for row in rows})))
    versions = {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}}
    complete = replace(manifest, files=entries, sides=content.sides, sources=counts_by_source(content.train), versions=versions)
    _write(staged / f".{MANIFEST}", json.dumps(asdict(complete), indent=1, sort_keys=True).encode())
    _move(staged / f".{MANIFEST}", staged / MANIFEST)  # in one step: half a manifest would pass for a whole one
    _sync(staged)
    _sync(folder)
    _settle(folder)
    return complete


def _go_on(folder: Path) -> None:
    """Ends what a crash cut short: what was staged completely is put in place, what was staged in part goes."""
    if (folder / STAGED / MANIFEST).exists():
        _settle(folder)
    _discard_staged(folder)


def _settle(folder: Path) -> None:
    """Moves what is staged to its place; what a crash left unmoved, if called again."""
    for name in (*FILES, MANIFEST):
        if name == MANIFEST:
            _sync(folder)  # the files are in their places, on the disk itself, before the manifest says so
        if (folder / STAGED / name).exists():
            _move(folder / STAGED / name, folder / name)
    _sync(folder)
    _discard_staged(folder)


def _load(folder: Path) -> Dataset:
    manifest = _read_manifest(folder)
    content: dict[str, list[dict[str, Any]]] = {}
    for name in FILES:
        try:
            data = (folder / name).read_bytes()
        except FileNotFoundError:
            raise BadDataset(f"{folder.name}: {name} is missing") from None
        if hashlib.sha256(data).hexdigest() != manifest.files[name].sha256:
            raise BadDataset(f"{folder.name}: {name} is not the file that the manifest names")
        content[name] = [json.loads(line) for line in data.splitlines()]
    train, heldout, preferences, heldout_preferences = (content[name] for name in FILES)
    return Dataset(
        manifest,
        tuple(_example(row) for row in train),
        tuple(_example(row) for row in heldout),
        tuple(_preference(row) for row in preferences),
        tuple(_preference(row) for row in heldout_preferences),
    )


def _read_manifest(folder: Path) -> Manifest:
    try:
        manifest = TypeAdapter(Manifest).validate_json((folder / MANIFEST).read_bytes())
    except FileNotFoundError:
        raise BadDataset(f"{folder.name}: there is no manifest, so the dataset was never completed") from None
    except ValidationError:
        raise BadDataset(f"{folder.name}: the manifest can't be read") from None
    if manifest.format != FORMAT or set(manifest.files) != set(FILES):
        raise BadDataset(f"{folder.name}: the dataset has format {manifest.format}, this program reads {FORMAT}")
    return manifest


def _dump_rows(rows: Iterable[Example | Preference]) -> bytes:
    """One JSON object a line, in ASCII: no character of a text can end a line."""
    return "".join(json.dumps(asdict(row), sort_keys=True) + "\n" for row in rows).encode()


def _example(row: dict[str, Any]) -> Example:
    return Example(row["case_id"], _messages(row), row["completion"], Source(row["source"]), row["night"])


def _preference(row: dict[str, Any]) -> Preference:
    reason = Reason(row["reason"]) if row["reason"] else None
    return Preference(row["case_id"], _messages(row), row["chosen"], row["rejected"], Counts(**row["counts"]), reason, row["night"])


def _messages(row: dict[str, Any]) -> tuple[Message, ...]:
    return tuple(Message(role=message["role"], content=message["content"]) for message in row["messages"])


def _discard_staged(folder: Path) -> None:
    """The manifest goes first, so that what is left of a staged dataset never passes for a complete one."""
    (folder / STAGED / MANIFEST).unlink(missing_ok=True)
    if (folder / STAGED).exists():
        shutil.rmtree(folder / STAGED)


@contextmanager
def _locked(folder: Path, how: int) -> Iterator[None]:
    """Holds the folder, so that nobody reads what another process is replacing."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except (FileNotFoundError, NotADirectoryError):
        raise BadDataset(f"{folder.name}: there is no such dataset") from None
    try:
        fcntl.flock(descriptor, how)
        yield
    finally:
        os.close(descriptor)


def _write(path: Path, data: bytes) -> None:
    """A new file that its owner alone may read, on the disk itself."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _move(source: Path, target: Path) -> None:
    source.replace(target)


def _sync(folder: Path) -> None:
    """Flush a folder's list of names to the disk itself."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
