"""Results of a measurement, one line each as they come, so that a measurement that was killed goes on where it was.

The first line says what is measured: the adapter, the base, the data, the settings. A file that says something else is begun anew.
What the gate writes here are ids and numbers, never text; the workbench keeps answers in such a file until they are whole (0600).
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

Row = Mapping[str, Any]


class Ledger:
    """The file of one measurement; use it with `with`."""

    def __init__(self, path: Path, about: Mapping[str, Any]) -> None:
        """`about` is what is measured, as JSON values."""
        self._about = json.dumps({"about": dict(about)}, sort_keys=True)
        self._rows: dict[tuple[str, str], Row] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        whole = self._read(path)
        self._file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b")
        self._file.truncate(whole)
        self._file.seek(whole)
        if not whole:
            self._append(self._about)

    def __enter__(self) -> Self:
        """Nothing to open."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self._file.close()

    def get(self, kind: str, id: str) -> Row | None:  # noqa: A002  # the field's own name
        """What was found for this thing, if it was measured already."""
        return self._rows.get((kind, id))

    def put(self, kind: str, id: str, row: Row) -> Row:  # noqa: A002
        """Writes down what was found, on the disk itself before this returns, and returns it."""
        self._append(json.dumps({"kind": kind, "id": id, "row": dict(row)}))
        self._rows[kind, id] = row
        return row

    def _append(self, line: str) -> None:
        self._file.write(f"{line}\n".encode())
        self._file.flush()
        os.fsync(self._file.fileno())

    def _read(self, path: Path) -> int:
        """Takes in the rows that are there and returns how many bytes of the file are good; a crash may have cut the last line."""
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return 0
        first, *lines = data.splitlines(keepends=True) or [b""]
        if first != f"{self._about}\n".encode():
            return 0
        whole = len(first)
        for line in lines:
            try:
                entry = json.loads(line)
                key = entry["kind"], entry["id"]
            except (ValueError, KeyError, TypeError):
                break
            if not line.endswith(b"\n"):
                break
            self._rows[key] = entry["row"]
            whole += len(line)
        return whole
