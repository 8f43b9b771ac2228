"""Small builders of domain values, so that a test names only what it is about."""

import itertools
from datetime import UTC, datetime
from typing import Any

from bot.domain.note import Author, Item, Note, Origin, Purpose, Revision
from bot.domain.safety_card import FoundIn, SafetyCard
from bot.workflow.incoming import Posted
from inference.note import Kind, Language, NoteItem
from inference.screening import Danger
from training.night.sample import Sample

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
_serial = itertools.count(1)


def an_item(text: str = "Sleep is short.", kind: Kind = Kind.ANALYSIS, origin: Origin = Origin.MODEL) -> Item:
    """An item; the model's unless said otherwise."""
    return Item(kind, text, origin)


def a_note(*revisions: Revision, purpose: Purpose = Purpose.ANSWER) -> Note:
    """A note with these revisions."""
    return Note("note", "case", purpose, "1700000000.000001", revisions)


def a_revision(*items: Item, number: int = 1, by: Author | None = None) -> Revision:
    """A revision; the model's unless said otherwise."""
    return Revision(f"revision-{number}-{next(_serial)}", number, by or Author(Origin.MODEL, "phyassist"), items, NOW)


def a_counselor(name: str = "U0ANNA") -> Author:
    """A counselor as an author."""
    return Author(Origin.COUNSELOR, name)


def a_post(text: str = "The client sleeps badly.", ts: str | None = None, thread_ts: str | None = None, channel: str = "C1") -> Posted:
    """A message that a counselor posted."""
    ts = ts or f"{1700000000 + next(_serial)}.000100"
    return Posted(team_id="T1", channel_id=channel, user_id="U0ANNA", at=ts, ts=ts, thread_ts=thread_ts, text=text)


def a_card(
    card_id: str = "card", case_id: str = "case", note_id: str = "note", dangers: tuple[Danger, ...] = (Danger.SUICIDE,), **fields: Any
) -> SafetyCard:
    """A safety card about a report, seen by nobody unless said otherwise."""
    usual: dict[str, Any] = {"source": f"act-{card_id}", "found_in": FoundIn.REPORT, "past": (), "raised_at": NOW}
    return SafetyCard(id=card_id, case_id=case_id, note_id=note_id, dangers=dangers, **{**usual, **fields})


def lines(*texts: str, kind: Kind = Kind.ADVICE) -> list[NoteItem]:
    """Items without an origin, as a model or an edited list has them."""
    return [NoteItem(kind, text) for text in texts]


def a_sample(case_id: str, said: str = "Sleeps badly.", before: str | None = "Old words.", after: str | None = "New words.") -> Sample:
    """A description with a note of one line by each adapter, or None."""
    notes = [None if text is None else (NoteItem(Kind.ANALYSIS, text),) for text in (before, after)]
    return Sample(case_id, Language.ENGLISH, said, *notes)
