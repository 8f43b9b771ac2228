"""What became of a message that a note rests on, after the note was written: somebody edited it, or deleted it.

A change stays open until the model answers again in that note: its prompt then holds the message as it stands now, or not at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.domain.note import Note, Origin
from bot.domain.reading import Reading


class ChangeKind(StrEnum):
    """What happened to the message."""

    EDITED = "edited"
    DELETED = "deleted"


@dataclass(frozen=True)
class NoteChange:
    """One change of a message, which was read as `reading`; the note had `revisions` revisions then."""

    note_id: str
    source_ts: str
    kind: ChangeKind
    reading: Reading
    revisions: int
    at: datetime


def open_change(note: Note, changes: Sequence[NoteChange]) -> NoteChange | None:
    """The newest change since the model wrote in this note last, a deletion before an edit; None where its newest words know of all."""
    written = max((revision.number for revision in note.revisions if revision.author.origin is Origin.MODEL), default=0)
    still_open = [change for change in changes if change.revisions >= written] if note.current else []
    deleted = [change for change in still_open if change.kind is ChangeKind.DELETED]
    return next(iter(reversed(deleted or still_open)), None)
