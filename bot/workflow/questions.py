"""Questions to ask, ticked off by counselors: several at once, and opened again where that was a slip."""

from bot.domain.questions import Ticked
from bot.workflow.incoming import QuestionsTicked, Stage
from bot.workflow.ports import Clock, Notice, Sign, Store, Work
from bot.workflow.replies import Replies


class Questions:
    """What the list of open questions says when it is submitted."""

    def __init__(self, store: Store, replies: Replies, clock: Clock) -> None:
        self._store, self._replies, self._clock = store, replies, clock

    async def tick(self, work: Work, act: QuestionsTicked) -> Work:
        """Each question that was ticked off, or opened again."""
        at = self._clock()
        async with self._store.begin() as uow:
            case = await uow.case_of(act.team_id, act.channel_id)
            if case and case.id == act.case_id:
                for tick in act.ticks:
                    await uow.tick_question(case.id, tick.name, Ticked(tick.outcome, act.user_id, at) if tick.outcome else None)
                return await uow.advance(work, Stage.ANSWERED)
        return await self._replies.refuse(work, Notice(Sign.CASE_GONE, await self._replies.language(work)))

    async def say_left(self, work: Work, act: QuestionsTicked) -> Work:
        """Tells that person how many questions are open now."""
        async with self._store.begin() as uow:
            case = await uow.case_of(act.team_id, act.channel_id)
            left = len(await uow.open_questions(case.id)) if case else 0
        sign = Sign.QUESTIONS_LEFT if left else Sign.QUESTIONS_DONE
        await self._replies.tell(work, Notice(sign if case else Sign.CASE_GONE, await self._replies.language(work), left))
        return await self._replies.finish(work, None, Stage.DONE)
