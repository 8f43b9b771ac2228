"""Second thoughts: a reply meant the other way, an answer asked for again, posts while the model server is away."""

from dataclasses import dataclass

import pytest

from bot.domain.reading import Reading
from bot.workflow.incoming import HandedBack, Reread, TryAgain
from bot.workflow.ports import Notice, Sign
from inference.client import ModelLimits
from inference.errors import ModelRefused, ModelUnavailable
from inference.note import Kind, NoteItem
from tests.bot.test_conversation import Desk, a_desk
from tests.support.builders import a_post, lines
from tests.support.fakes import ScriptedModel

FIRST = [NoteItem(Kind.ANALYSIS, "Sleep is short."), NoteItem(Kind.ADVICE, "Keep a diary."), NoteItem(Kind.QUESTION, "Since when?")]
WHO = {"team_id": "T1", "channel_id": "C1", "user_id": "U0ANNA", "at": "1900000000.0"}


@dataclass
class AwayModel(ScriptedModel):
    """Answers when it is asked for a note, but can't count or tell its limits: down, or without its adapter yet."""

    error: type[Exception] = ModelUnavailable

    async def count_tokens(self, text: str) -> int:
        if self.error is ModelUnavailable:
            raise ModelUnavailable("down")
        return await super().count_tokens(text)

    async def limits(self, model: str) -> ModelLimits:
        raise self.error("no such model")


async def accept_one(desk: Desk, text: str) -> None:
    """Commits a post and takes it one stage further."""
    await desk.database.receive(a_post(text))
    work = await desk.database.next_work("C1")
    assert work
    await desk.conversation.handle(work)


async def test_a_misread_reply_costs_no_item(store_url: str) -> None:
    """After "it is added information" the model may say again what the misread reply had seemed to drop."""
    async with a_desk(store_url, FIRST, [], FIRST) as desk:
        post = a_post()
        await desk.do(post)
        reply = a_post("- wakes at three\n- drinks coffee", thread_ts=post.ts)
        await desk.do(reply)
        assert desk.texts() == ["wakes at three", "drinks coffee"]
        await desk.do(Reread(**WHO, note_id=desk.newest.note.id, source_ts=reply.ts, reading=Reading.INFORMATION, revision_id="r1"))
        assert desk.texts() == [item.text for item in FIRST]


async def test_taking_an_edit_back_leaves_a_colleagues_words(store_url: str) -> None:
    """If somebody edited the note since, their lines stay when an earlier reply turns out to have been information."""
    async with a_desk(store_url, FIRST, [], [], FIRST) as desk:
        post = a_post()
        await desk.do(post)
        reply = a_post("- wakes at three\n- drinks coffee", thread_ts=post.ts)
        await desk.do(reply)
        note_id = desk.newest.note.id
        colleague = {**WHO, "user_id": "U0LI"}
        items = tuple(lines("wakes at three", "Ask about the night shifts, says Li."))
        await desk.do(HandedBack(**colleague, note_id=note_id, base_revision_id=None, items=items, source="V1"))
        await desk.do(Reread(**WHO, note_id=note_id, source_ts=reply.ts, reading=Reading.INFORMATION, revision_id="r1"))
        assert "Ask about the night shifts, says Li." in desk.texts()


async def test_trying_again_asks_the_question_that_failed(store_url: str) -> None:
    """Although others were answered since, the prompt ends with the failed question, and the answer goes to its note."""
    other = [NoteItem(Kind.ADVICE, "About the other thing.")]
    async with a_desk(store_url, "no json", "no json", other, FIRST) as desk:
        await desk.do(a_post("The first question: she sleeps badly."))
        notice = list(desk.channel.shown.values())[-1]
        assert isinstance(notice, Notice)
        await desk.do(a_post("The second question: he eats little."))
        assert desk.texts() == ["About the other thing."]
        await desk.do(TryAgain(**WHO, note_id=notice.note_id, failed_at=notice.failed_at))
        assert desk.texts() == [item.text for item in FIRST]
        assert desk.newest.note.id == notice.note_id
        last = desk.model.prompts[-1][-1]
        assert last["role"] == "user"
        assert last["content"].rstrip().endswith("The first question: she sleeps badly.")


async def test_a_button_of_another_channels_note_does_nothing(store_url: str) -> None:
    """A note is asked for again from its own channel only."""
    async with a_desk(store_url, "no json", "no json", FIRST) as desk:
        await desk.do(a_post("One."))
        notice = list(desk.channel.shown.values())[-1]
        assert isinstance(notice, Notice)
        await desk.do(a_post("Two.", channel="C2"))
        await desk.do(TryAgain(**{**WHO, "channel_id": "C2"}, note_id=notice.note_id, failed_at=notice.failed_at))
        assert desk.channel.notices == [Sign.GONE]


@pytest.mark.parametrize("error", [ModelUnavailable, ModelRefused])
@pytest.mark.parametrize(
    "text", ["She sleeps badly and works too much. " * 80, "来访者睡眠不好，工作太多。" * 100], ids=["English", "Chinese"]
)
async def test_a_long_post_is_taken_while_the_server_is_away(store_url: str, error: type[Exception], text: str) -> None:
    """A description of a page or two is queued, not refused, while nobody can count its tokens or the adapter isn't loaded yet."""
    async with a_desk(store_url) as desk:
        desk.conversation._drafting._model = AwayModel([], error=error)
        await accept_one(desk, text)
        assert desk.channel.notices == []
        assert await desk.database.count_waiting("C1") == 1


async def test_an_endless_post_is_refused_while_the_server_is_away(store_url: str) -> None:
    """What can't possibly fit is refused at once, and nothing of it is stored."""
    async with a_desk(store_url) as desk:
        desk.conversation._drafting._model = AwayModel([])
        await accept_one(desk, "word " * 20_000)
        assert desk.channel.notices == [Sign.TOO_LONG]


async def test_an_endless_reply_is_refused(store_url: str) -> None:
    """Thousands of list lines in a thread are answered with a sentence, and the note stays as it is."""
    async with a_desk(store_url, FIRST) as desk:
        post = a_post()
        await desk.do(post)
        await desk.do(a_post("- Keep a diary, please.\n" * 4000, thread_ts=post.ts))
        assert desk.channel.notices == [Sign.TOO_LONG]
        assert desk.texts() == [item.text for item in FIRST]
