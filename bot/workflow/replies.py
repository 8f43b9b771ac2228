"""What the bot says of its own about an act, in place of an answer, and how an act that needs none is done."""

from bot.domain.case import Case, guess_language
from bot.domain.note import Note
from bot.workflow.incoming import Joined, Posted, Stage
from bot.workflow.ports import Channel, Notice, Sign, Store, UnitOfWork, Work
from inference.note import Language


class Replies:
    """Sentences to the person who did something; each ends the act, or goes with its end."""

    def __init__(self, store: Store, channel: Channel, default_language: Language) -> None:
        self._store, self._channel, self._default_language = store, channel, default_language

    async def refuse(self, work: Work, notice: Notice) -> Work:
        """Says why not, and is done."""
        await self.tell(work, notice)
        return await self.finish(work, None, Stage.DONE)

    async def greet(self, work: Work, act: Joined) -> Work:
        """Says hello to the channel, once however often the act is begun, and is done."""
        await self._channel.greet(act.channel_id, f"joined-{act.at}", Notice(Sign.WELCOME, self._default_language))
        return await self.finish(work, None, Stage.DONE)

    async def tell(self, work: Work, notice: Notice) -> None:
        """To that person alone, in the thread where they wrote."""
        thread_ts = work.act.thread_ts if isinstance(work.act, Posted) else None
        await self._channel.tell(work.act.channel_id, work.act.user_id, notice, thread_ts)

    async def finish(self, work: Work, note_id: str | None, stage: Stage) -> Work:
        """The act at that stage, in a transaction of its own."""
        async with self._store.begin() as uow:
            return await uow.advance(work, stage, note_id)

    async def language(self, work: Work) -> Language:
        """That of the case; before there is one, that of the post."""
        async with self._store.begin() as uow:
            case = await uow.case_of(work.act.team_id, work.act.channel_id)
        if case:
            return case.language
        return guess_language(work.act.text, self._default_language) if isinstance(work.act, Posted) else self._default_language


async def case_and_note(uow: UnitOfWork, work: Work, note_id: str) -> tuple[Case | None, Note | None]:
    """The case of the channel and a note of that case: a button that was carried to another channel finds nothing."""
    case = await uow.case_of(work.act.team_id, work.act.channel_id)
    note = await uow.note(note_id)
    return case, note if case and note and note.case_id == case.id else None
