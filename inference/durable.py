"""Small files that are whole after any crash: written beside, flushed to the disk itself, and put in place in one step."""

import os
from pathlib import Path


def put(path: Path, text: str) -> None:
    """A file in one step: readers see the old one or the new one, whole. Callers take care that only one writes at a time."""
    draft = path.with_name(f".{path.name}")
    write(draft, text)
    draft.replace(path)
    sync(path.parent)


def write(path: Path, text: str) -> None:
    """A file that is on the disk when this returns."""
    path.write_text(text)
    sync(path)


def sync(path: Path) -> None:
    """Flush a file, or a directory's list of names, to the disk itself."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
