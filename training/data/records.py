"""What the bot hands over for a night: cases as they stand, with every answer of the model and what became of it.

Plain values that import nothing of the bot. Turns are those of the prompts, in order and unchanged, so that a training prompt can be
built from the same pieces as the prompt that was served.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from inference.digest import Correction
from inference.note import Language, NoteItem
from inference.prompt import Turn, TurnKind


class BadRecord(ValueError):
    """A record contradicts itself; the message names no text."""


class Reason(StrEnum):
    """Why a counselor changed an answer, as stated with the edit."""

    FACT = "fact"
    TONE = "tone"
    SCOPE = "scope"
    RISK = "risk"


class Verdict(StrEnum):
    """How far a counselor stands behind a note as it now reads."""

    OPEN = "open"
    """Nobody said anything about it."""
    ACCEPTED = "accepted"
    """The answer was taken over as it stands, after the edit if there was one."""
    APPROVED = "approved"
    """The summary was approved, after the edit if there was one."""


@dataclass(frozen=True)
class SealedCase:
    """A case that can't be decrypted, so that nobody knows whether it may be trained on: it is left out, and counted."""

    id: str


@dataclass(frozen=True)
class Consent:
    """Who recorded that the case may be trained on, and when."""

    by: str
    at: datetime


@dataclass(frozen=True)
class Edit:
    """A counselor's version of a whole note: the newest one before the model answered again."""

    items: tuple[NoteItem, ...]
    author: str
    at: datetime
    reason: Reason | None = None


@dataclass(frozen=True)
class AnswerEvent:
    """One answer of the model, as people saw it, and what followed.

    The note that was shown is `kept` followed by `draft`.
    """

    note_id: str
    asked: int
    """Index of the counselor's turn that it answers; the prompt held the turns up to and with this one."""
    draft: tuple[NoteItem, ...]
    """Items which the model brought in."""
    at: datetime
    kept: tuple[NoteItem, ...] = ()
    """Items which stood before and were kept word for word: all handed back with an edit, or the counselor's own of older notes."""
    edit: Edit | None = None
    verdict: Verdict = Verdict.OPEN


@dataclass(frozen=True)
class CaseRecord:
    """One case. `consent` is the consent that holds now: None where there never was one, or it was withdrawn.

    Raises:
        BadRecord: an event answers no turn of the counselor's, or events are out of order.
    """

    id: str
    language: Language
    consent: Consent | None
    names: tuple[str, ...]
    """People of the case, for de-identification."""
    turns: tuple[Turn, ...]
    events: tuple[AnswerEvent, ...]
    corrections: tuple[Correction, ...] = ()
    """Digests of its earlier sessions, as counselors corrected them."""

    def __post_init__(self) -> None:
        asked = [event.asked for event in self.events]
        if not all(0 <= index < len(self.turns) and self.turns[index].kind is not TurnKind.ANSWER for index in asked):
            raise BadRecord("an event answers no turn of the counselor")
        if asked != sorted(asked):
            raise BadRecord("events are not in the order of their turns")
