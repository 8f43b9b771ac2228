"""A note that grows before the counselor's eyes: how often, in which order, and what happens when it breaks off."""

import asyncio
import itertools
import time
from dataclasses import dataclass, field

import pytest

from bot.domain.case import Case, CaseState
from bot.domain.findings import Denials
from bot.domain.note import Note
from bot.workflow.live import LiveNote, live
from bot.workflow.ports import Content, Notice, PartialNote, Sign
from inference.note import Kind, Language, NoteItem
from tests.support.builders import NOW, a_note, an_item
from tests.support.fakes import SeenChannel

CASE = Case("case", "T1", "C1", "C-1", Language.ENGLISH, CaseState.OPEN, NOW)
INTERVAL_S = 0.2


@dataclass
class TimedChannel(SeenChannel):
    """Remembers what was shown when, in order; each call takes `slow_s`."""

    slow_s: float = 0.0
    seen: list[tuple[float, Content]] = field(default_factory=list)
    busy: int = 0
    """Calls under way at the moment."""

    async def show(self, case: Case, note: Note, slot: str, content: Content) -> None:
        await self._take(content)

    async def show_partial(self, case: Case, note: Note, slot: str, content: PartialNote) -> None:
        await self._take(content)

    async def _take(self, content: Content) -> None:
        self.busy += 1
        assert self.busy == 1, "two updates of one message at once can overtake each other"
        self.seen.append((time.monotonic(), content))
        await asyncio.sleep(self.slow_s)
        self.busy -= 1

    def texts(self) -> list[list[str]]:
        """The streamed texts of each update."""
        return [[item.text for item in each.coming] for _, each in self.seen if isinstance(each, PartialNote)]


def a_live_note(channel: TimedChannel, interval_s: float = INTERVAL_S) -> LiveNote:
    """A live note of a case, without items that stand already."""
    return LiveNote(channel, CASE, a_note(), "slot", (), interval_s)


async def write(note: LiveNote, text: str, pause_s: float = 0.0) -> None:
    """The model writes `text` in pieces of eight characters."""
    for start in range(0, len(text), 8):
        note.wrote(text[start : start + 8])
        await asyncio.sleep(pause_s)


async def test_the_first_words_are_shown_at_once() -> None:
    """Nobody waits an interval for the first sign of life."""
    channel = TimedChannel()
    async with live(a_live_note(channel, 60.0)) as note:
        began = time.monotonic()
        await write(note, '{"analysis":["Sleep is')
        await asyncio.sleep(0.3)
    assert channel.texts()[0][0].startswith("S")
    assert channel.seen[0][0] - began < 5  # far from the interval of a minute
    assert len(channel.seen) == 1


async def test_updates_keep_their_distance() -> None:
    """However fast the model writes, updates come one interval apart and show the newest state."""
    channel = TimedChannel()
    async with live(a_live_note(channel)) as note:
        await write(note, '{"analysis":["' + "word " * 60 + '"],"advice":["Walk', pause_s=0.02)
        await asyncio.sleep(INTERVAL_S)
    times = [at for at, _ in channel.seen]
    assert len(times) >= 3
    assert all(after - before >= INTERVAL_S * 0.9 for before, after in itertools.pairwise(times))
    assert channel.texts()[-1][-1] == "Walk"


async def test_a_slow_slack_makes_updates_rarer_and_never_stale() -> None:
    """While Slack takes its time nothing piles up: the next update holds everything that came meanwhile."""
    channel = TimedChannel(slow_s=0.3)
    began = time.monotonic()
    async with live(a_live_note(channel, 0.0)) as note:
        await write(note, '{"analysis":["one","two","three","four","five","six"],"advice":["seven', pause_s=0.05)
        await asyncio.sleep(0.4)
    assert len(channel.seen) <= (time.monotonic() - began) / 0.3 + 1
    assert channel.texts()[-1][-1] == "seven"


async def test_the_same_state_is_not_sent_twice() -> None:
    """Brackets and commas that show nothing new cause no update."""
    channel = TimedChannel()
    async with live(a_live_note(channel, 0.0)) as note:
        for piece in ('{"analysis"', ":[", '"Sleep is short."', ",", " ", "]", ","):
            note.wrote(piece)
            await asyncio.sleep(0.02)
    assert channel.texts() == [["Sleep is short."]]


