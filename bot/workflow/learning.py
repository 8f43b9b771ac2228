"""The counselor's side of a training on shared GPUs: nothing is sent to the model meanwhile, unless somebody can't wait."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

from bot.workflow.ports import Store
from inference.sharing import Gpus

log = logging.getLogger(__name__)

LOOK_S = 2.0
"""How often it is looked whether what was urgent is answered."""


class Learning:
    """Whether the model learns now, until about when, and the wish that it steps aside."""

    def __init__(self, gpus: Gpus, store: Store, until: Callable[[], datetime | None] = lambda: None) -> None:
        self._gpus, self._store, self._until = gpus, store, until
        self._urgent: set[str] = set()

    @property
    def wanted(self) -> bool:
        """Whether a training wants the GPUs or has them."""
        return self._gpus.wanted

    @property
    def until(self) -> datetime | None:
        """About when it will be done; None where nobody can say."""
        return self._until()

    async def until_unwanted(self, longest_s: float) -> None:
        """Returns when no training wants the GPUs, or after `longest_s` seconds."""
        try:
            async with asyncio.timeout(longest_s):
                await self._gpus.until_unwanted()
        except TimeoutError:
            return

    def ask_back(self, channel_id: str) -> bool:
        """Asks the training to step aside until this channel's posts are answered; False where none is under way."""
        if not self.wanted:
            return False
        self._urgent.add(channel_id)
        self._gpus.ask_back()
        return True

    async def run(self) -> None:
        """Lets the training go on when what was urgent is answered; runs until cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                await self.look()
            except Exception:
                log.exception("nobody can tell whether what was urgent is answered")

    async def look(self) -> None:
        """One look. After a restart nobody knows any more which channel was urgent: then all have to be answered."""
        if not self._gpus.urgent:
            return
        waiting = set(await self._store.waiting())
        if not (self._urgent & waiting if self._urgent else waiting):
            self._urgent.clear()
            self._gpus.answered()
