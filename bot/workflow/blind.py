"""Notes before and after, compared blind: which one an admin would rather have, said before they know whose it is.

Of each description the admin sees a note A and a note B; one is the new adapter's, the other that of what was in service when it was
measured. Which is which follows from the night's name, so it is the same for every admin and after every restart. An admin says it once:
whoever has been shown which is which can't judge blind any more.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from inference.note import NoteItem
from training.night.sample import Sample


class Side(StrEnum):
    """Where a note stands."""

    A = "a"
    B = "b"


class Choice(StrEnum):
    """Which note somebody would rather have."""

    NEW = "new"
    OLD = "old"
    NEITHER = "neither"


@dataclass(frozen=True)
class NightSample:
    """One of a night's samples; `number` counts from 0 and stays when another one is gone."""

    night: str
    number: int
    sample: Sample

    @property
    def new_side(self) -> Side:
        """Where the new adapter's note stands."""
        return Random(f"phyassist blind {self.night} {self.number}").choice(list(Side))

    def note(self, side: Side) -> tuple[NoteItem, ...] | None:
        """The note that stands there; None where the adapter wrote none."""
        return self.sample.after if side is self.new_side else self.sample.before

    def meant(self, side: Side | None) -> Choice:
        """Whose note somebody prefers who prefers the one that stands there; None is neither."""
        if side is None:
            return Choice.NEITHER
        return Choice.NEW if side is self.new_side else Choice.OLD


@dataclass(frozen=True)
class Judgement:
    """What an admin said of a night's samples, by number; None where they were shown which is which without having said anything."""

    user_id: str
    choices: Mapping[int, Choice | None]


@dataclass(frozen=True)
class Tally:
    """How often each was preferred, by how many admins."""

    admins: int = 0
    new: int = 0
    old: int = 0
    neither: int = 0


@dataclass(frozen=True)
class Blind:
    """What a night's report says of its samples: how many can be compared, and what came of it so far."""

    samples: int = 0
    tally: Tally = Tally()


def tally(judgements: Iterable[Judgement]) -> Tally:
    """The sum of those who said anything."""
    said = [[choice for choice in one.choices.values() if choice] for one in judgements]
    choices = [choice for one in said for choice in one]
    return Tally(sum(map(bool, said)), *(choices.count(choice) for choice in Choice))
