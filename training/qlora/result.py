"""What a training leaves in its folder when it is done. Imports no model library."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

RESULT_FILE = "result.json"
ADAPTER_FOLDER = "adapter"


@dataclass(frozen=True)
class Counts:
    """Rows of one kind: learned from, and left out because they are longer than a sequence."""

    used: int
    too_long: int


@dataclass(frozen=True)
class StageResult:
    """How a stage ended. Losses are None where nothing was held out; `best_step` is the one whose adapter was kept."""

    objective: str
    steps: int
    best_step: int
    loss: float
    heldout_before: float | None
    heldout_after: float | None


@dataclass(frozen=True)
class Margin:
    """How much likelier held-out edits are than drafts: the mean difference in nats, and the share of pairs where it is above 0."""

    mean: float
    accuracy: float


@dataclass(frozen=True)
class PartBytes:
    """Weights of one class of parameters and the bytes they take."""

    weights: int
    bytes: int


@dataclass(frozen=True)
class Result:
    """A finished training. `sha256` is that of the adapter's weights file; `inputs` are hashes of what it was made from."""

    sha256: str
    stages: tuple[StageResult, ...]
    rows: Mapping[str, Counts]
    margin_before: Margin | None
    margin_after: Margin | None
    parameters: Mapping[str, PartBytes]
    peak_bytes: int
    seconds: float
    """Of the process that ended it; those of processes that were stopped before are not in it."""
    inputs: Mapping[str, str]
    versions: Mapping[str, str]


def write_result(folder: Path, result: Result) -> None:
    """Puts the result in place in one step: its existence means that the adapter beside it is complete."""
    partial = folder / f"{RESULT_FILE}.partial"
    partial.write_bytes(TypeAdapter(Result).dump_json(result, indent=1))
    partial.replace(folder / RESULT_FILE)


def read_result(folder: Path) -> Result | None:
    """The result of a training that is done, else None."""
    try:
        return TypeAdapter(Result).validate_json((folder / RESULT_FILE).read_bytes())
    except FileNotFoundError:
        return None
