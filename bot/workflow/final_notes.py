"""What people do with a final note: correct it section by section, approve it, add to it, sign it along.

Until it is approved, everything in it can change; from then on, nothing. What is added stands below it under its own name and time.
"""

import uuid
from collections.abc import Sequence

from bot.domain.arrangement import Line, corrected
from bot.domain.case import Case
from bot.domain.errors import NotAllowed, NoteLocked, NothingToRead, SectionsMissing, TooLong
from bot.domain.note import Author, Item, Note, Origin, Revision
from bot.domain.signing import Addendum, Role, Signer
from bot.workflow.drafting import Drafting
from bot.workflow.incoming import AddAddendum, Approve, Cosign, SectionsCorrected, Stage
from bot.workflow.ports import Clock, Notice, People, Roles, Sign, Store, UnitOfWork, Work
from bot.workflow.replies import Replies, case_and_note
from inference.note import Language, clean_text
from inference.prompt import Turn, TurnKind


class FinalNotes:
    """Takes an act from pending to answered: the model owes nothing, and the note is shown anew.

    Each public method raises DomainError for what can't be done; `Conversation` says so.
    """

    def __init__(self, store: Store, drafting: Drafting, replies: Replies, roles: Roles, people: People, clock: Clock) -> None:
        self._store, self._drafting, self._replies = store, drafting, replies
        self._roles, self._people, self._clock = roles, people, clock

    async def correct(self, work: Work, act: SectionsCorrected) -> Work:
        """What a counselor left in and wrote into the sections is the newest revision."""
        async with self._store.begin() as uow:
            case, note = await case_and_note(uow, work, act.note_id)
        if case is None or note is None or note.format is None:
            return await self._refuse(work, Sign.GONE)
        if note.approval:
            raise NoteLocked
        items = corrected(note, [Line(line.section, line.takes, line.text) for line in act.lines], act.base_revision_id)
        if not items:
            raise NothingToRead
        author = Author(Origin.COUNSELOR, act.user_id)
        revision = Revision(uuid.uuid4().hex, len(note.revisions) + 1, author, items, self._clock())
        turn = await remembered(self._drafting, items, case.language)
        async with self._store.begin() as uow:
            await uow.add_revision(note.revise(revision), revision)
            if turn:
                await uow.add_turn(note, turn, revision.id)
            return await uow.advance(work, Stage.ANSWERED, note.id)

    async def approve(self, work: Work, act: Approve) -> Work:
        """The final note, as that person saw it, does not change any more."""
        by = await self._signer(act.user_id)
        async with self._store.begin() as uow:
            case, note = await case_and_note(uow, work, act.note_id)
            if case is None or note is None:
                return await self._gone(uow, work)
            try:
                approved = note.approve(by.user_id, act.revision_id, self._clock(), by.role, by.name)
            except SectionsMissing as error:
                missing = ", ".join(section.title.of(case.language) for section in error.sections)
            else:
                await uow.add_approval(approved)
                return await uow.advance(work, Stage.ANSWERED, note.id)
        return await self._replies.refuse(work, Notice(Sign.SECTIONS_MISSING, case.language, named=missing))
