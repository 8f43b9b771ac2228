"""The story that `phyassist demo` plays: one case, from the first description to the approved final note.

Every step does what a person would do in Slack, waits for what they would see, and checks it; a step that fails stops the story.
"""

import html
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from bot.domain.reading import read_items
from bot.slack.views import APPROVE_ACTION, EDIT_ACTION
from deploy.sandbox.client import SandboxClient
from deploy.sandbox.seen import Posted
from inference.note import Kind, NoteItem, list_note

CHANNEL = "case-001"
COUNSELOR = "anna"
DESCRIPTION = (
    "The client, a 42-year-old teacher, has slept badly for about six weeks. She lies awake until two, watches the clock and worries "
    "about the next day. In the evening she corrects homework in bed. She is tired at school and has stopped going to choir."
)
OWN_WORDS = "Agreed with the client: no homework in bed from Monday on."
PATIENCE_S = 180.0


class StoryFailed(Exception):
    """A step did not end as it should; the message says which and how."""


@dataclass(frozen=True)
class Seen:
    """What a step showed: who, what was done, the message that came of it, and the seconds until its first and its last word."""

    title: str
    message: Posted
    first_s: float
    final_s: float


class Screen(Protocol):
    """Shows people what happens."""

    def tells(self, line: str) -> None:
        """A line about what somebody does, or how long it took."""

    def grows(self, message: Posted) -> None:
        """A message that is still being written."""

    def stands(self, message: Posted) -> None:
        """A message that is complete."""


@dataclass
class Story:
    """Plays the case in a workspace, and shows on `screen` what a person would see."""

    client: SandboxClient
    screen: Screen
    seen: list[Seen] = field(default_factory=list)
    _thread: str = ""

    async def play(self) -> list[Seen]:
        """All steps in order. Raises: StoryFailed."""
        for step in (self.invite, self.describe, self.hand_back, self.summarize, self.approve):
            try:
                await step()
            except TimeoutError:
                raise StoryFailed(f"{step.__name__}: nothing came within {PATIENCE_S:.0f} seconds") from None
        return self.seen

    async def invite(self) -> None:
        """The counselor invites the bot to the case's channel."""
        self.screen.tells(f"{COUNSELOR} invites PhyAssist to the private channel #{CHANNEL}")
        await self.client.invite(CHANNEL)
        welcome = await self.client.wait_for(CHANNEL, "/phyassist summarize", timeout=PATIENCE_S)
        self.screen.stands(welcome)

    async def describe(self) -> None:
        """A description gets a note in its thread."""
        self.screen.tells(f"{COUNSELOR} posts a description")
        posted = await self.client.say(COUNSELOR, CHANNEL, DESCRIPTION)
        self.screen.stands(posted)
        self._thread = posted.ts
        note = await self._answer("The note", posted.ts, lambda message: EDIT_ACTION in message.action_ids)
        _check(len(_items(note)) >= 3, "the note has fewer than three items")

    async def hand_back(self) -> None:
        """The counselor keeps some items, drops one, adds one, and gets what is still missing."""
        before = _items(self.seen[-1].message)
        dropped = [item for item in before if item.kind is Kind.ADVICE][-1]
        edited = [item for item in before if item != dropped] + [NoteItem(Kind.ADVICE, OWN_WORDS)]
        self.screen.tells(f"{COUNSELOR} replies with an edited answer: one item dropped, one in her own words")
        reply = await self.client.say(COUNSELOR, CHANNEL, list_note(edited), thread_ts=self._thread)
        self.screen.stands(reply)
        note = await self._answer(
            "The new note",
            self._thread,
            lambda message: EDIT_ACTION in message.action_ids and message.ts > reply.ts,
        )
        texts = [item.text for item in _items(note)]
        _check(OWN_WORDS in texts, "the counselor's own words are not in the new note")
        _check(dropped.text not in texts, "the dropped item came back")
        _check(all(item.text in texts for item in edited), "an item that was handed back is missing")

    async def summarize(self) -> None:
        """`/phyassist summarize` gives the final note."""
        self.screen.tells(f"{COUNSELOR} enters /phyassist summarize")
        started = time.monotonic()
        result = await self.client.command(COUNSELOR, CHANNEL, "/phyassist summarize")
        _check(result.ok, "the slash command was not acknowledged")
        note = await self._answer("The final note", None, lambda message: APPROVE_ACTION in message.action_ids, started)
        _check(OWN_WORDS in [item.text for item in _items(note)], "the counselor's own words are not in the final note")

    async def approve(self) -> None:
        """The counselor approves exactly the revision that she sees."""
        self.screen.tells(f"{COUNSELOR} presses Approve")
        started = time.monotonic()
        draft = self.seen[-1].message
        await self.client.click(COUNSELOR, CHANNEL, draft.ts, APPROVE_ACTION)
        await self._answer("The approved note", None, lambda message: message.ts == draft.ts and not message.action_ids, started)

    async def _answer(self, title: str, thread_ts: str | None, done: Callable[[Posted], bool], started: float | None = None) -> Posted:
        """Follows the bot's newest message until it is `done`."""
        started = started or time.monotonic()
        first: list[float] = []
        after = self.seen[-1].message.ts if self.seen else self._thread

        def look(message: Posted) -> bool:
            if done(message):
                return True
            if message.ts > after and message.raw.get("bot_id"):
                first.append(time.monotonic() - started)
                self.screen.grows(message)
            return False

        message = await self.client.wait_for(CHANNEL, look, thread_ts=thread_ts, timeout=PATIENCE_S)
        final_s = time.monotonic() - started
        self.seen.append(Seen(title, message, first[0] if first else final_s, final_s))
        self.screen.stands(message)
        self.screen.tells(f"{title}: first words after {self.seen[-1].first_s:.1f} s, complete after {final_s:.1f} s")
        return message


def _items(message: Posted) -> tuple[NoteItem, ...]:
    """The items of a note, read from what the message shows."""
    sections = [block["text"]["text"] for block in message.blocks if block["type"] == "section"]
    return read_items(html.unescape("\n".join(sections)))


def _check(holds: bool, otherwise: str) -> None:
    if not holds:
        raise StoryFailed(otherwise)
