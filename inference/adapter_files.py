"""The files of one registered adapter: a copy that doesn't change any more, with a mark that is written last."""

import hashlib
import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

from inference.durable import sync, write

MARK = "registered.json"
"""When it was added, and the hash of all other files. An adapter without it is half copied."""


def copy_adapter(source: Path, target: Path) -> None:
    """The files of `source`, synced and read-only, and the mark that says they are complete."""
    shutil.copytree(source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns(MARK, ".*"))
    files = [path for path in target.rglob("*") if path.is_file()]
    for path in files:
        path.chmod(0o444)
        sync(path)
    write(target / MARK, json.dumps({"added": datetime.now(UTC).isoformat(), "sha256": digest(target)}))
    target.chmod(0o755)  # mkdtemp makes it private, but the server may run as another user
    for directory in [target, *(path for path in target.rglob("*") if path.is_dir())]:
        sync(directory)


def digest(directory: Path) -> str:
    """SHA-256 over the names and contents of all files but the mark."""
    total = hashlib.sha256()
    for path in sorted(path for path in directory.rglob("*") if path.is_file() and path.name != MARK):
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        total.update(f"{path.relative_to(directory)}\n{content}\n".encode())
    return total.hexdigest()
