"""A case: one patient, bound to one private channel."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from bot.domain.formats import ITEMIZED
from inference.note import Language


class CaseState(StrEnum):
    """Whether a case takes posts."""

    OPEN = "open"
    SUSPENDED = "suspended"
    """Something stands against its channel; it goes on by itself once that is over."""
    CLOSED = "closed"
    """Somebody ended it; somebody may open it again."""


class Suspension(StrEnum):
    """What can stand against a case's channel."""

    ARCHIVED = "archived"
    REMOVED = "removed"
    """The bot is no member of it any more."""
    DELETED = "deleted"
    PUBLIC = "public"
    SHARED = "shared"
    """With another organization."""
    GUEST = "guest"
    """Somebody of its members is a guest, or of another organization."""


@dataclass(frozen=True)
class Case:
    """One patient case; `code` is a pseudonym, never a name.

    `suspended_for` and `closed_at` say what holds, each by itself; `state` follows from them (`bot.domain.case_state`).
    """

    id: str
    team_id: str
    channel_id: str
    code: str
    language: Language
    state: CaseState
    opened_at: datetime
    opened_by: str | None = None
    """Whoever invited the bot, or wrote the first description; None for cases from before that was kept."""
    note_format: str = ITEMIZED
    """The format of its final notes: one of `bot.domain.formats.note_formats()`, or one that was there once."""
    language_settled: bool = True
    """False: the first description still decides."""
    welcomed: bool = True
    """Whether the channel was shown what PhyAssist does and stores."""
    closed_at: datetime | None = None
    suspended_for: Suspension | None = None
    suspended_at: datetime | None = None


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
