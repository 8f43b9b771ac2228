"""Safety cards: what screening noticed in a case, where, and who has seen it. Categories and state, never a word of a case."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from inference.note import Language
from inference.screening import Danger


class FoundIn(StrEnum):
    """Where a danger was noticed."""

    REPORT = "report"
    """What a counselor wrote: a description, information, their own lines of a note."""
    NOTE = "note"
    """What the model wrote, and no description speaks of."""


@dataclass(frozen=True)
class Seen:
    """Who said that they have seen a card, and when."""

    user_id: str
    at: datetime


@dataclass(frozen=True)
class SafetyCard:
    """One card in a note's thread.

    `dangers` are current; `past` were named along with them, as something that is over. Both are in the order of `Danger`. `source` names
    what was screened: each thing raises one card at most.
    """

    id: str
    case_id: str
    note_id: str
    source: str
    found_in: FoundIn
    dangers: tuple[Danger, ...]
    past: tuple[Danger, ...]
    raised_at: datetime
    seen: tuple[Seen, ...] = ()
    """In the order in which they said so."""

    @property
    def is_open(self) -> bool:
        """Whether nobody has seen it yet."""
        return not self.seen

    def seen_by(self, user_id: str, at: datetime) -> "SafetyCard":
        """The card with one more person who has seen it; who said so before did so then."""
        if any(each.user_id == user_id for each in self.seen):
            return self
        return replace(self, seen=(*self.seen, Seen(user_id, at)))


@dataclass(frozen=True)
class CrisisContact:
    """Whom to turn to in a crisis, as the team's admin entered it: a name, how to reach it, and when."""

    name: str
    reach: str
    hours: str = ""


Contacts = Mapping[Language, Sequence[CrisisContact]]


def contacts_for(contacts: Contacts, language: Language) -> tuple[CrisisContact, ...]:
    """Those of a language; where it has none, those of the others: a number in another language is better than none."""
    order = (language, *(other for other in Language if other is not language))
    return next((tuple(listed) for each in order if (listed := contacts.get(each))), ())


def new_dangers(found: Sequence[Danger], cards: Sequence[SafetyCard]) -> tuple[Danger, ...]:
    """The dangers that no card of the same note is about yet."""
    known = {danger for card in cards for danger in card.dangers}
    return tuple(danger for danger in found if danger not in known)
