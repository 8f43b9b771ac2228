"""What a night says while it goes on: one JSON object a line on its standard output, names of stages and numbers only.

The newest one also stands in the night's folder, for whoever wants to look.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

TOLD_FILE = "told.json"


class Stage(StrEnum):
    """Where a night is."""

    COLLECT = "collect"
    TRAIN = "train"
    ASIDE = "aside"
    """The training stepped aside for an urgent post."""
    CHAMPION = "champion"
    """The adapter in service is being measured."""
    CHALLENGER = "challenger"
    """The new one is."""
    SERVE = "serve"


@dataclass(frozen=True)
class Told:
    """How far it is. `done` of `of` are steps or questions; a training also has its loss (nats a token), time left and memory."""

    stage: Stage
    done: int = 0
    of: int = 0
    loss: float | None = None
    seconds_left: float | None = None
    memory_bytes: int | None = None
    part: int = 1
    parts: int = 1

    def to_json(self) -> str:
        """One line."""
        return json.dumps(asdict(self))

    @staticmethod
    def from_json(line: str) -> "Told":
        """What `to_json` wrote. Raises: ValueError when it is something else."""
        try:
            value = json.loads(line)
            return Told(**{**value, "stage": Stage(value["stage"])})
        except (TypeError, KeyError) as error:
            raise ValueError("this is no line of a night") from error


Tell = Callable[[Told], None]


def write_told(folder: Path, told: Told) -> None:
    """Puts the newest one in place in one step."""
    partial = folder / f"{TOLD_FILE}.partial"
    partial.write_text(told.to_json())
    partial.replace(folder / TOLD_FILE)


def read_told(folder: Path) -> Told | None:
    """How far the night of a folder is, or was when it ended; None before it said anything."""
    try:
        return Told.from_json((folder / TOLD_FILE).read_text())
    except FileNotFoundError:
        return None
