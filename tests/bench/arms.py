"""The two arms of the benchmark. Each makes `count` notes at the same time, of descriptions that nobody has seen before."""

import asyncio
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

import httpx

from bot.slack.views import EDIT_ACTION
from deploy.sandbox.model import BOT_USER_ID, Change, ChangeKind
from deploy.sandbox.server import Sandbox
from inference.client import Delta, OpenAIChatModel
from inference.note import Language, note_schema, parse_partial
from inference.prompt import TurnKind, build_prompt, reported
from tests.bench.measure import Note, Round
from training.demo import LIMITS
from training.demo.content import load_content
from training.demo.grammar import draw_description

PATIENCE_S = 600.0
READING_S = 2.0
"""Far less than a counselor takes to read a note, and enough for the server to read ahead."""


def descriptions(seed: int) -> Iterator[str]:
    """English descriptions, all different."""
    content, rng = load_content(), Random(seed)
    while True:
        description = draw_description(content, rng)
        if description.language is Language.ENGLISH:
            yield description.text


class Counter:
    """The server's own count of the tokens that it has written."""

    def __init__(self, model_url: str) -> None:
        self._url = model_url.removesuffix("/v1") + "/metrics"

    async def tokens(self) -> float:
        """Tokens written since the server started."""
        async with httpx.AsyncClient(trust_env=False) as http:
            text = (await http.get(self._url)).text
        return sum(float(value) for value in re.findall(r"^vllm:generation_tokens_total(?:{[^}]*})? (\S+)$", text, flags=re.MULTILINE))


@dataclass
class Direct:
    """Requests straight to the model server, with the same prompts that the bot sends."""

    model: OpenAIChatModel
    name: str
    max_tokens: int
    counter: Counter
    texts: Iterator[str]

    async def round(self, count: int) -> Round:
        """`count` notes at once."""
        before, start = await self.counter.tokens(), time.perf_counter()
        notes = await asyncio.gather(*(self._note(next(self.texts)) for _ in range(count)))
        seconds = time.perf_counter() - start
        return Round(tuple(notes), await self.counter.tokens() - before, seconds)

    async def _note(self, text: str) -> Note:
        prompt = build_prompt([reported(TurnKind.DESCRIPTION, text, Language.ENGLISH)], Language.ENGLISH, 10**6)
        start, first, written = time.perf_counter(), None, ""
        stream = self.model.stream(prompt.messages, model=self.name, max_tokens=self.max_tokens, schema=note_schema(limits=LIMITS))
        async for event in stream:
            if isinstance(event, Delta):
                written += event.text
                if first is None and parse_partial(written):
                    first = time.perf_counter() - start
        final = time.perf_counter() - start
        return Note(first or final, final)


@dataclass
class Through:
    """The same through Slack's socket, the bot and its database: one new case channel a note."""

    sandbox: Sandbox
    counter: Counter
    texts: Iterator[str]
    _made: int = 0
    _first: dict[str, float] = field(default_factory=dict)
    _final: dict[str, asyncio.Future[float]] = field(default_factory=dict)
    _since: str = ""
    """Messages up to this timestamp are not looked at."""

    async def round(self, count: int) -> Round:
        """`count` notes at once, in channels that the bot has just been invited to."""
        channels = [await self._channel() for _ in range(count)]
        unsubscribe = self.sandbox.workspace.changes.subscribe(self._see)
        loop = asyncio.get_running_loop()
        self._final = {channel: loop.create_future() for channel in channels}
        before, start = await self.counter.tokens(), time.perf_counter()
        try:
            notes = await asyncio.gather(*(self._note(channel) for channel in channels))
        finally:
            unsubscribe()
        seconds = time.perf_counter() - start
        return Round(tuple(notes), await self.counter.tokens() - before, seconds)

    async def long_case(self, turns: int) -> list[Note]:
        """One case of so many turns, each answered before the next one is posted, with a pause in which a counselor would read."""
        channel = await self._channel()
        unsubscribe = self.sandbox.workspace.changes.subscribe(self._see)
        notes: list[Note] = []
        thread_ts: str | None = None
        try:
            for _ in range(turns):
                self._final = {channel: asyncio.get_running_loop().create_future()}
                start = time.perf_counter()
                posted = await self.sandbox.client.say("anna", channel, next(self.texts), thread_ts=thread_ts)
                self._since = posted.ts
                final = await asyncio.wait_for(self._final[channel], PATIENCE_S)
                notes.append(Note(self._first.pop(channel) - start, final - start))
                thread_ts = thread_ts or posted.ts
                await asyncio.sleep(READING_S)
        finally:
            unsubscribe()
            self._since = ""
        return notes

    async def _channel(self) -> str:
        self._made += 1
        channel = await self.sandbox.client.create_channel(f"bench-{self._made}")
        await self.sandbox.client.invite(channel)
        await self.sandbox.client.wait_for(channel, "/phyassist summarize", timeout=PATIENCE_S)
        return channel

    async def _note(self, channel: str) -> Note:
        start = time.perf_counter()
        await self.sandbox.client.say("anna", channel, next(self.texts))
        final = await asyncio.wait_for(self._final[channel], PATIENCE_S)
        return Note(self._first.pop(channel) - start, final - start)

    def _see(self, change: Change) -> None:
        """Called by the workspace the moment something becomes visible."""
        message = change.data.get("message", change.data)
        if change.kind not in {ChangeKind.MESSAGE_POSTED, ChangeKind.MESSAGE_CHANGED} or change.channel not in self._final:
            return
        if message.get("user") != BOT_USER_ID or not message.get("blocks") or message["ts"] <= self._since:
            return
        now = time.perf_counter()
        self._first.setdefault(change.channel, now)
        if EDIT_ACTION in str(message["blocks"]) and not self._final[change.channel].done():
            self._final[change.channel].set_result(now)
