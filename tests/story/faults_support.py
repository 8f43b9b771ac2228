"""A bot that can be killed at a chosen moment, and what its database and its workspace say afterwards."""

import asyncio
import contextlib
import os
import signal
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from bot.slack.views import EDIT_ACTION
from deploy.bot_process import sandbox_settings, start_bot, stop_bot
from deploy.sandbox.client import SandboxClient
from deploy.sandbox.delivery import Answer, Envelope, Timing, Transport
from deploy.sandbox.model import BOT_USER_ID, Change, ChangeKind
from deploy.sandbox.seen import Posted
from deploy.sandbox.server import Sandbox, running_sandbox

PATIENCE_S = 300.0
"""For an answer, on two cores that have much else to do."""
SWIFT = Timing(ack_s=3.0, retry_delays_s=(0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0, 15.0, 30.0, 60.0))
"""Events come again as in Slack, only sooner and more often."""
DESCRIPTION = "The client has slept badly for six weeks and lies awake with worries about work."


@dataclass(frozen=True)
class Ground:
    """Where a story with faults takes place: each start of the bot finds the same home, key and database."""

    sandbox: Sandbox
    store_url: str
    folder: Path
    model_url: str

    @property
    def client(self) -> SandboxClient:
        """Acts for the people of the workspace."""
        return self.sandbox.client

    @property
    def log_file(self) -> Path:
        """All that the bot's processes logged."""
        return self.folder / "bot.log"

    async def start(self, **settings: str) -> Process:
        """Starts the bot and waits until it is connected."""
        short = {"inference__items_per_kind": "1", "inference__item_chars": "40"}
        # each message is to be answered by itself here, however quickly they follow each other
        quick = {"store__url": self.store_url, "slack__update_seconds": "0.2", "slack__join_seconds": "0", **short}
        given = sandbox_settings(self.sandbox, self.folder / "home", settings.pop("model_url", self.model_url), **{**quick, **settings})
        process = await start_bot(given, self.log_file)
        await self.client.wait_connected(timeout=120)
        return process

    @asynccontextmanager
    async def bot(self, **settings: str) -> AsyncIterator[Process]:
        """The bot for as long as the block lasts."""
        process = await self.start(**settings)
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                await stop_bot(process)

    async def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What a query finds in the bot's database."""
        engine = create_async_engine(self.store_url, hide_parameters=True)
        try:
            async with engine.connect() as connection:
                return [tuple(row) for row in await connection.execute(text(query))]
        finally:
            await engine.dispose()

    async def settled(self, posts: int, patience_s: float = PATIENCE_S) -> None:
        """Returns when `posts` messages of people came in, and everything in the inbox is done. Raises: TimeoutError."""
        deadline = time.monotonic() + patience_s
        while True:
            stages = await self.rows("SELECT stage, count(*) FROM inbox GROUP BY stage")
            received = (await self.rows("SELECT count(*) FROM inbox WHERE key LIKE 'post:%'"))[0][0]
            if received >= posts and {stage for stage, _ in stages} <= {"done"} and not self.sandbox.desk.delivery.in_flight:
                return
            if time.monotonic() > deadline:
                raise TimeoutError(f"{received} posts came in, their stages: {stages}")
            await asyncio.sleep(0.5)

    async def by_bot(self, channel: str, thread_ts: str | None = None) -> list[Posted]:
        """What the bot itself said in a channel or thread, oldest first."""
        messages = await self.client.messages(channel, thread_ts)
        return [message for message in messages if message.user == BOT_USER_ID and "subtype" not in message.raw]

    async def note(self, channel: str, thread_ts: str, after: str = "") -> Posted:
        """The newest complete note in a thread that was posted after a message."""
        return await self.client.wait_for(
            channel, lambda message: is_complete(message) and message.ts > after, thread_ts=thread_ts, timeout=PATIENCE_S
        )


def is_complete(message: Posted) -> bool:
    """Whether a message is a finished note: those that are still growing have no buttons."""
    return EDIT_ACTION in message.action_ids


def is_final(change: Change) -> bool:
    """Whether a change made a message a finished note."""
    shown = change.kind in {ChangeKind.MESSAGE_POSTED, ChangeKind.MESSAGE_CHANGED} and change.data.get("user") == BOT_USER_ID
    return shown and is_complete(Posted.of(change.data))


def is_answer(change: Change, kind: ChangeKind) -> bool:
    """Whether a change is the bot's, in a thread."""
    return change.kind is kind and change.data.get("user") == BOT_USER_ID and bool(change.data.get("thread_ts"))


class Wire:
    """A way to the bot that tells which events it acknowledged."""

    def __init__(self, inner: Transport, on_ack: Callable[[Envelope], None]) -> None:
        self._inner, self._on_ack = inner, on_ack

    async def send(self, envelope: Envelope, timing: Timing) -> Answer:
        """Brings one envelope, as the inner way does."""
        answer = await self._inner.send(envelope, timing)
        if answer.acked:
            self._on_ack(envelope)
        return answer


@contextmanager
def told_of_acks(sandbox: Sandbox, on_ack: Callable[[Envelope], None]) -> Iterator[None]:
    """Calls `on_ack` right after each acknowledgement."""
    delivery = sandbox.desk.delivery
    inner = delivery.transport
    delivery.transport = Wire(inner, on_ack)
    try:
        yield
    finally:
        delivery.transport = inner


class Death:
    """`kill -9`, once, in the moment when something happens in the workspace: Slack has it, the bot does not know yet."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.struck = False

    def strike(self) -> None:
        """Kills the bot if it still lives."""
        if not self.struck:
            self.struck = True
            os.kill(self.process.pid, signal.SIGKILL)

    async def came(self) -> None:
        """Returns when the bot is dead. Raises: TimeoutError."""
        async with asyncio.timeout(PATIENCE_S):
            assert await self.process.wait() == -signal.SIGKILL


@asynccontextmanager
async def running_ground(store_url: str, folder: Path, model_url: str) -> AsyncIterator[Ground]:
    """A workspace in which events come again soon, and all else that a bot needs."""
    async with running_sandbox(timing=SWIFT) as sandbox:
        yield Ground(sandbox, store_url, folder, model_url)
