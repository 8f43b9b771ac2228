"""What people decide about notes and cases, by command, button or form: try again, summarize, accept, change the case.

What they decide about a final note is told in `final_notes`.
"""

import asyncio
import uuid

from bot.domain.audit import AuditAction, AuditEntry
from bot.domain.case_state import close, reopen
from bot.domain.errors import NoteLocked, NothingToSummarize
from bot.domain.formats import BUILT_IN, Formats, note_formats
from bot.domain.note import Note, Purpose
from bot.workflow.case_changes import apply_change
from bot.workflow.drafting import Drafting
from bot.workflow.incoming import Accept, CaseChanged, CaseSwitched, Stage, Summarize, TryAgain
from bot.workflow.ports import Clock, Notice, Roles, Sign, Store, Work
from bot.workflow.replies import Replies, case_and_note
from bot.workflow.summarizing import session_items
from inference.prompt import TurnKind


class Decisions:
    """Takes an act from pending to accepted where the model owes an answer, to answered where it doesn't.

    Each public method raises DomainError for what can't be done; `Conversation` says so.
    """

    def __init__(self, store: Store, roles: Roles, drafting: Drafting, replies: Replies, clock: Clock, formats: Formats = BUILT_IN) -> None:
        self._store, self._roles, self._drafting, self._replies, self._clock = store, roles, drafting, replies, clock
        self._formats = formats

    async def try_again(self, work: Work, act: TryAgain) -> Work:
        """The same question once more; as a new turn if the case has gone on since."""
        async with self._store.begin() as uow:
            case, note = await case_and_note(uow, work, act.note_id)
            asked = await uow.turn_of(act.note_id) if note else None
            if case and note and asked:
                if note.approval:
                    raise NoteLocked
                if (await uow.stored_turns(case.id))[-1] != asked:
                    await uow.add_turn(note, asked.turn, asked.revision_id, asked.source)
                return await uow.advance(work, Stage.ACCEPTED, note.id)
        return await self._replies.refuse(work, Notice(Sign.GONE, await self._replies.language(work)))

    async def summarize(self, work: Work, act: Summarize) -> Work:
        """A final note is owed, of all that is new in the session, in the format that was asked for, else in that of the case."""
        if act.format not in {"", *note_formats(self._formats)}:
            notice = Notice(Sign.NO_SUCH_FORMAT, await self._replies.language(work), named=", ".join(note_formats(self._formats)))
            return await self._replies.refuse(work, notice)
        async with self._store.begin() as uow:
            case = await uow.case_of(act.team_id, act.channel_id)
            notes = await uow.notes(case.id) if case else ()
        items = await asyncio.to_thread(session_items, notes)
        if case is None or not items:
            raise NothingToSummarize
        form = self._formats.get(act.format or case.note_format)  # none: itemized, or a team's template that is gone
        turn = await self._drafting.measure_list(TurnKind.SUMMARIZE, items, case.language)
        async with self._store.begin() as uow:
            note = Note(uuid.uuid4().hex, case.id, Purpose.SUMMARY, None, format=form)
            await uow.add_note(note)
            await uow.add_turn(note, turn)
            return await uow.advance(work, Stage.ACCEPTED, note.id)

    async def accept(self, work: Work, act: Accept) -> Work:
        """The answer, as that person saw it, is taken over."""
        async with self._store.begin() as uow:
            case, note = await case_and_note(uow, work, act.note_id)
            if case and note:
                await uow.add_acceptance(note.accept(act.user_id, act.revision_id, self._clock()))
                return await uow.advance(work, Stage.ANSWERED, note.id)
        return await self._replies.refuse(work, Notice(Sign.GONE, await self._replies.language(work)))

    async def switch_case(self, work: Work, act: CaseSwitched) -> Work:
        """The case is closed, or open again."""
        async with self._store.begin() as uow:
            case = await uow.case_of(act.team_id, act.channel_id)
            if case:
                switched = close(case, self._clock()) if act.closed else reopen(case)
                if switched != case:
                    await uow.save_case(switched)
                    action = AuditAction.CLOSED if act.closed else AuditAction.REOPENED
                    await uow.record(AuditEntry(self._clock(), act.team_id, case.id, act.user_id, action))
                    return await uow.advance(work, Stage.ANSWERED)
        if case is None:
            return await self._replies.refuse(work, Notice(Sign.CASE_GONE, await self._replies.language(work)))
        return await self._replies.refuse(work, Notice(Sign.CASE_CLOSED if act.closed else Sign.CASE_OPEN, case.language, case=case))

    async def change_case(self, work: Work, act: CaseChanged) -> Work:
        """What the form of a case changes."""
        async with self._store.begin() as uow:
            case = await uow.case_of(act.team_id, act.channel_id)
            file = await uow.case_file(case.id) if case and case.id == act.case_id else None
            if file:
                await apply_change(uow, file, act, self._clock())
                return await uow.advance(work, Stage.ANSWERED)
        return await self._replies.refuse(work, Notice(Sign.CASE_GONE, await self._replies.language(work)))
