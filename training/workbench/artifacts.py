"""What the workbench makes: a folder that is there completely or not at all, with a manifest of its files and of where it comes from.

Everything is written into a hidden folder beside the target, which gets its name in one step at the end. A program that dies in between
leaves a folder `.NAME.partial` that nobody takes for whole; the next attempt removes it. While somebody is at work, it is locked.
"""

import fcntl
import hashlib
import os
import platform
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from training.workbench.errors import WorkbenchError, writing

MANIFEST = "manifest.json"
FORMAT = 1
LIBRARIES = ("phyassist", "accelerate", "datasets", "deepspeed", "peft", "tokenizers", "torch", "transformers", "trl")
"""Whose versions a manifest names, as far as they are installed."""


class FileEntry(BaseModel):
    """A file of the folder: SHA-256 of its bytes, and their number."""

    model_config = ConfigDict(frozen=True)

    sha256: str
    bytes: int


class Manifest(BaseModel):
    """What a folder holds. `kind` is "rows", "run", "model", "adapter", "delta", …; `made` says from what and how, in plain JSON: names and
    hashes of inputs, settings, counts. It holds no text of a row."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = FORMAT
    kind: str
    made: Mapping[str, Any]
    files: Mapping[str, FileEntry]
    versions: Mapping[str, str]


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """A folder to fill, which becomes `target` when the block ends, and is removed if it fails.

    Raises:
        WorkbenchError: there is something at `target` already, somebody else is making it, or nothing can be written there.
    """
    target = free_place(target)
    staged = target.with_name(f".{target.name}.partial")
    with writing(target), _alone(staged, target.name):
        try:
            yield staged
            for path in sorted(staged.rglob("*")):
                sync(path)
            sync(staged)
            if _taken(target):
                raise WorkbenchError(f"{target.name} was made by somebody else meanwhile: remove it, or choose another name")
            staged.replace(target)  # in place of an empty folder too
            sync(target.parent)
        except BaseException:
            shutil.rmtree(staged, ignore_errors=True)
            raise


def free_place(target: Path) -> Path:
    """The place where a folder may be made, as a full path. What takes long asks this first.

    Raises:
        WorkbenchError: there is something already, or a file is in the way.
    """
    target = target.resolve()  # `.` has no name, and a link is a way to the folder that it names
    if _taken(target):
        raise WorkbenchError(f"{target.name} is there already: remove it, or choose another name")
    if above := next((parent for parent in target.parents if parent.exists() and not parent.is_dir()), None):
        raise WorkbenchError(f"{above.name} is a file, so no folder can be made below it: choose another place")
    return target


def _taken(target: Path) -> bool:
    """Whether there is anything at a place but an empty folder."""
    return target.exists() and (not target.is_dir() or any(target.iterdir()))


@contextmanager
def _alone(staged: Path, name: str) -> Iterator[None]:
    """The staged folder, made anew and locked: what another process left in it is removed, unless that process is still at work."""
    if staged.exists():
        with _locked(staged, name):
            shutil.rmtree(staged)
    staged.mkdir(mode=0o700, parents=True)
    with _locked(staged, name):
        yield


@contextmanager
def _locked(folder: Path, name: str) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise WorkbenchError(f"{name} is being made by another process: wait for it, or choose another name") from None
        yield
    finally:
        os.close(descriptor)


def write_manifest(folder: Path, kind: str, made: Mapping[str, Any]) -> Manifest:
    """Describes all files that lie in `folder` now, in a file `manifest.json` beside them: the last thing to be written."""
    manifest = Manifest(kind=kind, made=made, files=_files(folder), versions=versions())
    partial = folder / f".{MANIFEST}"
    partial.write_text(manifest.model_dump_json(indent=1) + "\n", encoding="utf-8")
    partial.replace(folder / MANIFEST)
    return manifest


def read_manifest(folder: Path, kind: str, verify: bool = True) -> Manifest:
    """The manifest of a folder; with `verify`, every file was read and is the one that it names.

    Raises:
        WorkbenchError: it is missing, of another kind or format, or a file is missing or another one.
    """
    try:
        manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        raise WorkbenchError(f"{folder.name} has no {MANIFEST}: it was not made by `phyassist`, or never completed") from None
    except PermissionError:
        raise WorkbenchError(f"{folder.name} may not be read: change its permissions") from None
    except ValidationError:
        raise WorkbenchError(f"{MANIFEST} of {folder.name} can't be read: make the folder again") from None
    if manifest.format != FORMAT:
        raise WorkbenchError(f"{folder.name} has format {manifest.format}, this program reads {FORMAT}: make it again")
    if manifest.kind != kind:
        raise WorkbenchError(f"{folder.name} holds {manifest.kind}, not {kind}")
    for name, entry in manifest.files.items() if verify else ():
        path = folder / name
        if not path.is_file():
            raise WorkbenchError(f"{folder.name} lacks {name}: make it again")
        if path.stat().st_size != entry.bytes or sha256_of(path) != entry.sha256:
            raise WorkbenchError(f"{name} of {folder.name} was changed since it was made: make it again")
    return manifest


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def versions() -> dict[str, str]:
    """Of Python and of the libraries that results depend on."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _files(folder: Path) -> dict[str, FileEntry]:
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    names = [name for name in names if name not in {MANIFEST, f".{MANIFEST}"}]
    return {name: FileEntry(sha256=sha256_of(folder / name), bytes=(folder / name).stat().st_size) for name in names}


def sync(path: Path) -> None:
    """Flush a file, or a folder's list of names, to the disk itself."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
