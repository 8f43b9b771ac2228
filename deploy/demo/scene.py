"""What both halves of the story stand on: a workspace in which people act, a screen that shows it, and checks of what is seen.

Every step does what a person would do in Slack, waits for what they would see, and checks it; a step that fails stops the story.
"""

import html
import re
import time
from collections.abc import Awaitable, Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol, TypeVar

from bot.domain.reading import read_items
from bot.slack.edit_form import add_id
from deploy.sandbox.client import SandboxClient
from deploy.sandbox.model import Json
from deploy.sandbox.seen import Posted, Result
from inference.note import Kind, NoteItem

T = TypeVar("T")

COUNSELOR, ADMIN = "anna", "ada"
PATIENCE_S = 180.0
WELCOME = "/phyassist summarize"
"""Words of the message with which the bot greets a case's channel."""

_REFERENCE = re.compile(r"<[^<>|]+\|\[\d+\]>")
"""The number after an item, which leads to the description that it rests on."""

Bars = Callable[[str, int, int, str], None]
"""Shows how far something is: what, how many are done, of how many (0: nobody knows), and a remark."""


class StoryFailed(Exception):
    """A step did not end as it should; the message says which and how."""


@dataclass(frozen=True)
class Seen:
    """What a step showed: what it is, the message, and the seconds until its first and its last word."""

    title: str
    message: Posted
    first_s: float
    final_s: float


class Screen(Protocol):
    """Shows people what happens."""

    def part(self, title: str) -> None:
        """Another part of the story begins."""

    def tells(self, line: str) -> None:
        """A line about what somebody does, or how long it took."""

    def grows(self, message: Posted, channel: str) -> None:
        """A message that is still being written."""

    def stands(self, message: Posted, channel: str, only_for: str = "") -> None:
        """A message that is complete, and stays on the screen; `only_for` names the one person who sees it."""

    def passes(self) -> None:
        """A message that grew is complete, and needs no place on the screen."""

    def beside(self, left: tuple[str, Posted], right: tuple[str, Posted]) -> None:
        """Two messages with their titles, to be compared."""

    def bars(self) -> AbstractContextManager[Bars]:
        """Bars of progress, one below the other, for as long as the block lasts."""


@dataclass(frozen=True)
class Scene:
    """A workspace, and the screen that shows what happens in it."""

    client: SandboxClient
    screen: Screen

    async def invite(self, channel: str) -> Posted:
        """The counselor invites the bot to a channel; its welcome."""
        await self.client.invite(channel)
        return await self.client.wait_for(channel, WELCOME, timeout=PATIENCE_S)

    async def answer(
        self,
        title: str,
        channel: str,
        done: Callable[[Posted], bool],
        after: str,
        thread_ts: str | None = None,
        started: float | None = None,
    ) -> Seen:
        """Follows the bot's newest message after the one at `after` until it is `done`. Raises: TimeoutError."""
        started = started or time.monotonic()
        first: list[float] = []

        def look(message: Posted) -> bool:
            if done(message):
                return True
            if message.ts > after and message.raw.get("bot_id"):
                first.append(time.monotonic() - started)
                self.screen.grows(message, channel)
            return False

        message = await self.client.wait_for(channel, look, thread_ts=thread_ts, timeout=PATIENCE_S)
        final_s = time.monotonic() - started
        return Seen(title, message, first[0] if first else final_s, final_s)

    async def private_answer(self, user: str, words: str, act: Awaitable[Result]) -> Posted:
        """What only `user` is shown after an act: a message that holds `words`. Raises: TimeoutError, StoryFailed."""
        known = {message.ts for message in await self.client.ephemerals(user)}
        check((await act).ok, f"the bot did not acknowledge what {user} did")
        return await self.client.wait_for_ephemeral(
            user, lambda message: message.ts not in known and words in message.everything, timeout=PATIENCE_S
        )


async def in_time(what: str, work: Awaitable[T]) -> T:
    """What comes of a step. Raises: StoryFailed, which says `what` was waited for in vain; and what the step raises."""
    try:
        return await work
    except TimeoutError:
        raise StoryFailed(f"{what}: what a person waits for did not come") from None


def items_of(message: Posted) -> tuple[NoteItem, ...]:
    """The items of a note, read from what the message shows, without the marks after them."""
    sections = [block["text"]["text"] for block in message.blocks if block["type"] == "section"]
    return read_items(html.unescape(_REFERENCE.sub("", "\n".join(sections))))


def entries(view: Json, wished: Collection[NoteItem]) -> dict[str, str]:
    """What to enter in the form behind Edit so that the note holds just these items: other lines emptied, new ones added."""
    fields = {block["block_id"]: block["element"].get("initial_value", "") for block in view["blocks"] if block["type"] == "input"}
    shown = {block_id: NoteItem(Kind(block_id.split(":")[0]), text) for block_id, text in fields.items() if text}
    entered = {block_id: item.text if item in wished else "" for block_id, item in shown.items()}
    new = [item for item in wished if item not in shown.values()]
    return entered | {add_id(item.kind): "\n".join(each.text for each in new if each.kind is item.kind) for item in new}


def check(holds: bool, otherwise: str) -> None:
    """Raises: StoryFailed with `otherwise`, where what ought to hold does not."""
    if not holds:
        raise StoryFailed(otherwise)


def lines(count: int) -> str:
    """`1 line`, `2 lines`."""
    return f"{count} line" if count == 1 else f"{count} lines"
