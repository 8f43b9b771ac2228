"""Questions to ask the client: open from the moment an answer asks them until a counselor says that they are answered, or not needed.

A question that is asked again, in the same words or nearly, is the same question: it keeps its name, and what was said of it. One that a
later revision leaves out is gone from the list; asked again later, it is back.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from bot.domain.note import same_text

_NUMBER = re.compile(r"\d+")


class Outcome(StrEnum):
    """How a question was ticked off."""

    ANSWERED = "answered"
    DISMISSED = "dismissed"


@dataclass(frozen=True)
class Ticked:
    """Who ticked a question off, how and when."""

    outcome: Outcome
    user_id: str
    at: datetime


@dataclass(frozen=True)
class Question:
    """A question of a case. `name` is the same each time that it is asked; `ticked` None: it is open."""

    name: str
    text: str = field(repr=False)
    asked_at: datetime
    ticked: Ticked | None = None


def plain_form(text: str) -> str:
    """A text as its name counts it: case and spaces aside."""
    return " ".join(text.lower().split())


def known_as(text: str, known: Mapping[str, str]) -> str | None:
    """The name of a question that says the same, `known` being texts by name; None where there is none.

    Questions that differ in a number are two: of what is ticked off by mistake nobody would be reminded.
    """
    numbers = _NUMBER.findall(text)
    return next((name for name, other in known.items() if _NUMBER.findall(other) == numbers and same_text(text, other)), None)
