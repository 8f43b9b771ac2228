"""The model server's log file: rotated at each start, read for progress and for the reason of a failed start."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

KEPT = 5
"""How many logs of earlier starts are kept, as `name.1` (the newest) to `name.5`."""

STAGES = {
    "Resolved architecture": "reading the model's configuration",
    "Initializing a V1 LLM engine": "starting the engine",
    "Starting to load model": "loading the weights",
    "KV cache size": "making room for the KV cache",
    "Capturing CUDA graphs": "capturing CUDA graphs",
    "Starting vLLM server": "opening the port",
}
"""What vLLM's log says, and what that means for people."""

_ERROR = re.compile(r"^(?:\(.*?\) )?(?:ERROR [^\]]*\] )?([\w.]*(?:Error|Exception): .+|\s+Value error, .+)$")
"""The last line of a traceback, plain or inside a log line; and the line in which pydantic gives the reason."""
_HINTLESS = ("RuntimeError: Engine core initialization failed", "Exception: WorkerProc initialization failed")
"""Errors that only say that another error was printed before."""


class LogFile:
    """vLLM writes into it by itself; here it is opened, rotated and read."""

    def __init__(self, path: Path) -> None:
        """The directory is made at the first start."""
        self.path = path
        self._read = 0
        self._waiting: list[str] = []

    @contextmanager
    def open_new(self) -> Iterator[BinaryIO]:
        """An empty log for a new start, readable by its owner only."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        for number in range(KEPT - 1, -1, -1):
            older = self._numbered(number)
            if older.exists():
                older.replace(self._numbered(number + 1))
        self._read, self._waiting = 0, list(STAGES)
        self.path.touch(mode=0o600)
        with self.path.open("ab") as file:
            yield file

    def new_stages(self) -> list[str]:
        """Stages which the log reached since the last call, in order."""
        with self.path.open("rb") as file:
            file.seek(self._read)
            text = file.read()
        complete = text[: text.rfind(b"\n") + 1]
        self._read += len(complete)
        reached = [mark for mark in self._waiting if mark.encode() in complete]
        self._waiting = [mark for mark in self._waiting if mark not in reached]
        return [STAGES[mark] for mark in reached]

    def last_error(self) -> str:
        """The line that names the reason of a failed start, at most 300 characters."""
        lines = self.path.read_text(errors="replace").splitlines()
        found = [match.group(1) for match in map(_ERROR.match, lines) if match]
        telling = [line for line in found if not line.startswith(_HINTLESS)]
        return (telling or found or ["no reason was printed"])[-1].partition(" [type=")[0].strip()[:300]

    def _numbered(self, number: int) -> Path:
        return self.path if number == 0 else self.path.with_name(f"{self.path.name}.{number}")
