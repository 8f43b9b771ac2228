"""How an answer is asked for: as usual, once more with other words, or shorter.

The prompt is the same each time, and it is the one that training knows; what differs is how the model is held while it writes.
"""

from dataclasses import dataclass, replace

from bot.domain.editing import Shorter, shorter_than
from bot.domain.note import Item, Note
from bot.workflow.incoming import AskedAnew, Incoming, Wish
from inference.note import NoteLimits

ANEW_TEMPERATURE = 0.7
"""Of a new answer. At the usual 0 the model would write the same words again."""


@dataclass(frozen=True)
class Manner:
    """The limits and the temperature (None: the usual one) of an answer, and what is left of it where it has to be shorter."""

    limits: NoteLimits
    temperature: float | None = None
    shorter: Shorter | None = None

    def cut(self, items: tuple[Item, ...]) -> tuple[Item, ...]:
        """What is left of a note with its answer in it."""
        return self.shorter.cut(items) if self.shorter else items


def manner_of(act: Incoming, note: Note, limits: NoteLimits) -> Manner:
    """How the answer to an act is asked for, given the note as it stands and the usual limits."""
    if not isinstance(act, AskedAnew):
        return Manner(limits)
    if act.wish is Wish.ANEW:
        return Manner(limits, ANEW_TEMPERATURE)
    shorter = shorter_than(note.items)
    if shorter is None:
        return Manner(limits)
    lines, chars = min(limits.items_per_kind, shorter.per_kind), min(limits.item_chars, shorter.item_chars)
    return Manner(replace(limits, items_per_kind=lines, item_chars=chars), None, shorter)
