"""What an act has to pass before anything is done about it: the channel and the person may use PhyAssist, and the case takes such acts."""

from bot.domain.case import Case, CaseState
from bot.workflow.incoming import (
    Accept,
    Approve,
    AskedAnew,
    ChannelChanged,
    DeleteCase,
    Deleted,
    DigestCorrected,
    HandedBack,
    ItemChanged,
    Posted,
    Reread,
    SectionsCorrected,
    Separate,
    Summarize,
    TryAgain,
    WriteAgain,
)
from bot.workflow.ports import CHANNEL_SIGNS, Guard, Notice, Sign, Store, UnitOfWork, Work
from bot.workflow.replies import Replies

_ADDS_TO_THE_CASE = (
    Posted,
    HandedBack,
    Reread,
    WriteAgain,
    Separate,
    ItemChanged,
    AskedAnew,
    TryAgain,
    Summarize,
    SectionsCorrected,
    Approve,
    Accept,
    DigestCorrected,
)
"""What a closed case does not take; what shows it, signs or adds to its approved notes, changes its form or removes something is taken."""
_AGAINST_THE_CHANNEL = (CHANNEL_SIGNS | {Sign.GUEST_AUTHOR}) - {Sign.WRONG_TEAM}


class Gate:
    """Asks again at every act."""

    def __init__(self, store: Store, guard: Guard, replies: Replies) -> None:
        self._store, self._guard, self._replies = store, guard, replies

    async def refusal(self, work: Work) -> Notice | None:
        """The sentence that says why not; None if all is well.

        Where the channel is not as the case was left, because an event of Slack was lost or is yet to come, it is looked at next.
        """
        act = work.act
        if isinstance(act, DeleteCase | Deleted):  # what is to go must go, whatever became of the channel
            return None
        sign = await self._guard.refusal(act.team_id, act.channel_id, act.user_id)
        async with self._store.begin() as uow:
            case = await uow.case_of(act.team_id, act.channel_id)
            closed = case is not None and case.state is CaseState.CLOSED and await _adds(uow, work, case)
        if _is_news(case, sign):
            source = f"seen by act {work.id}"
            await self._store.receive(
                ChannelChanged(team_id=act.team_id, channel_id=act.channel_id, user_id=act.user_id, at=act.at, source=source)
            )
        if sign:
            return Notice(sign, await self._replies.language(work))
        return Notice(Sign.CASE_CLOSED, case.language, case=case) if case and closed else None


async def _adds(uow: UnitOfWork, work: Work, case: Case) -> bool:
    """Whether an act would add something to the case. People talk in threads of their own: that is none of its business."""
    act = work.act
    if not isinstance(act, Posted) or act.thread_ts in {None, act.ts}:
        return isinstance(act, _ADDS_TO_THE_CASE)
    return await uow.note_in_thread(case.id, act.thread_ts or "") is not None


def _is_news(case: Case | None, sign: Sign | None) -> bool:
    return case is not None and (sign in _AGAINST_THE_CHANNEL) != (case.suspended_for is not None)
