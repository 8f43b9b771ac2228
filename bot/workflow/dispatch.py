"""One strict queue a channel, channels in parallel, all state in the inbox: nothing is lost with this process."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from bot.workflow.entrance import Entrance
from bot.workflow.ports import Store, Work

log = logging.getLogger(__name__)

SWEEP_S = 2.0
"""How often the inbox is searched for acts that nobody announced: left by a crash, or received by another instance."""
RENEW_S = 15.0
MOST_TRIES = 6
FIRST_PAUSE_S = 0.5


class Dispatcher:
    """Works through the inbox. `handle` takes an act one stage further; `give_up` is told of acts that fail each time.

    Acts come in by `entrance`; `handle` may leave it early, where it begins to wait for the model.
    """

    def __init__(
        self,
        store: Store,
        handle: Callable[[Work], Awaitable[Work]],
        give_up: Callable[[Work], Awaitable[None]],
        entrance: Entrance | None = None,
    ) -> None:
        self._store, self._handle, self._give_up, self._entrance = store, handle, give_up, entrance or Entrance()
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._news: set[str] = set()
        self._stopping = False

    def notify(self, channel_id: str) -> None:
        """There is an act for this channel: begin at once, or go on when the current one is done."""
        self._news.add(channel_id)
        if channel_id not in self._busy and not self._stopping:
            task = asyncio.create_task(self._work_off(channel_id), name=f"channel {channel_id}")
            self._busy[channel_id] = task
            task.add_done_callback(lambda _: self._left(channel_id))

    async def run(self) -> None:
        """Sweeps and renews leases until cancelled; then lets no further act begin."""
        sweeper, renewer = asyncio.create_task(self._sweep()), asyncio.create_task(self._renew())
        try:
            await asyncio.gather(sweeper, renewer)
        finally:
            self._stopping = True
            for task in (sweeper, renewer, *self._busy.values()):
                task.cancel()
            await asyncio.gather(*self._busy.values(), return_exceptions=True)

    def _left(self, channel_id: str) -> None:
        del self._busy[channel_id]
        if channel_id in self._news:  # announced between the last look and now
            self.notify(channel_id)

    async def _work_off(self, channel_id: str) -> None:
        try:
            while channel_id in self._news:
                self._news.discard(channel_id)
                while await self._work_on(channel_id):
                    pass
        except asyncio.CancelledError:
            await self._store.release(channel_id)  # another instance may go on at once
            raise
        except Exception:
            # the database itself failed: nothing is lost, the sweep comes back to it
            self._news.discard(channel_id)
            log.exception("channel %s: the inbox can't be read", channel_id)

    async def _work_on(self, channel_id: str) -> bool:
        """Does one act, as far as it goes now; whether there was one. Where another instance has the channel, the sweep looks again."""
        async with self._entrance.entered():
            begun = await self._store.take(channel_id)
            work = begun
            while work and not work.stage.is_final:
                work = await self._try(work)
        return begun is not None

    async def _try(self, work: Work) -> Work | None:
        """The act as it stands a stage later; None after a failure, when only the inbox knows."""
        try:
            return await self._handle(work)
        except Exception:
            last = work.attempts + 1 >= MOST_TRIES
            log.exception("inbox row %d (%s, %s): try %d failed", work.id, work.act.type, work.stage, work.attempts + 1)
            if last:  # first tell, then set aside: better told twice than not at all
                await self._tell(work)
            await self._store.failed(work, give_up=last)
            if not last:
                await asyncio.sleep(FIRST_PAUSE_S * 2**work.attempts)
            return None

    async def _tell(self, work: Work) -> None:
        try:
            await self._give_up(work)
        except Exception:
            log.exception("inbox row %d: nobody could be told", work.id)

    async def _sweep(self) -> None:
        while True:
            try:
                for channel_id in await self._store.waiting():
                    if channel_id not in self._busy:
                        self.notify(channel_id)
            except Exception:
                log.exception("the inbox can't be searched")
            await asyncio.sleep(SWEEP_S)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(RENEW_S)
            for channel_id in list(self._busy):
                try:
                    if not await self._store.claim(channel_id) and (task := self._busy.get(channel_id)):
                        task.cancel()  # another instance took the channel over while this one was held up
                except Exception:
                    log.exception("channel %s: the lease can't be renewed", channel_id)
