"""Questions to ask the client: open from the moment an answer asks them until a counselor says that they are answered, or not needed.

A question that is asked again, in the same words or nearly, is the same question: it keeps its name, and what was said of it. One that a
later revision leaves out is gone from the list; asked again later, it is back.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from bot.domain.note import SAME_TEXT, same_text

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


@dataclass(frozen=True)
class Wording:
    """A text with what tells quickly that it can't say the same as another: its letters and its numbers."""

    text: str = field(repr=False)
    letters: Counter[str] = field(repr=False)
    numbers: tuple[str, ...] = field(repr=False)

    @classmethod
    def of(cls, text: str) -> "Wording":
        """That of a text."""
        return cls(text, Counter(plain_form(text)), tuple(_NUMBER.findall(text)))

    def says_the_same(self, other: "Wording") -> bool:
        """Whether two texts say the same in nearly the same words, and name the same numbers."""
        if self.numbers != other.numbers:
            return False
        # at most that of difflib's ratio: most pairs end here, a hundred times as fast
        alike = 2 * (self.letters & other.letters).total() >= SAME_TEXT * (self.letters.total() + other.letters.total())
        return alike and same_text(self.text, other.text)


def known_as(asked: Wording, known: Mapping[str, Wording]) -> str | None:
    """The name of a question that says the same, `known` being wordings by name; None where there is none.

    Questions that differ in a number are two: of what is ticked off by mistake nobody would be reminded.
    """
    return next((name for name, other in known.items() if asked.says_the_same(other)), None)
