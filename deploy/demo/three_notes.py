"""What a night learns from: three cases in which the counselor shortens the model's notes, records consent, and approves.

Her style is that of `training.demo.practice.BRIEF`: at most two lines of each kind, in the model's own words.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.slack.case_form import CASE_VIEW, CONSENT, GIVEN, GIVEN_BY, GIVEN_ON
from bot.slack.edit_form import EDIT_VIEW
from bot.slack.texts import texts
from bot.slack.views import APPROVE_ACTION, EDIT_ACTION
from bot.workflow.ports import Sign
from deploy.demo.scene import COUNSELOR, PATIENCE_S, Scene, check, entries, in_time, items_of, lines
from deploy.sandbox.seen import Posted
from inference.note import Language, NoteItem
from training.demo.practice import BRIEF

CASES = {
    "case-002": (
        "The client, 19, sits her final exams in two weeks. She studies ten hours a day, remembers nothing in the evening, sleeps four "
        "hours and feels sick before every mock exam. Her parents tell her not to worry."
    ),
    "case-003": (
        "The client, 58, lost his wife to cancer in the spring. He sets the table for two, cannot go through her clothes and cries in the "
        "car. On Sundays he does not know what to do with himself. He still goes to work."
    ),
    "case-004": (
        "The client, 34, is a nurse and has been exhausted for half a year. She takes extra shifts because nobody else will, is short with "
        "the patients, which is new, and dreads every Monday. On her days off she lies on the sofa."
    ),
}
WHO = "the client, on paper"


@dataclass(frozen=True)
class ThreeNotes:
    """Plays the three cases; the first one is shown in full, the others in a few lines each."""

    scene: Scene

    async def play(self) -> None:
        """All of it. Raises: StoryFailed."""
        self.scene.screen.tells(f"{COUNSELOR} works on three more cases. She likes notes short: at most two lines of each kind.")
        for channel, description in CASES.items():
            await in_time(f"#{channel}", self._case(channel, description))

    async def _case(self, channel: str, description: str) -> None:
        """From the description to the approved final note."""
        in_full = channel == next(iter(CASES))
        await self.scene.invite(channel)
        post = await self.scene.client.say(COUNSELOR, channel, description)
        self.scene.screen.stands(post, channel)
        note = (await self.scene.answer("The note", channel, _is_note, post.ts, thread_ts=post.ts)).message
        self.scene.screen.passes()
        wished = BRIEF.wishes(items_of(note), Language.ENGLISH)
        await self._hand_back(channel, post, note, wished)
        await self._consent(channel, in_full)
        await self._approve(channel, in_full)

    async def _hand_back(self, channel: str, post: Posted, note: Posted, wished: Sequence[NoteItem]) -> None:
        """The note goes back as she wants it, and the model adds what it misses."""
        count = len(items_of(note))
        if len(wished) == count:
            self.scene.screen.tells(f"  The note has {lines(count)}; {COUNSELOR} leaves it as it is.")
            return
        self.scene.screen.tells(f"  The note has {lines(count)}. {COUNSELOR} presses Edit, keeps {len(wished)} of them and hands it back.")
        await self._edit(channel, note, wished)
        answer = await self.scene.answer(
            "The new note", channel, lambda message: _is_note(message) and message.ts > note.ts, note.ts, thread_ts=post.ts
        )
        self.scene.screen.passes()
        kept = items_of(answer.message)
        check(set(wished) <= set(kept), "a line that was handed back is missing in the new note")
        added = len(kept) - len(wished)
        self.scene.screen.tells(f"  The new note keeps them{f' and proposes {lines(added)} more' if added else ''}.")

    async def _consent(self, channel: str, in_full: bool) -> None:
        """She records the client's consent in the form of the case."""
        self.scene.screen.tells(f"  {COUNSELOR} enters /phyassist case and records consent for training, given today by {WHO}.")
        check((await self.scene.client.command(COUNSELOR, channel, "/phyassist case")).ok, "the slash command was not acknowledged")
        view = await self.scene.client.wait_for_view(COUNSELOR, CASE_VIEW, timeout=PATIENCE_S)
        entered = {CONSENT: GIVEN, GIVEN_BY: WHO, GIVEN_ON: datetime.now(UTC).date().isoformat()}
        said = texts(Language.ENGLISH).signs[Sign.CONSENT_HOLDS].partition("{")[0]
        answer = await self.scene.private_answer(COUNSELOR, said, self.scene.client.submit_view(COUNSELOR, view["id"], entered))
        if in_full:
            self.scene.screen.stands(answer, channel, only_for=COUNSELOR)

    async def _approve(self, channel: str, in_full: bool) -> None:
        """The final note of the session, shortened in the same way, is approved."""
        started, before = time.monotonic(), (await self.scene.client.messages(channel))[-1].ts
        check((await self.scene.client.command(COUNSELOR, channel, "/phyassist summarize")).ok, "the slash command was not acknowledged")
        draft = (await self.scene.answer("The final note", channel, _is_draft, before, started=started)).message
        self.scene.screen.passes()
        items = items_of(draft)
        wished = BRIEF.wishes(items, Language.ENGLISH)
        kept = f"keeps {len(wished)} of them and approves it" if len(wished) < len(items) else "approves it as it is"
        self.scene.screen.tells(f"  {COUNSELOR} enters /phyassist summarize. The final note has {lines(len(items))}; she {kept}.")
        if len(wished) < len(items):
            await self._edit(channel, draft, wished)
            draft = await self.scene.client.wait_for(
                channel, lambda message: message.ts == draft.ts and items_of(message) == wished, timeout=PATIENCE_S
            )
        check((await self.scene.client.click(COUNSELOR, channel, draft.ts, APPROVE_ACTION)).ok, "Approve was not acknowledged")
        approved = await self.scene.client.wait_for(
            channel, lambda message: message.ts == draft.ts and APPROVE_ACTION not in message.action_ids, timeout=PATIENCE_S
        )
        check(items_of(approved) == wished, "the approved note is not the one that was approved")
        if in_full:
            self.scene.screen.stands(approved, channel)

    async def _edit(self, channel: str, note: Posted, wished: Sequence[NoteItem]) -> None:
        """The form behind the Edit button, filled in and submitted."""
        check((await self.scene.client.click(COUNSELOR, channel, note.ts, EDIT_ACTION)).ok, "Edit was not acknowledged")
        view = await self.scene.client.wait_for_view(COUNSELOR, EDIT_VIEW, timeout=PATIENCE_S)
        check(
            (await self.scene.client.submit_view(COUNSELOR, view["id"], entries(view, wished))).ok, "the edited note was not acknowledged"
        )


def _is_note(message: Posted) -> bool:
    return EDIT_ACTION in message.action_ids and APPROVE_ACTION not in message.action_ids


def _is_draft(message: Posted) -> bool:
    return APPROVE_ACTION in message.action_ids
