"""A case: one patient, bound to one private channel."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from inference.note import Language


class CaseState(StrEnum):
    """Whether a case takes posts."""

    OPEN = "open"
    CLOSED = "closed"


@dataclass(frozen=True)
class Case:
    """One patient case; `code` is a pseudonym, never a name."""

    id: str
    team_id: str
    channel_id: str
    code: str
    language: Language
    state: CaseState
    opened_at: datetime
    closed_at: datetime | None = None


@dataclass(frozen=True)
class Consent:
    """Consent for training, as somebody recorded it.

    `given_by` says who gave it, in words such as "the client, on paper"; `given_on` is the day on which that person did.
    """

    given_by: str = field(repr=False)
    given_on: date
    recorded_by: str
    recorded_at: datetime


@dataclass(frozen=True)
class Withdrawal:
    """The end of a consent, as somebody recorded it."""

    recorded_by: str
    recorded_at: datetime


ConsentHistory = Sequence[Consent | Withdrawal]
"""Everything that was ever recorded about a case's consent, oldest first."""


def consent_now(history: ConsentHistory) -> Consent | None:
    """The consent that holds; None where there never was one, or it was withdrawn."""
    newest = history[-1] if history else None
    return newest if isinstance(newest, Consent) else None


@dataclass(frozen=True)
class Roster:
    """The names of a case's people, one entry a person, to be taken out before training. `version` counts its changes."""

    names: tuple[str, ...] = field(default=(), repr=False)
    version: int = 0


@dataclass(frozen=True)
class CaseFile:
    """A case with what was recorded about it: consents, oldest first, and names."""

    case: Case
    consents: ConsentHistory
    roster: Roster


def guess_language(text: str, default: Language) -> Language:
    """The language of a case's first description: Chinese if a fifth of its letters are Han characters."""
    letters = [char for char in text if char.isalpha()]
    han = sum("\u4e00" <= char <= "\u9fff" for char in letters)
    if not letters:
        return default
    return Language.CHINESE if han * 5 >= len(letters) else Language.ENGLISH
