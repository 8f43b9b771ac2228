"""How acts that come at the same moment go ahead: a few at a time up to where they wait for the model, and in order.

Reading and storing a post takes this process some hundredths of a second. If thirty posts of a Monday morning did each step together, all
of them would reach the model after a second; one after the other, the first reaches it at once, and the model is at work meanwhile.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

PLACES = 3
"""Acts that are read at the same time: enough to go on while one waits for the disk or for Slack."""
LONGEST_S = 1.0
"""Whoever takes longer, for a file that has to be fetched, say, leaves its place to the next."""


class Entrance:
    """So many places, each for one task from its entering until it leaves, at the latest when its block ends."""

    def __init__(self, places: int = PLACES) -> None:
        self._free = asyncio.Semaphore(places)
        self._inside: dict[asyncio.Task[Any], asyncio.TimerHandle] = {}

    @asynccontextmanager
    async def entered(self) -> AsyncIterator[None]:
        """Waits for a place, in order."""
        await self._free.acquire()
        task = _this_task()
        self._inside[task] = asyncio.get_running_loop().call_later(LONGEST_S, self._give_up, task)
        try:
            yield
        finally:
            self._give_up(task)

    def leave(self) -> None:
        """The task that calls this needs its place no longer; nothing happens if it has none."""
        self._give_up(_this_task())

    def _give_up(self, task: asyncio.Task[Any]) -> None:
        timer = self._inside.pop(task, None)
        if timer:
            timer.cancel()
            self._free.release()


def _this_task() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("an entrance is for tasks")
    return task
