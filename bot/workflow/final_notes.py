"""What people do with a final note: correct it section by section, approve it, add to it, sign it along.

Until it is approved, everything in it can change; from then on, nothing. What is added stands below it under its own name and time.
"""

import uuid
from collections.abc import Sequence

from bot.domain.arrangement import Line, corrected
from bot.domain.errors import NotAllowed, NoteLocked, NothingToRead, OutOfDate, SectionsMissing, TooLong
from bot.domain.note import Author, Item, Origin, Revision
from bot.domain.signing import Addendum, Role, Signer
from bot.workflow.drafting import Drafting
from bot.workflow.incoming import AddAddendum, Approve, Cosign, SectionsCorrected, Stage
from bot.workflow.ports import Clock, Notice, People, Roles, Sign, Store, Work
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
        base = next((revision for revision in note.revisions if revision.id == act.base_revision_id), None)
        if base and act.base_hash and base.content_hash != act.base_hash:
            raise OutOfDate  # a deleted message's lines stood in the form, and must not come back with it
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
            if case and note:
                try:
                    approved = note.approve(by.user_id, act.revision_id, self._clock(), by.role, by.name)
                except SectionsMissing as error:
                    missing = ", ".join(section.title.of(case.language) for section in error.sections)
                    notice = Notice(Sign.SECTIONS_MISSING, case.language, named=missing)
                else:
                    await uow.add_approval(approved)
                    return await uow.advance(work, Stage.ANSWERED, note.id)
            else:
                notice = None
        return await self._replies.refuse(work, notice) if notice else await self._refuse(work, Sign.GONE)

    async def add(self, work: Work, act: AddAddendum) -> Work:
        """One more addendum below an approved note."""
        text = clean_lines(act.text)
        if not text:
            raise NothingToRead
        by = await self._signer(act.user_id)
        async with self._store.begin() as uow:
            case, note = await case_and_note(uow, work, act.note_id)
            if case and note:
                addendum = Addendum(uuid.uuid4().hex, 0, by, text, self._clock())
                try:
                    added = note.add(addendum)
                except NotAllowed as error:
                    sign = Sign(error.reason)
                else:
                    await uow.add_addendum(added)
                    return await uow.advance(work, Stage.ANSWERED, note.id)
            else:
                sign = Sign.GONE
        return await self._refuse(work, sign)

    async def cosign(self, work: Work, act: Cosign) -> Work:
        """A supervisor stands beside what a colleague approved."""
        by = await self._signer(act.user_id)
        async with self._store.begin() as uow:
            case, note = await case_and_note(uow, work, act.note_id)
            if case and note:
                try:
                    signed = note.cosign(by, act.content_hash, self._clock())
                except NotAllowed as error:
                    sign = Sign(error.reason)
                else:
                    await uow.add_cosignature(signed)
                    return await uow.advance(work, Stage.ANSWERED, note.id)
            else:
                sign = Sign.GONE
        return await self._refuse(work, sign)

    async def _signer(self, user_id: str) -> Signer:
        role = Role.COUNSELOR
        if await self._roles.is_supervisor(user_id):
            role = Role.SUPERVISOR
        elif await self._roles.is_admin(user_id):
            role = Role.ADMIN
        return Signer(user_id, await self._people.name(user_id), role)

    async def _refuse(self, work: Work, sign: Sign) -> Work:
        return await self._replies.refuse(work, Notice(sign, await self._replies.language(work)))


async def remembered(drafting: Drafting, items: Sequence[Item], language: Language) -> Turn | None:
    """The turn by which prompts remember a corrected final note, or the end of it; None where even one line is too long for them.

    However long a final note is, it stands: nobody waits for an answer to it.
    """
    try:
        return await drafting.measure_list(TurnKind.EDITED, items, language)
    except TooLong:
        return None


def clean_lines(text: str) -> str:
    """What somebody wrote, line by line, without control characters and empty lines at its ends."""
    return "\n".join(clean_text(line) for line in text.splitlines()).strip()