async def test_no_update_follows_the_end() -> None:
    """After the block is left no update begins, and one under way has been finished first."""
    channel = TimedChannel(slow_s=0.2)
    async with live(a_live_note(channel, 0.0)) as note:
        await write(note, '{"analysis":["Sleep is short."')
        await asyncio.sleep(0.05)
        assert channel.busy == 1
        note.wrote(',"More."')
    assert channel.busy == 0
    count = len(channel.seen)
    note.wrote(',"Even more."')
    await asyncio.sleep(0.1)
    assert len(channel.seen) == count


async def test_what_broke_off_is_withdrawn() -> None:
    """After an interruption the message says so, and the next update shows the new answer only."""
    channel = TimedChannel(slow_s=0.05)
    async with live(a_live_note(channel, 0.01)) as note:
        await write(note, '{"analysis":["Withdrawn words')
        await asyncio.sleep(0.1)
        await note.interrupted()
        await asyncio.sleep(0.2)
        await write(note, '{"analysis":["Other words"')
        await asyncio.sleep(0.2)
    shown = [content for _, content in channel.seen]
    assert Notice(Sign.INTERRUPTED, Language.ENGLISH) in shown
    after = shown[shown.index(Notice(Sign.INTERRUPTED, Language.ENGLISH)) + 1 :]
    assert after
    assert all(isinstance(each, PartialNote) and "Other words".startswith(each.coming[0].text) for each in after)


async def test_waiting_is_said_in_the_messages_place() -> None:
    """While the server is away the message says that the post is saved."""
    channel = TimedChannel()
    async with live(a_live_note(channel)) as note:
        await note.waiting()
    assert [content for _, content in channel.seen] == [Notice(Sign.WAITING, Language.ENGLISH)]


async def test_what_stands_is_shown_from_the_first_update() -> None:
    """Items that the answer keeps are in every update, apart from what is being written."""
    channel = TimedChannel()
    async with live(LiveNote(channel, CASE, a_note(), "slot", (an_item("Mine."),), 0.0)) as note:
        await write(note, '{"analysis":["New')
        await asyncio.sleep(0.05)
    content = channel.seen[0][1]
    assert isinstance(content, PartialNote)
    assert content.kept == (NoteItem(Kind.ANALYSIS, "Mine."),)


async def test_what_may_not_stand_is_never_shown() -> None:
    """An item is asked about again while it grows, and shown only as long as it may stand."""
    channel = TimedChannel()
    denials = Denials(["She says that she takes no drugs."])
    async with live(LiveNote(channel, CASE, a_note(), "slot", (), 0.0, denials.let_stand)) as note:
        await write(note, '{"analysis":["She denies suicidal thoughts.","She denies drug use.","Sleep is short."', pause_s=0.01)
        await asyncio.sleep(0.05)
    assert channel.texts()[-1] == ["She denies drug use.", "Sleep is short."]
    assert not any("suicid" in text or text.endswith("denies") for texts in channel.texts() for text in texts)


async def test_stopping_does_not_wait_for_a_slack_that_is_away() -> None:
    """A bot that is told to stop while an update hangs stops."""
    channel = TimedChannel(slow_s=3600)

    async def draft() -> None:
        async with live(a_live_note(channel, 0.0)) as note:
            await write(note, '{"analysis":["Sleep')
            await asyncio.sleep(3600)

    task = asyncio.create_task(draft())
    await asyncio.sleep(0.1)
    assert channel.busy == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 5)


async def test_an_error_while_drafting_waits_for_the_update_under_way() -> None:
    """The sentence that follows an error is not overtaken by a late update."""
    channel = TimedChannel(slow_s=0.2)
    with pytest.raises(ValueError, match="drafting failed"):
        async with live(a_live_note(channel, 0.0)) as note:
            await write(note, '{"analysis":["Sleep')
            await asyncio.sleep(0.05)
            raise ValueError("drafting failed")
    assert channel.busy == 0


async def test_a_failing_update_costs_the_view_and_not_the_answer(caplog: pytest.LogCaptureFixture) -> None:
    """Where an update fails, say because the disk is full, the block goes on to its end; the log says what happened."""

    class Broken(TimedChannel):
        async def show_partial(self, case: Case, note: Note, slot: str, content: PartialNote) -> None:
            raise OSError("disk full")

    ended = False
    async with live(a_live_note(Broken())) as note:
        await write(note, '{"analysis":["Sleep is short.', pause_s=0.01)
        await asyncio.sleep(0.05)
        ended = True
    assert ended
    assert "live updates ended early" in caplog.text
