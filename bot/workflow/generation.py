"""From a prompt to the items of an answer, whatever the model server does meanwhile.

server down, starting, draining   wait, as long as it takes; the post stays queued
stream broken off                 withdraw what came, generate again
cut by the token limit            keep the whole items if they make a note, else generate again with more room
not a note                        generate again, once
"""

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from inference.client import ChatModel, Delta, Finished, FinishReason, Usage
from inference.errors import InvalidNote, ModelUnavailable, StreamBroken
from inference.note import NoteItem, parse_additions, parse_note, repair_note
from inference.prompt import Message

log = logging.getLogger(__name__)

TRIES = 2
"""How often an unreadable answer is generated before a person is asked."""
BREAKS = 3
"""How often a stream may break off: a prompt that brings the server down each time must not do so for ever."""
POLL_S = (0.5, 1.0, 2.0, 4.0)
"""Pauses between questions whether the server is back; the last one repeats."""


T = TypeVar("T")


class NoAnswer(Exception):
    """The model gave no readable note, twice."""


@dataclass(frozen=True)
class Request:
    """What to ask of the model. `may_be_empty`: the answer may add nothing. `temperature` None: the usual one."""

    messages: Sequence[Message]
    model: str
    max_tokens: int
    schema: Mapping[str, Any]
    may_be_empty: bool
    temperature: float | None = None


@dataclass(frozen=True)
class Answer:
    """A readable answer: its items, and what the server counted (None if it didn't say)."""

    items: tuple[NoteItem, ...]
    usage: Usage | None


class Progress(Protocol):
    """Who watches an answer come into being."""

    def wrote(self, text: str) -> None: ...
    async def waiting(self) -> None: ...
    async def interrupted(self) -> None: ...


async def when_ready(model: ChatModel, progress: Progress, ask: Callable[[], Awaitable[T]]) -> T:
    """What `ask` returns, however long the model server is away before it can be asked."""
    while True:
        try:
            return await ask()
        except ModelUnavailable:
            await progress.waiting()
            await _until_ready(model.ready)


async def generate(model: ChatModel, request: Request, progress: Progress) -> Answer:
    """The items of an answer.

    Raises:
        NoAnswer: two answers in a row were unreadable.
        ModelUnavailable: the server can't be reached now.
        ModelRefused: the server rejects the request for good.
    """
    max_tokens, tries, breaks = request.max_tokens, 0, 0
    while True:
        try:
            text, finished = await _stream(model, request, max_tokens, progress)
            return _read(text, finished, request)
        except StreamBroken as error:
            breaks += 1
            if breaks == BREAKS:
                raise NoAnswer from error
            await progress.interrupted()
            await _until_ready(model.ready)
        except InvalidNote as error:
            tries += 1
            log.warning("answer %d of %d was unreadable: %s", tries, TRIES, error)
            if tries == TRIES:
                raise NoAnswer from error
            await progress.interrupted()
            max_tokens *= 2


async def _stream(model: ChatModel, request: Request, max_tokens: int, progress: Progress) -> tuple[str, Finished]:
    parts: list[str] = []
    asked = model.stream(
        request.messages, model=request.model, max_tokens=max_tokens, schema=request.schema, temperature=request.temperature
    )
    async for event in asked:
        if isinstance(event, Delta):
            parts.append(event.text)
            progress.wrote(event.text)
        else:
            return "".join(parts), event
    raise StreamBroken("the stream had no last event")


def _read(text: str, finished: Finished, request: Request) -> Answer:
    try:
        return Answer((parse_additions if request.may_be_empty else parse_note)(text), finished.usage)
    except InvalidNote:
        if finished.reason is not FinishReason.LENGTH:
            raise
        return Answer(repair_note(text), finished.usage)


async def _until_ready(ready: Callable[[], Awaitable[bool]]) -> None:
    """Pauses first: a server that says it is ready and then refuses must not be asked in a tight loop."""
    for pause in itertools.chain(POLL_S, itertools.repeat(POLL_S[-1])):
        await asyncio.sleep(pause)
        if await ready():
            return
