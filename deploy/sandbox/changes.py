"""The log of everything that happened in the workspace: bounded, numbered, observable, free of any front end."""

import asyncio
import time
from collections import deque
from collections.abc import Callable

from deploy.sandbox.model import Change, ChangeKind, Json

KEPT_CHANGES = 20_000

Subscriber = Callable[[Change], None]


class ChangeLog:
    """Numbers changes, keeps the newest, and calls its subscribers in order, each once a change."""

    def __init__(self) -> None:
        self.last_seq = 0
        self._kept: deque[Change] = deque(maxlen=KEPT_CHANGES)
        self._subscribers: list[Subscriber] = []
        self._news = asyncio.Event()

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Call `subscriber` on each later change; the returned function ends that."""
        self._subscribers.append(subscriber)
        return lambda: self._subscribers.remove(subscriber)

    def record(
        self,
        kind: ChangeKind,
        *,
        channel: str | None = None,
        user: str | None = None,
        data: Json | None = None,
        previous: Json | None = None,
    ) -> Change:
        """Keep a change and tell the subscribers."""
        self.last_seq += 1
        change = Change(self.last_seq, time.time(), kind, channel, user, data or {}, previous)
        self._kept.append(change)
        news, self._news = self._news, asyncio.Event()
        news.set()
        for subscriber in tuple(self._subscribers):
            subscriber(change)
        return change

    def since(self, seq: int) -> list[Change]:
        """Return the kept changes after number `seq`, oldest first."""
        newer: list[Change] = []
        for change in reversed(self._kept):
            if change.seq <= seq:
                break
            newer.append(change)
        return newer[::-1]

    async def wait(self, seq: int, timeout_s: float) -> list[Change]:
        """Return the changes after `seq`; when there are none, wait up to `timeout_s` for the first."""
        if self.last_seq <= seq:
            try:
                await asyncio.wait_for(self._news.wait(), timeout_s)
            except TimeoutError:
                return []
        return self.since(seq)
