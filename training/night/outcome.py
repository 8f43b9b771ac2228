"""How a night ended, for the bot, for the admins' channel and for the shell. Numbers, names and reasons; no text of a case."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pydantic import TypeAdapter

OUTCOME_FILE = "outcome.json"


class End(StrEnum):
    """What came of it."""

    PROMOTED = "promoted"
    """The new adapter is in service."""
    READY = "ready"
    """It passed the gate and waits for an admin."""
    REFUSED = "refused"
    """It is not better, or not safe enough."""
    NOTHING_NEW = "nothing_new"
    """There was nothing to learn."""


@dataclass(frozen=True)
class Outcome:
    """A night that came to its end. `headline` and `table` are the gate's report by language; None where nothing was judged.
    `harmful`: it was refused for clear harm, so its rows are not learned again. `sealed`: cases left out as they can't be decrypted."""

    night: str
    end: End
    champion: str | None
    train_rows: int = 0
    heldout_rows: int = 0
    pairs: int = 0
    cases: int = 0
    headline: dict[str, str] | None = None
    table: dict[str, list[tuple[str, ...]]] | None = None
    harmful: bool = False
    sealed: int = 0


_OUTCOME = TypeAdapter(Outcome)


def write_outcome(folder: Path, outcome: Outcome) -> Outcome:
    """Puts it in place in one step, last of all."""
    partial = folder / f"{OUTCOME_FILE}.partial"
    partial.write_bytes(_OUTCOME.dump_json(outcome, indent=1))
    partial.replace(folder / OUTCOME_FILE)
    return outcome


def read_outcome(folder: Path) -> Outcome | None:
    """How the night of a folder ended; None while it hasn't."""
    try:
        return _OUTCOME.validate_json((folder / OUTCOME_FILE).read_bytes())
    except FileNotFoundError:
        return None
