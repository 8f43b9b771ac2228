"""Practice cases in the bot's own database: what a team has after some weeks, and a newcomer has not.

Descriptions come from the demo's grammar, notes from the model in service; the counselor is a few rules (`training.demo.practice.BRIEF`).
They are stored as the bot stores what happens in a channel, sealed under a key per case, with their consent on record as "practice". No
channel shows them.
"""

import uuid
from collections.abc import Callable, Sequence
from random import Random

from bot.domain.case import Consent
from bot.domain.note import Author, Item, Note, Origin, Purpose, Revision, adopt, build_on
from bot.domain.reading import Reading
from bot.store.database import Database
from bot.store.repository import SqlUnitOfWork
from bot.workflow.ports import Report
from inference.client import OpenAIChatModel
from inference.likelihood import Likelihood
from inference.note import Language, NoteItem
from inference.prompt import Message, TurnKind, answered, handed_back
from inference.safety import mentioned_risk
from training.data.records import CaseRecord
from training.demo import LIMITS
from training.demo.content import Content
from training.demo.practice import BEGAN, BRIEF
from training.demo.tasks import Story
from training.measure.heldout import Asked
from training.measure.served import Asking
from training.simulation.counselors import Draft, served, worked_with
from training.simulation.figures import in_turns

COUNT = 100
AT_ONCE = 16
PRACTICE = "practice"
"""Who gave consent, who recorded it, and who edited."""
NAMES = uuid.uuid5(uuid.NAMESPACE_OID, "demo")
"""Case ids follow from the cases' names, so the same ones are held out each time that the demo is played: with these names 24 of 100."""

Done = Callable[[int, int], None]
"""Is told how many of how many cases are drafted."""


async def add_practice(database: Database, team_id: str, url: str, model: str, content: Content, done: Done) -> int:
    """Has `model` at `url` draft notes, and stores the cases; how many there are. A draft that is no note makes none, nor does one that
    misses a danger or raises a groundless alarm.

    Raises:
        ModelUnavailable, ModelRefused: the server doesn't answer, or has no such model.
    """
    client = OpenAIChatModel(url, None, Asking().timeout_s)
    try:
        async with Likelihood(url, None) as likelihood:
            asked = Asked(client, likelihood, model, Asking(limits=LIMITS, at_once=AT_ONCE))
            records = await drafted(content, as_shown(served(asked)), done)
    finally:
        await client.close()
    for record in records:
        async with database.begin() as uow:
            await store(uow, record, said(content, record.id), team_id, model)
    return len(records)


async def drafted(content: Content, draft: Draft, done: Done = lambda _, __: None, count: int = COUNT) -> list[CaseRecord]:
    """So many cases, worked with by the brief counselor, less those whose notes misjudge a danger; `AT_ONCE` drafts at a time."""
    ready = 0

    async def one(name: str) -> CaseRecord | None:
        nonlocal ready
        record = await worked_with(content, name, draft, BRIEF)
        ready += 1
        done(ready, count)
        return record if record and heeds_danger(_left(record), said(content, name), record.language) else None

    done(0, count)
    found = await in_turns([one(f"practice-{number:03d}") for number in range(count)], AT_ONCE)
    return [record for record in found if record is not None]


def said(content: Content, name: str) -> str:
    """The description of the case of that name."""
    return Story(content, Random(name)).description.text


def heeds_danger(note: Sequence[NoteItem], described: str, language: Language) -> bool:
    """Whether a note speaks of danger where the description does, and only there. A counselor would not leave another one so."""
    raised = any(mentioned_risk(item.text, language) is not None for item in note)
    return raised == (mentioned_risk(described, language) is not None)


def as_shown(draft: Draft) -> Draft:
    """The drafts as the bot would show them, repetitions left out."""

    async def shown(messages: Sequence[Message]) -> tuple[NoteItem, ...] | None:
        note = await draft(messages)
        return None if note is None else tuple(NoteItem(item.kind, item.text) for item in build_on((), note))

    return shown


def case_id(name: str) -> str:
    """The id of the case of that name."""
    return uuid.uuid5(NAMES, name).hex


async def store(uow: SqlUnitOfWork, record: CaseRecord, said: str, team_id: str, model: str) -> None:
    """One case as if it had happened in a channel of its own: `said`, the model's note, and what the counselor made of it."""
    (asked, _), (event,) = record.turns, record.events
    case = await uow.open_case(team_id, record.id, record.language, BEGAN, case_id(record.id))
    note = Note(uuid.uuid4().hex, case.id, Purpose.ANSWER, record.id)
    report = Report(case.id, note.id, record.id, record.id, PRACTICE, Reading.DESCRIPTION, said)
    await uow.add_note(note)
    await uow.add_report(report)
    await uow.add_turn(note, asked, source=report.source)
    note, revision = await _revise(uow, note, Author(Origin.MODEL, model), build_on((), event.draft))
    await uow.add_turn(note, answered(event.draft), revision.id)
    if event.edit:
        note, revision = await _revise(uow, note, Author(Origin.COUNSELOR, PRACTICE), adopt(event.edit.items, note.items))
        await uow.add_turn(note, handed_back(TurnKind.EDITED, event.edit.items, record.language), revision.id)
    else:
        await uow.add_acceptance(note.accept(PRACTICE, revision.id, BEGAN))
    await uow.add_consent(case.id, Consent(PRACTICE, BEGAN.date(), PRACTICE, BEGAN))


def _left(record: CaseRecord) -> tuple[NoteItem, ...]:
    """The note as the counselor left it."""
    (event,) = record.events
    return event.edit.items if event.edit else event.draft


async def _revise(uow: SqlUnitOfWork, note: Note, author: Author, items: tuple[Item, ...]) -> tuple[Note, Revision]:
    revision = Revision(uuid.uuid4().hex, len(note.revisions) + 1, author, items, BEGAN)
    note = note.revise(revision)
    await uow.add_revision(note, revision)
    return note, revision
