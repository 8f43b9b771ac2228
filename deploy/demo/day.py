"""The first half of the story: one case, from the first description to the approved final note."""

import time
from dataclasses import dataclass, field

from bot.slack.views import APPROVE_ACTION, EDIT_ACTION
from deploy.demo.scene import COUNSELOR, Scene, Seen, check, in_time, items_of
from inference.note import Kind, NoteItem, list_note

CHANNEL = "case-001"
DESCRIPTION = (
    "The client, a 42-year-old teacher, has slept badly for about six weeks. She lies awake until two, watches the clock and worries "
    "about the next day. In the evening she corrects homework in bed. She is tired at school and has stopped going to choir."
)
OWN_WORDS = "Agreed with the client: no homework in bed from Monday on."


@dataclass
class Day:
    """Plays the case in a workspace, and shows what a person would see."""

    scene: Scene
    seen: list[Seen] = field(default_factory=list)
    _thread: str = ""

    async def play(self) -> list[Seen]:
        """All steps in order. Raises: StoryFailed."""
        for step in (self.invite, self.describe, self.hand_back, self.summarize, self.approve):
            await in_time(step.__name__, step())
        return self.seen

    async def invite(self) -> None:
        """The counselor invites the bot to the case's channel."""
        self.scene.screen.tells(f"{COUNSELOR} invites PhyAssist to the private channel #{CHANNEL}")
        self.scene.screen.stands(await self.scene.invite(CHANNEL), CHANNEL)

    async def describe(self) -> None:
        """A description gets a note in its thread."""
        self.scene.screen.tells(f"{COUNSELOR} posts a description")
        posted = await self.scene.client.say(COUNSELOR, CHANNEL, DESCRIPTION)
        self.scene.screen.stands(posted, CHANNEL)
        self._thread = posted.ts
        self._show(
            await self.scene.answer("The note", CHANNEL, lambda message: EDIT_ACTION in message.action_ids, posted.ts, thread_ts=posted.ts)
        )
        note = self.seen[-1].message
        check(len(items_of(note)) >= 3, "the note has fewer than three items")
        check("[1]" in note.plain, "no line of the note says which description it rests on")
        self.scene.screen.tells(
            "Behind a line, [1] is a link to the description that it rests on, and [⋯] the line's menu: keep it, edit it, drop it."
        )

    async def hand_back(self) -> None:
        """The counselor keeps some items, drops one, adds one, and gets what is still missing."""
        before = items_of(self.seen[-1].message)
        dropped = [item for item in before if item.kind is Kind.ADVICE][-1]
        edited = [item for item in before if item != dropped] + [NoteItem(Kind.ADVICE, OWN_WORDS)]
        self.scene.screen.tells(f"{COUNSELOR} replies with an edited answer: one item dropped, one in her own words")
        reply = await self.scene.client.say(COUNSELOR, CHANNEL, list_note(edited), thread_ts=self._thread)
        self.scene.screen.stands(reply, CHANNEL)
        self._show(
            await self.scene.answer(
                "The new note",
                CHANNEL,
                lambda message: EDIT_ACTION in message.action_ids and message.ts > reply.ts,
                self.seen[-1].message.ts,
                thread_ts=self._thread,
            )
        )
        texts = [item.text for item in items_of(self.seen[-1].message)]
        check(OWN_WORDS in texts, "the counselor's own words are not in the new note")
        check(dropped.text not in texts, "the dropped item came back")
        check(all(item.text in texts for item in edited), "an item that was handed back is missing")

    async def summarize(self) -> None:
        """`/phyassist summarize` gives the final note."""
        self.scene.screen.tells(f"{COUNSELOR} enters /phyassist summarize")
        started, before = time.monotonic(), self.seen[-1].message.ts
        result = await self.scene.client.command(COUNSELOR, CHANNEL, "/phyassist summarize")
        check(result.ok, "the slash command was not acknowledged")
        done = await self.scene.answer(
            "The final note", CHANNEL, lambda message: APPROVE_ACTION in message.action_ids, before, started=started
        )
        self._show(done)
        check(OWN_WORDS in [item.text for item in items_of(done.message)], "the counselor's own words are not in the final note")

    async def approve(self) -> None:
        """The counselor approves exactly the revision that she sees."""
        self.scene.screen.tells(f"{COUNSELOR} presses Approve")
        started, draft = time.monotonic(), self.seen[-1].message
        await self.scene.client.click(COUNSELOR, CHANNEL, draft.ts, APPROVE_ACTION)
        self._show(
            await self.scene.answer(
                "The approved note",
                CHANNEL,
                lambda message: message.ts == draft.ts and APPROVE_ACTION not in message.action_ids,
                draft.ts,
                started=started,
            )
        )

    def _show(self, seen: Seen) -> None:
        self.seen.append(seen)
        self.scene.screen.stands(seen.message, CHANNEL)
        self.scene.screen.tells(f"{seen.title}: first words after {seen.first_s:.1f} s, complete after {seen.final_s:.1f} s")
