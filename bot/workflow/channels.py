"""What happens to a case's channel, and what a careful person would expect then.

Most of what Slack tells about a channel has one answer here: look at the channel as it is now, and let the case follow. So it doesn't
matter in which order events come, how often, or whether one was lost.

    invited                         the case is opened, or goes on; a card says what PhyAssist does and stores
    shared, or a guest is there     suspended, and the channel is told why
    public                          suspended; whoever opened the case and the admins are told, not the channel: everybody can read it now
    archived, bot removed, deleted  suspended; nothing can be said there
    nothing of this any more        resumed, and the channel is told once
    renamed                         nothing, unless the new name holds a name of the case's people
    another id                      the case moves, with everything that waits in its queue
"""

import logging
from dataclasses import replace
from datetime import datetime

from bot.domain.audit import BOT, AuditAction, AuditEntry
from bot.domain.case import Case, CaseState, Suspension
from bot.domain.case_code import holds_name
from bot.domain.case_state import resume, suspend
from bot.workflow.incoming import ChannelChanged, ChannelMoved, ChannelRenamed, Joined, Stage
from bot.workflow.ports import Channel, Clock, Guard, Notice, Sign, Store, UnitOfWork, Work
from bot.workflow.replies import Replies
from inference.note import Language

log = logging.getLogger(__name__)

CHANNEL_ACTS = (Joined, ChannelChanged, ChannelMoved, ChannelRenamed)
_TOLD = {Suspension.SHARED: Sign.SUSPENDED_SHARED, Suspension.GUEST: Sign.SUSPENDED_GUEST, Suspension.PUBLIC: Sign.SUSPENDED_PUBLIC}


class Channels:
    """Handles the acts of `CHANNEL_ACTS`. The state is stored first, then it is told; an act begun again tells nothing twice."""

    def __init__(self, store: Store, channel: Channel, guard: Guard, replies: Replies, clock: Clock, default_language: Language) -> None:
        self._store, self._channel, self._guard, self._replies = store, channel, guard, replies
        self._clock, self._default_language = clock, default_language

    async def handle(self, work: Work) -> Work:
        """Takes the act one stage further."""
        act = work.act
        if work.stage is Stage.ANSWERED:
            return await self._tell(work)
        if isinstance(act, ChannelMoved):
            return await self._move(work, act)
        if isinstance(act, ChannelRenamed):
            return await self._compare(work, act)
        if isinstance(act, Joined):
            refusal = await self._guard.refusal(act.team_id, act.channel_id, act.user_id)
            async with self._store.begin() as uow:
                case = await uow.case_of(act.team_id, act.channel_id)
            if refusal and (case is None or refusal is Sign.WRONG_TEAM):
                return await self._replies.refuse(work, Notice(refusal, await self._replies.language(work)))
        return await self._look(work)

    async def _look(self, work: Work) -> Work:
        """Stores what the channel, as it is now, means for its case."""
        act = work.act
        why = await self._guard.standing(act.channel_id)
        if why is Suspension.REMOVED and isinstance(act, ChannelChanged) and act.deleted:
            why = Suspension.DELETED
        language = await self._channel.language_of(act.user_id) if isinstance(act, Joined) else None
        async with self._store.begin() as uow:
            case = await uow.case_of(act.team_id, act.channel_id)
            if case is None:
                return await self._open(uow, work, why, language)
            changed = suspend(case, why, self._clock()) if why else resume(case)
            if changed != case:
                await uow.save_case(changed)
                action = AuditAction.SUSPENDED if why else AuditAction.RESUMED
                await uow.record(_entry(work, changed, action, self._clock(), why or ""))
                return await uow.advance(work, Stage.ANSWERED)
        if isinstance(act, Joined) and case.state is CaseState.CLOSED:
            return await self._replies.refuse(work, Notice(Sign.CASE_CLOSED, case.language, case=case))
        return await self._replies.finish(work, None, Stage.ANSWERED if _owes_card(case) else Stage.DONE)

    async def _open(self, uow: UnitOfWork, work: Work, why: Suspension | None, language: Language | None) -> Work:
        """A case for a channel to which the bot was invited, now or while something still stood against it."""
        act = work.act
        if why or not (isinstance(act, Joined) or await uow.was_invited(act.channel_id)):
            return await uow.advance(work, Stage.DONE)
        opened_by = act.user_id if isinstance(act, Joined) else None
        case = await uow.open_case(act.team_id, act.channel_id, language or self._default_language, self._clock(), opened_by=opened_by)
        await uow.save_case(replace(case, language_settled=False, welcomed=False))
        await uow.record(_entry(work, case, AuditAction.OPENED, self._clock()))
        return await uow.advance(work, Stage.ANSWERED)

    async def _tell(self, work: Work) -> Work:
        """Says what the newest change means; the card, where it is owed."""
        async with self._store.begin() as uow:
            case = await uow.case_of(work.act.team_id, work.act.channel_id)
        if case is None:
            return await self._replies.finish(work, None, Stage.DONE)
        if _owes_card(case):
            await self._channel.greet(case.channel_id, f"welcome-{case.id}", Notice(Sign.WELCOME, case.language, case=case))
        elif case.suspended_for is Suspension.PUBLIC:
            await self._channel.warn(case.opened_by, Notice(Sign.SUSPENDED_PUBLIC, case.language, case=case))
        elif case.state is not CaseState.CLOSED and (sign := _TOLD.get(case.suspended_for) if case.suspended_for else Sign.RESUMED):
            await self._channel.greet(case.channel_id, f"changed-{work.id}", Notice(sign, case.language, case=case))
        async with self._store.begin() as uow:
            if _owes_card(case):
                await uow.save_case(replace(case, welcomed=True))
            return await uow.advance(work, Stage.DONE)

    async def welcome(self, case: Case) -> None:
        """The card of a case that was opened by its first description; nothing where none is owed."""
        if _owes_card(case):
            await self._channel.greet(case.channel_id, f"welcome-{case.id}", Notice(Sign.WELCOME, case.language, case=case))
            async with self._store.begin() as uow:
                await uow.save_case(replace(case, welcomed=True))

    async def _move(self, work: Work, act: ChannelMoved) -> Work:
        async with self._store.begin() as uow:
            if await uow.case_of(act.team_id, act.new_channel_id):
                log.error("channel %s became %s, which has a case already; nothing is moved", act.channel_id, act.new_channel_id)
            else:
                await uow.move_channel(act.team_id, act.channel_id, act.new_channel_id)
            return await uow.advance(work, Stage.DONE)

    async def _compare(self, work: Work, act: ChannelRenamed) -> Work:
        """Channel names are no place for names: they stand in notifications, exports and the workspace's logs."""
        async with self._store.begin() as uow:
            case = await uow.case_of(act.team_id, act.channel_id)
            file = await uow.case_file(case.id) if case and case.suspended_for is None else None
        if file and holds_name(act.name, file.roster.names):
            notice = Notice(Sign.NAME_IN_CHANNEL_NAME, file.case.language, case=file.case)
            await self._channel.greet(act.channel_id, f"renamed-{work.id}", notice)
        return await self._replies.finish(work, None, Stage.DONE)


def _entry(work: Work, case: Case, action: AuditAction, at: datetime, detail: str = "") -> AuditEntry:
    act = work.act
    return AuditEntry(at, act.team_id, case.id, act.user_id or BOT, action, subject=act.channel_id, detail=detail)


def _owes_card(case: Case) -> bool:
    return case.state is CaseState.OPEN and not case.welcomed
