"""What a check found."""

from dataclasses import dataclass
from enum import StrEnum


class Health(StrEnum):
    """How it stands: works, works but worth knowing, does not work."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    """One line of the report; `mend` says what to do about it. Neither ever holds a secret."""

    subject: str
    health: Health
    text: str
    mend: str = ""


def ok(subject: str, text: str) -> Finding:
    """It works."""
    return Finding(subject, Health.OK, text)


def note(subject: str, text: str, mend: str = "") -> Finding:
    """It works, and there is something to know."""
    return Finding(subject, Health.NOTE, text, mend)


def problem(subject: str, text: str, mend: str) -> Finding:
    """It does not work."""
    return Finding(subject, Health.PROBLEM, text, mend)
