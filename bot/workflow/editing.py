"""Taps under a note: a line kept, rewritten or dropped, another answer asked for, and what people say of a note.

A tap on a line changes the note at once and asks nothing of the model, so that a counselor can drop several in a row. The model writes
again when it is asked to: with New answer or Shorter, by news, or by an edited note that is handed back.
"""

import uuid

from bot.domain.case import Case
from bot.domain.editing import Edits, ItemChange, answered_since, asks_why, change_item, shorter_than
from bot.domain.errors import NotAllowed, NoteLocked, NothingToShorten, OutOfDate
from bot.domain.note import Author, Note, Origin, Purpose, Revision
from bot.workflow.incoming import AskedAnew, Felt, ItemChanged, ReasonStated, Stage, Tap, Wish
from bot.workflow.ports import Clock, Sign, Store, UnitOfWork, Why, Work
from bot.workflow.replies import Replies, case_and_note
from inference.prompt import TurnKind
from training.data.records import Reason

_REPORTS = frozenset({TurnKind.DESCRIPTION, TurnKind.INFORMATION})


class Editing:
    """Takes a tap to answered where the note is to be shown as it now stands, to accepted where the model owes an answer.

    Each public method raises DomainError for what can't be done; `Conversation` says so.
    """

    def __init__(self, store: Store, replies: Replies, clock: Clock) -> None:
        self._store, self._replies, self._clock = store, replies, clock

    async def change_item(self, work: Work, act: ItemChanged) -> Work:
        """One line kept, released, rewritten or dropped."""
        async with self._store.begin() as uow:
            _, note = await _found(uow, work, act)
            if note.approval:
                raise NoteLocked
            if act.change is ItemChange.UNDONE and act.revision_id not in (await uow.edits(note.id)).changes:
                raise OutOfDate
            items = change_item(note, act.revision_id, act.place, act.change, act.lines)
            if items == note.items:  # somebody else did the same
                return await uow.advance(work, Stage.DONE, note.id)
            author = Author(Origin.COUNSELOR, act.user_id)
            revision = Revision(uuid.uuid4().hex, len(note.revisions) + 1, author, items, self._clock())
            await uow.add_revision(note.revise(revision), revision)
            await uow.add_item_change(note, revision, act.place, act.change)
            return await uow.advance(work, Stage.ANSWERED, note.id)

    async def ask_anew(self, work: Work, act: AskedAnew) -> Work:
        """The newest report of this note is put to the model once more, as it was: a full note is asked for."""
        async with self._store.begin() as uow:
            case, note = await _found(uow, work, act)
            if note.purpose is not Purpose.ANSWER:
                raise NotAllowed(note.purpose)
            if answered_since(note, act.revision_id):
                raise OutOfDate
            if act.wish is Wish.SHORTER and shorter_than(note.items) is None:
                raise NothingToShorten
            turns = await uow.stored_turns(case.id)
            asked = next((turn for turn in reversed(turns) if turn.note_id == note.id and turn.turn.kind in _REPORTS), None)
            if asked is None:
                raise OutOfDate
            await uow.add_turn(note, asked.turn, asked.revision_id, asked.source)
            return await uow.advance(work, Stage.ACCEPTED, note.id)

    async def feel(self, work: Work, act: Felt) -> Work:
        """Thumbs up or down; after a thumb down the note asks why."""
        async with self._store.begin() as uow:
            _, note = await _found(uow, work, act)
            _revision(note, act.revision_id)
            asked_before = asks_why(note, await uow.edits(note.id))
            await uow.set_feedback(note, act.revision_id, act.user_id, act.good, self._clock())
            asked_now = asks_why(note, await uow.edits(note.id))
            return await uow.advance(work, Stage.DONE if asked_now == asked_before else Stage.ANSWERED, note.id)

    async def state_reason(self, work: Work, act: ReasonStated) -> Work:
        """Why somebody changed the note, or what is wrong with it."""
        async with self._store.begin() as uow:
            _, note = await _found(uow, work, act)
            _revision(note, act.revision_id)
            await uow.add_reason(note, act.revision_id, act.reason, act.user_id, self._clock())
            return await uow.advance(work, Stage.ANSWERED, note.id)


def why(note: Note, edits: Edits) -> Why | None:
    """Of which revision the note asks for a reason, with the one that was stated, and whether it can be undone with a tap."""
    revision = asks_why(note, edits)
    if revision is None:
        return None
    reason = edits.reasons.get(revision.id)
    undo = revision.id in edits.changes and revision == note.current
    return Why(revision.id, revision.author.origin is Origin.COUNSELOR, Reason(reason) if reason else None, undo)


async def _found(uow: UnitOfWork, work: Work, act: Tap) -> tuple[Case, Note]:
    """The case of the channel and its note. Raises: NotAllowed where there is none."""
    case, note = await case_and_note(uow, work, act.note_id)
    if case is None or note is None:
        raise NotAllowed(Sign.GONE)
    return case, note


def _revision(note: Note, revision_id: str) -> Revision:
    """A revision of the note. Raises: OutOfDate."""
    found = next((revision for revision in note.revisions if revision.id == revision_id), None)
    if found is None:
        raise OutOfDate
    return found
