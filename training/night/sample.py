"""Notes before and after: what the adapter in service and the new one answer to the same held-out prompt, for an admin to compare.

They are texts of a case, de-identified or not, so the night writes them to no disk. Started with `--samples` it says them in one line on
its standard output, and ends only after whoever started it has answered, on its standard input, that they are kept (the bot keeps them
encrypted, under the keys of their cases). Without an answer it stops as if it had been told to, and the same command says them again.
Imports no model library.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from inference.note import Language, NoteItem

SAMPLES_FLAG = "--samples"
"""Asks a night for its samples."""
KEPT = b"kept\n"
"""The answer to them."""
SAMPLES = 5
"""The most that are shown: an admin is to read them all."""
SAID_CHARS = 4000
"""The most that is shown of what was asked."""

_BEGINNING, _END = '{"samples":', "}"


@dataclass(frozen=True)
class Sample:
    """One held-out prompt and both answers; None is an answer that was no readable note."""

    case_id: str
    language: Language
    said: str
    """What the counselor said last, such as the description."""
    before: tuple[NoteItem, ...] | None
    after: tuple[NoteItem, ...] | None


Keep = Callable[[Sequence[Sample]], bool]
"""Hands samples over; whether they are kept."""

_ADAPTER = TypeAdapter(tuple[Sample, ...])


def samples_line(samples: Sequence[Sample]) -> str:
    """One line, without its end."""
    return f"{_BEGINNING}{_ADAPTER.dump_json(tuple(samples)).decode()}{_END}"


def read_samples(line: str) -> tuple[Sample, ...] | None:
    """What `samples_line` wrote; None where the line is another one. Raises: ValueError, which names no text, where it is damaged."""
    said = line.strip()
    if not said.startswith(_BEGINNING):
        return None
    try:
        return _ADAPTER.validate_json(said[len(_BEGINNING) : -len(_END)])
    except ValidationError:
        raise ValueError("a line of notes before and after can't be read") from None
