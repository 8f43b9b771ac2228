"""What a night says while it goes on: one JSON object a line on its standard output, names of stages and numbers only."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import StrEnum


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
