"""The log of everything that happened in the workspace: bounded, numbered, observable, free of any front end."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from deploy.sandbox.model import Change, ChangeKind, Json

KEPT_CHANGES = 5_000

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

    async def wait(self, seq: int, timeout_s: float, channel: str | None = None, user: str | None = None) -> list[Change]:
        """Return the changes after `seq`; when there are none, wait up to `timeout_s` for the first.

        With `channel` or `user` only changes of that channel or user count.
        """
        deadline = asyncio.get_running_loop().time() + timeout_s
        while True:
            found = [change for change in self.since(seq) if channel in {None, change.channel} and user in {None, change.user}]
            left_s = deadline - asyncio.get_running_loop().time()
            if found or left_s <= 0:
                return found
            seq = max(seq, self.last_seq)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), left_s)
