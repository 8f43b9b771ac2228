"""A note that grows before the counselor's eyes: throttled updates of one Slack message while the model writes."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from bot.domain.case import Case
from bot.domain.note import Item, Note
from bot.workflow.ports import Channel, Notice, PartialNote, Sign
from inference.note import NoteItem, parse_partial

log = logging.getLogger(__name__)


class LiveNote:
    """Shows what has come so far: the first words at once, then at most one update every `interval_s` seconds.

    Only the newest state is ever sent, so a slow Slack makes updates rarer, never late.
    """

    def __init__(
        self,
        channel: Channel,
        case: Case,
        note: Note,
        slot: str,
        kept: Sequence[Item],
        interval_s: float,
        let_stand: Callable[[NoteItem], bool] = lambda _item: True,
    ) -> None:
        """`let_stand` says whether an item may be shown; it is asked again while the item grows."""
        self._let_stand = let_stand
        self._channel, self._case, self._note, self._slot = channel, case, note, slot
        self._kept = tuple(NoteItem(item.kind, item.text) for item in kept)
        self._interval_s = interval_s
        self._parts: list[str] = []
        self._news = asyncio.Event()
        self._closing = asyncio.Event()
        self._sending = asyncio.Lock()
        self._shown: tuple[NoteItem, ...] = ()

    def wrote(self, text: str) -> None:
        """The model wrote another piece."""
        self._parts.append(text)
        self._news.set()

    async def waiting(self) -> None:
        """The server is away: say so in the message's place."""
        await self._say(Sign.WAITING)

    async def learning(self, until: datetime | None) -> None:
        """A training has the model's GPUs, until about then."""
        await self._say(Sign.LEARNING, until)

    async def interrupted(self) -> None:
        """What came is withdrawn; the answer is written again."""
        await self._say(Sign.INTERRUPTED)

    async def _say(self, sign: Sign, until: datetime | None = None) -> None:
        self._parts.clear()
        async with self._sending:
            self._shown = ()
            await self._channel.show(self._case, self._note, self._slot, Notice(sign, self._case.language, until=until))

    async def run(self) -> None:
        """Says that an answer is being written, then sends updates until `close`."""
        await self._channel.working(self._case.channel_id, self._note.thread_ts, self._case.language)
        while not self._closing.is_set():
            await self._news.wait()
            self._news.clear()
            coming = tuple(item for item in parse_partial("".join(self._parts)) if self._let_stand(item))
            if self._closing.is_set() or not coming or coming == self._shown:
                continue
            async with self._sending:
                self._shown = coming
                await self._channel.show_partial(self._case, self._note, self._slot, PartialNote(self._kept, coming, self._case.language))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), self._interval_s)

    def close(self) -> None:
        """No further update begins."""
        self._closing.set()
        self._news.set()


@asynccontextmanager
async def live(note: LiveNote) -> AsyncIterator[LiveNote]:
    """Runs the updates for as long as the block lasts. One under way is finished first, so that none overtakes the final note."""
    task = asyncio.create_task(note.run())
    try:
        yield note
    except asyncio.CancelledError:
        task.cancel()  # the bot is stopping, and no final note follows: don't wait for a Slack that may be away
        raise
    finally:
        note.close()
        try:
            await task
        except Exception:  # an answer that nobody could watch is an answer all the same
            log.exception("live updates ended early")
