"""One message, from the inbox to the thread: the story that everything else in this package is a detail of.

    pending    → guard → understood, stored as a turn of the case           → accepted
    accepted   → prompt → model, note grows live → new revision stored      → answered
    answered   → the final note shown with its buttons                      → done

Each arrow ends in one committed transaction, so a bot killed anywhere begins again at the last one.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from bot.domain.errors import (
    CaseOutOfDate,
    DigestOutOfDate,
    DomainError,
    NotAllowed,
    NoteLocked,
    NothingToRead,
    NothingToSummarize,
    OutOfDate,
    TooLong,
)
from bot.domain.note import Note, Purpose
from bot.workflow.case_changes import what_holds
from bot.workflow.decisions import Decisions
from bot.workflow.deleting import Deletions
from bot.workflow.digest import Digests
from bot.workflow.drafting import Drafting, check_channel, slot_of
from bot.workflow.incoming import (
    Accept,
    Approve,
    CaseChanged,
    DeleteCase,
    DigestCorrected,
    HandedBack,
    Joined,
    Posted,
    Reread,
    Stage,
    Summarize,
    TryAgain,
)
from bot.workflow.ports import Channel, Clock, Guard, NoteView, Notice, Roles, Sign, Store, UnitOfWork, Work
from bot.workflow.posts import Posts
from bot.workflow.replies import Replies, case_and_note
from inference.note import Language
from inference.prompt import TurnKind

_SIGNS: dict[type[DomainError], Sign] = {
    NothingToRead: Sign.EMPTY,
    TooLong: Sign.TOO_LONG,
    NotAllowed: Sign.GONE,
    NoteLocked: Sign.LOCKED,
    OutOfDate: Sign.OUT_OF_DATE,
    DigestOutOfDate: Sign.DIGEST_OUT_OF_DATE,
    CaseOutOfDate: Sign.CASE_OUT_OF_DATE,
    NothingToSummarize: Sign.NOTHING_TO_SUMMARIZE,
}


class Conversation:
    """Handles what people do in case channels, one act at a time a channel."""

    def __init__(
        self,
        store: Store,
        channel: Channel,
        guard: Guard,
        roles: Roles,
        drafting: Drafting,
        clock: Clock,
        default_language: Language,
        deletions: Deletions | None = None,
    ) -> None:
        self._deletions = deletions
        self._store, self._channel, self._guard, self._drafting = store, channel, guard, drafting
        self._replies = Replies(store, channel, default_language)
        posts = Posts(store, drafting, self._replies, clock, default_language)
        decisions = Decisions(store, roles, drafting, self._replies, clock)
        digests = Digests(store, drafting, clock)
        self._takes: dict[type[object], Callable[[Work, Any], Awaitable[Work]]] = {
            Posted: posts.posted,
            HandedBack: posts.handed_back,
            Reread: posts.reread,
            TryAgain: decisions.try_again,
            Summarize: decisions.summarize,
            Approve: decisions.approve,
            Accept: decisions.accept,
            CaseChanged: decisions.change_case,
            DeleteCase: self._delete,
            DigestCorrected: digests.correct,
            Joined: self._replies.greet,
        }

    async def handle(self, work: Work) -> Work:
        """Takes one act one stage further, and says how far it is now."""
        match work.stage:
            case Stage.PENDING:
                return await self._accept(work)
            case Stage.ACCEPTED:
                return await self._unless_refused(work, self._drafting.answer)
            case Stage.ANSWERED:
                return await self._unless_refused(work, self._show)
            case Stage.DONE | Stage.FAILED:
                return work

    async def give_up(self, work: Work) -> None:
        """Tells whoever posted that their act could not be handled."""
        await self._replies.tell(work, Notice(Sign.NO_ANSWER, await self._replies.language(work)))

    async def _unless_refused(self, work: Work, step: Callable[[Work], Awaitable[Work]]) -> Work:
        try:
            return await step(work)
        except NotAllowed as error:
            return await self._replies.refuse(work, Notice(Sign(error.reason), await self._replies.language(work)))

    async def _accept(self, work: Work) -> Work:
        act = work.act
        anywhere = isinstance(act, DeleteCase)  # a case can also be deleted where it may not be worked on any more
        refusal = None if anywhere else await self._guard.refusal(act.team_id, act.channel_id, act.user_id)
        if refusal:
            return await self._replies.refuse(work, Notice(refusal, await self._replies.language(work)))
        try:
            return await self._takes[type(act)](work, act)
        except DomainError as error:
            number = error.limit if isinstance(error, TooLong) else 0
            return await self._replies.refuse(work, Notice(_SIGNS[type(error)], await self._replies.language(work), number))

    async def _delete(self, work: Work, act: DeleteCase) -> Work:
        if self._deletions is None:
            return await self._replies.refuse(work, Notice(Sign.CASE_GONE, act.language))
        return await self._deletions.asked(work, act, self._channel)

    async def _show(self, work: Work) -> Work:
        await check_channel(self._guard, work)
        act = work.act
        if isinstance(act, DigestCorrected):
            return await self._replies.refuse(work, Notice(Sign.DIGEST_CORRECTED, await self._replies.language(work)))
        if isinstance(act, CaseChanged):
            return await self._say_what_holds(work, act)
        async with self._store.begin() as uow:
            case, note = await case_and_note(uow, work, work.note_id or "")
            source_ts = act.ts if isinstance(act, Posted) else act.source_ts if isinstance(act, Reread) else await _read_from(uow, note)
            report = await uow.report(case.id, source_ts) if case and source_ts else None
            slot = await slot_of(uow, work, note) if note else ""
        if case and note:
            view = NoteView(note, case.language, report.reading if report else None, report.source_ts if report else None)
            await self._channel.show(case, note, slot, view)
        return await self._replies.finish(work, work.note_id, Stage.DONE)

    async def _say_what_holds(self, work: Work, act: CaseChanged) -> Work:
        async with self._store.begin() as uow:
            file = await uow.case_file(act.case_id)
        await self._replies.tell(work, what_holds(file) if file else Notice(Sign.CASE_GONE, await self._replies.language(work)))
        return await self._replies.finish(work, None, Stage.DONE)


async def _read_from(uow: UnitOfWork, note: Note | None) -> str | None:
    """The message that led to a note's newest revision, as a reply or as an edit; None where none did, as with the modal."""
    if note is None or note.current is None or note.purpose is Purpose.SUMMARY:
        return None
    turns = await uow.stored_turns(note.case_id)
    index = max((index for index, stored in enumerate(turns) if stored.revision_id == note.current.id), default=-1)
    if index < 0:  # a revision from before turns knew what they made
        return None
    return turns[index - 1 if turns[index].turn.kind is TurnKind.ANSWER else index].source_ts
