"""A case: one patient, bound to one private channel."""

from dataclasses import dataclass
from datetime import datetime
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


def guess_language(text: str, default: Language) -> Language:
    """The language of a case's first description: Chinese if a fifth of its letters are Han characters."""
    letters = [char for char in text if char.isalpha()]
    han = sum("\u4e00" <= char <= "\u9fff" for char in letters)
    if not letters:
        return default
    return Language.CHINESE if han * 5 >= len(letters) else Language.ENGLISH
