"""What shows only after weeks: quiet times, several sessions, late deliveries, channels that change, a server that refuses."""

from datetime import timedelta

from bot.domain.note import Purpose
from bot.workflow.incoming import Approve, Summarize
from bot.workflow.ports import NoteView, Notice, Sign
from inference.errors import ModelRefused
from inference.note import Kind, NoteItem
from tests.bot.test_conversation import FIRST, MORE, Desk, a_desk
from tests.support.builders import NOW, a_post

WHO = {"team_id": "T1", "channel_id": "C1", "user_id": "U0ANNA", "at": "1900000000.0"}


async def approve_a_summary(desk: Desk, trigger: str) -> None:
    """Asks for the final note and approves it."""
    await desk.do(Summarize(**WHO, trigger=trigger))
    note = desk.newest.note
    assert note.purpose is Purpose.SUMMARY
    assert note.current
    await desk.do(Approve(**WHO, note_id=note.id, revision_id=note.current.id))
    assert desk.newest.note.approval


async def test_an_answer_after_a_quiet_week_gets_a_message_of_its_own(store_url: str) -> None:
    """Housekeeping empties the inbox; the next act must not take over the message of an old one."""
    async with a_desk(store_url, FIRST, MORE) as desk:
        await desk.do(a_post())
        assert await desk.database.forget_keys(timedelta(days=-36500)) == 1
        await desk.do(a_post())
        assert len(desk.channel.shown) == 2


async def test_a_server_that_refuses_for_good_is_asked_a_few_times_only(store_url: str) -> None:
    """A wrong key or a missing model ends in an honest sentence, not in an endless loop."""
    async with a_desk(store_url, *[ModelRefused("no such model")] * 50) as desk:
        desk.model.context_tokens = 600
        await desk.do(a_post())
        notice = list(desk.channel.shown.values())[-1]
        assert isinstance(notice, Notice)
        assert notice.sign is Sign.NO_ANSWER
        assert len(desk.model.prompts) <= 3


async def test_what_is_added_after_an_approval_is_in_the_next_summary(store_url: str) -> None:
    """A reply in an earlier thread belongs to the session in which it was written."""
    async with a_desk(store_url, FIRST, FIRST, MORE, MORE) as desk:
        post = a_post()
        await desk.do(post)
        await approve_a_summary(desk, "t1")
        desk.now = NOW + timedelta(days=7)
        await desk.do(a_post("A week later: the nights are worse.", thread_ts=post.ts))
        await approve_a_summary(desk, "t2")
        assert "Leave the phone outside." in desk.texts()


async def test_a_line_dropped_in_one_session_may_come_up_in_another(store_url: str) -> None:
    """What a counselor dropped in March does not keep a safety item out of June's summary."""
    safety = NoteItem(Kind.ANALYSIS, "Safety first: ask about thoughts of suicide today.")
    async with a_desk(store_url, [safety, *FIRST], [], FIRST, [safety, *FIRST], [safety]) as desk:
        post = a_post()
        await desk.do(post)
        await desk.do(a_post("- Keep a diary.\n- Since when?", thread_ts=post.ts))
        await approve_a_summary(desk, "t1")
        desk.now = NOW + timedelta(days=90)
        await desk.do(a_post("She now says that she does not want to live."))
        await approve_a_summary(desk, "t2")
        assert desk.texts()[0] == safety.text


async def test_a_late_delivery_of_an_older_version_changes_nothing(store_url: str) -> None:
    """Slack may redeliver the original after the author's correction was answered."""
    async with a_desk(store_url, FIRST, MORE) as desk:
        post = a_post("Sleeps four hours.")
        corrected = post.model_copy(update={"text": "Sleeps six hours.", "edited_ts": "1800000000.1", "at": "1800000000.1"})
        await desk.do(corrected)
        await desk.do(post)
        assert len(desk.model.prompts) == 1


async def test_a_failed_rewrite_leaves_the_draft_of_a_summary_in_its_place(store_url: str) -> None:
    """When the model gives no readable note, the final note that stands keeps its text and its buttons."""
    async with a_desk(store_url, FIRST, FIRST, "no json", "no json") as desk:
        await desk.do(a_post())
        await desk.do(Summarize(**WHO, trigger="t1"))
        async with desk.database.begin() as uow:
            case = await uow.case_of("T1", "C1")
            assert case
        slot = await desk.database.slot(desk.newest.note.id, "act-2", 0)
        await desk.database.posted(slot, "1950000000.1", opens_thread=True)
        await desk.do(a_post("One more thing.", thread_ts="1950000000.1"))
        assert isinstance(desk.channel.shown["act-2"], NoteView)
        assert desk.channel.notices == [Sign.NO_ANSWER]


async def test_nothing_is_shown_in_a_channel_that_was_shared_meanwhile(store_url: str) -> None:
    """Between the post and its answer the channel may change; then the answer is kept back, and the reason said."""
    async with a_desk(store_url, FIRST) as desk:
        await desk.database.receive(a_post())
        work = await desk.database.next_work("C1")
        assert work
        await desk.conversation.handle(work)
        desk.guard.sign = Sign.SHARED
        while work := await desk.database.next_work("C1"):
            await desk.conversation.handle(work)
        assert desk.channel.notices == [Sign.SHARED]
        assert not desk.channel.shown
        assert not desk.model.prompts
