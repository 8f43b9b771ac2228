"""The loop against a real database, with a scripted model: what each act does to a case."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

import pytest

from bot.domain.note import Origin
from bot.domain.reading import Reading
from bot.exports.writer import write_note
from bot.store.database import Database
from bot.store.engine import make_engine
from bot.store.vault import new_key
from bot.workflow.conversation import Conversation
from bot.workflow.drafting import Drafting, DraftSettings
from bot.workflow.final_parts import FinalParts
from bot.workflow.incoming import Approve, HandedBack, Incoming, Joined, Reread, Stage, Summarize, TryAgain
from bot.workflow.ports import NoteView, Notice, Sign
from inference.client import FinishReason
from inference.errors import StreamBroken, UnknownModel
from inference.note import Kind, Language, NoteItem
from inference.prompt import Message
from tests.support.builders import NOW, a_post, lines
from tests.support.databases import make_schema
from tests.support.fakes import NoFiles, NoPeople, NoRoles, OpenGuard, ScriptedModel, SeenChannel

FIRST = [NoteItem(Kind.ANALYSIS, "Sleep is short."), NoteItem(Kind.ADVICE, "Keep a diary."), NoteItem(Kind.QUESTION, "Since when?")]
MORE = [NoteItem(Kind.ADVICE, "Leave the phone outside."), NoteItem(Kind.QUESTION, "What helps?")]


def flat(messages: Sequence[Message]) -> str:
    """A prompt as one text."""
    return "".join(f"\n{message['role']}\n{message['content']}" for message in messages)


class Desk:
    """A conversation with everything around it."""

    def __init__(self, database: Database, model: ScriptedModel, sign: Sign | None = None) -> None:
        self.database, self.model, self.channel, self.guard = database, model, SeenChannel(), OpenGuard(sign)
        self.now = NOW
        self.champion: str | None = None
        settings = DraftSettings("phyassist", 500, 0, 0.0, champion=lambda: self.champion)
        drafting = Drafting(database, model, self.channel, self.guard, self.clock, settings)
        final = FinalParts(NoPeople(), NoFiles(), write_note)
        self.conversation = Conversation(database, self.channel, self.guard, NoRoles(), drafting, self.clock, Language.ENGLISH, final=final)

    def clock(self) -> datetime:
        """The time of the test."""
        return self.now

    async def do(self, act: Incoming) -> bool:
        """Commits an act and works until nothing is left; whether it was new."""
        new = await self.database.receive(act)
        while work := await self.database.next_work(act.channel_id):
            await self.conversation.handle(work)
        return new

    @property
    def newest(self) -> NoteView:
        """The newest note that is shown."""
        view = list(self.channel.shown.values())[-1]
        assert isinstance(view, NoteView)
        return view

    def texts(self) -> list[str]:
        """The texts of the newest note."""
        return [item.text for item in self.newest.note.items]


@asynccontextmanager
async def a_desk(url: str, *answers: object, sign: Sign | None = None) -> AsyncIterator[Desk]:
    """A desk on a new database; the model answers as scripted."""
    await make_schema(url)
    database = Database(make_engine(url), new_key())
    await database.prepare()
    try:
        yield Desk(database, ScriptedModel(list(answers)), sign)  # type: ignore[arg-type]  # tests script freely
    finally:
        await database.close()


async def test_a_description_gets_a_note(store_url: str) -> None:
    """A description opens a case, and its note has the model's items."""
    async with a_desk(store_url, FIRST) as desk:
        await desk.do(a_post("The client sleeps badly."))
        assert desk.texts() == [item.text for item in FIRST]
        assert "The client sleeps badly." in desk.model.prompts[0][0]["content"]


async def test_an_edited_reply_is_kept_word_for_word(store_url: str) -> None:
    """The counselor's lines stay, a dropped item does not come back, what the model adds comes after."""
    async with a_desk(store_url, FIRST, [*MORE, NoteItem(Kind.ANALYSIS, "Sleep is short.")]) as desk:
        post = a_post()
        await desk.do(post)
        await desk.do(a_post("Advice:\n- Keep a diary.\n- Walk after lunch, as agreed.\nQuestions:\n- Since when?", thread_ts=post.ts))
        assert desk.texts() == ["Keep a diary.", "Walk after lunch, as agreed.", "Leave the phone outside.", "Since when?", "What helps?"]
        origins = {item.text: item.origin for item in desk.newest.note.items}
        assert origins["Walk after lunch, as agreed."] is Origin.COUNSELOR
        assert origins["Keep a diary."] is Origin.MODEL
        assert desk.newest.reading is Reading.EDITED


async def test_a_reply_that_is_too_long_for_information_may_be_an_edit(store_url: str) -> None:
    """A final note of 12,000 characters, corrected in its thread: it stands as with the modal. Information of that length is refused."""
    long = [NoteItem(Kind.ADVICE, f"Step {number}: {'rest and walk ' * 20}".strip()) for number in range(40)]
    async with a_desk(store_url, FIRST, long) as desk:
        await desk.do(a_post())
        await desk.do(Summarize(team_id="T1", channel_id="C1", user_id="U0ANNA", at="1900000000.0", trigger="1"))
        note = desk.newest.note
        await desk.database.posted(await desk.database.slot(note.id, "shown", 0), "1900000001.0", opens_thread=True)
        reply = a_post("\n".join(f"- {item.text}" for item in long[1:]), thread_ts="1900000001.0")
        assert len(reply.text) > 11_000
        await desk.do(reply)
        assert desk.channel.notices == []
        assert desk.texts() == [item.text for item in long[1:]]
        await desk.do(a_post("She spoke of the sea. " * 600, thread_ts="1900000001.0"))
        assert desk.channel.notices == [Sign.TOO_LONG]


async def test_a_case_without_an_invitation_gets_its_card_once(store_url: str) -> None:
    """With the first description; not with the second, nor after an invitation that comes late."""
    async with a_desk(store_url, FIRST, MORE) as desk:
        await desk.do(a_post())
        assert desk.channel.greetings == [Sign.WELCOME]
        await desk.do(a_post())
        await desk.do(Joined(team_id="T1", channel_id="C1", user_id="U0ANNA", at="1900000000.0"))
        assert desk.channel.greetings == [Sign.WELCOME]


async def test_information_rewrites_the_model_but_not_the_counselor(store_url: str) -> None:
    """After added information the model's items make room, the counselor's stay."""
    async with a_desk(store_url, FIRST, [], MORE) as desk:
        post = a_post()
        await desk.do(post)
        await desk.do(a_post("- Keep a diary.\n- My own line", thread_ts=post.ts))
        await desk.do(a_post("By the way, the client works night shifts.", thread_ts=post.ts))
        assert desk.texts() == ["My own line", "Leave the phone outside.", "What helps?"]
        assert desk.newest.reading is Reading.INFORMATION


async def test_the_other_reading_is_one_click_away(store_url: str) -> None:
    """A reply read as an edit and then as information gives the note as if it had been information."""
    async with a_desk(store_url, FIRST, [], MORE) as desk:
        post = a_post()
        await desk.do(post)
        reply = a_post("- wakes at three\n- drinks coffee", thread_ts=post.ts)
        await desk.do(reply)
        assert desk.newest.reading is Reading.EDITED
        note_id = desk.newest.note.id
        await desk.do(_click(Reread, note_id=note_id, source_ts=reply.ts, reading=Reading.INFORMATION, revision_id="r1"))
        assert desk.texts() == ["Leave the phone outside.", "What helps?"]
        assert desk.newest.reading is Reading.INFORMATION
        back = _click(Reread, note_id=note_id, source_ts=reply.ts, reading=Reading.EDITED, revision_id="r2")
        desk.model.answers.append([])
        await desk.do(back)
        assert {"wakes at three", "drinks coffee"} <= set(desk.texts())
        assert desk.newest.reading is Reading.EDITED


async def test_summary_holds_every_line_of_the_counselor_and_is_approved_once(store_url: str) -> None:
    """The final note has the counselor's lines; approval names revision and person; afterwards nothing changes it."""
    async with a_desk(store_url, FIRST, [], MORE) as desk:
        post = a_post()
        await desk.do(post)
        await desk.do(a_post("- Keep a diary.\n- My own line", thread_ts=post.ts))
        await desk.do(_click(Summarize, trigger="t1"))
        assert "My own line" in desk.texts()
        note, revision = desk.newest.note, desk.newest.note.current
        assert revision
        await desk.do(_click(Approve, note_id=note.id, revision_id=revision.id))
        approval = desk.newest.note.approval
        assert approval
        assert (approval.user_id, approval.revision_id, approval.content_hash) == ("U0ANNA", revision.id, revision.content_hash)
        edit = _click(HandedBack, note_id=note.id, base_revision_id=None, items=tuple(lines("Changed")), source="V1")
        await desk.do(edit)
        assert desk.channel.notices == [Sign.LOCKED]
        async with desk.database.begin() as uow:
            stored = await uow.note(note.id)
        assert stored
        assert stored.current == revision


async def test_approving_what_has_changed_since_is_refused(store_url: str) -> None:
    """A click on an older revision approves nothing."""
    async with a_desk(store_url, FIRST, MORE) as desk:
        await desk.do(a_post())
        await desk.do(_click(Summarize, trigger="t1"))
        note = desk.newest.note
        assert note.current
        await desk.do(_click(HandedBack, note_id=note.id, base_revision_id=note.current.id, items=tuple(lines("Mine")), source="V1"))
        await desk.do(_click(Approve, note_id=note.id, revision_id=note.current.id))
        assert desk.channel.notices == [Sign.OUT_OF_DATE]
        assert desk.newest.note.approval is None
        assert desk.texts() == ["Mine"]


async def test_the_same_act_twice_is_one_act(store_url: str) -> None:
    """A message delivered again is neither stored nor answered again."""
    async with a_desk(store_url, FIRST) as desk:
        post = a_post()
        assert await desk.do(post)
        assert not await desk.do(post)
        assert len(desk.model.prompts) == 1


async def test_a_broken_stream_is_generated_again(store_url: str) -> None:
    """What came before the break is withdrawn, and the note comes all the same."""
    async with a_desk(store_url, StreamBroken("gone"), FIRST) as desk:
        await desk.do(a_post())
        assert desk.channel.signs == [Sign.INTERRUPTED]
        assert desk.texts() == [item.text for item in FIRST]


async def test_unreadable_answers_end_in_a_button(store_url: str) -> None:
    """Two answers that are no notes give an honest sentence; trying again gives the note."""
    async with a_desk(store_url, "no json", '{"analysis":[]}', FIRST) as desk:
        await desk.do(a_post())
        notice = list(desk.channel.shown.values())[-1]
        assert isinstance(notice, Notice)
        assert notice.sign is Sign.NO_ANSWER
        await desk.do(_click(TryAgain, note_id=notice.note_id, failed_at=notice.failed_at))
        assert desk.texts() == [item.text for item in FIRST]


async def test_an_answer_cut_off_keeps_its_whole_items(store_url: str) -> None:
    """The token limit costs the item that was being written, nothing else."""
    async with a_desk(store_url, '{"analysis":["One thing","Two things"],"advice":["Do this","And th') as desk:
        desk.model.finish = FinishReason.LENGTH
        await desk.do(a_post())
        assert desk.texts() == ["One thing", "Two things", "Do this"]


@pytest.mark.parametrize(("text", "sign"), [("", Sign.EMPTY), ("x" * 100_000, Sign.TOO_LONG)])
async def test_what_cannot_be_read_is_answered_with_a_sentence(store_url: str, text: str, sign: Sign) -> None:
    """Empty and endless posts are refused; nothing of them is stored."""
    async with a_desk(store_url) as desk:
        await desk.do(a_post(text))
        assert desk.channel.notices == [sign]
        async with desk.database.begin() as uow:
            assert await uow.case_of("T1", "C1") is None


async def test_a_reply_below_a_refused_description_is_answered(store_url: str) -> None:
    """What can't be added to anything is not passed over in silence; talk below a message that was never mine is."""
    async with a_desk(store_url) as desk:
        refused = a_post("x" * 100_000)
        await desk.do(refused)
        await desk.do(a_post("And more of it.", thread_ts=refused.ts))
        assert desk.channel.notices == [Sign.TOO_LONG, Sign.NOT_TAKEN]
        await desk.do(a_post("Lunch at one?", thread_ts="1600000000.000100"))
        assert desk.channel.notices == [Sign.TOO_LONG, Sign.NOT_TAKEN]


async def test_a_refused_channel_opens_no_case(store_url: str) -> None:
    """The guard's sentence is the whole answer, and the row's text is wiped."""
    async with a_desk(store_url, sign=Sign.NOT_PRIVATE) as desk:
        await desk.do(a_post())
        assert desk.channel.notices == [Sign.NOT_PRIVATE]
        async with desk.database.begin() as uow:
            assert await uow.case_of("T1", "C1") is None
        assert await desk.database.count_waiting("C1") == 0


async def test_work_begun_goes_on_where_it_stopped(store_url: str) -> None:
    """A bot that dies after storing the answer shows it after the restart without asking the model again."""
    async with a_desk(store_url, FIRST) as desk:
        post = a_post()
        await desk.database.receive(post)
        for expected in (Stage.PENDING, Stage.ACCEPTED):
            work = await desk.database.next_work("C1")
            assert work
            assert work.stage is expected
            await desk.conversation.handle(work)
        restarted = Desk(desk.database, ScriptedModel([]))
        work = await desk.database.next_work("C1")
        assert work
        assert work.stage is Stage.ANSWERED
        await restarted.conversation.handle(work)
        assert restarted.texts() == [item.text for item in FIRST]
        assert await desk.database.next_work("C1") is None


def _click(act: type[Incoming], **what: object) -> Incoming:
    return act(team_id="T1", channel_id="C1", user_id="U0ANNA", at="1900000000.0", **what)  # type: ignore[operator]  # a union of classes


async def test_two_counselors_at_once_lose_nothing(store_url: str) -> None:
    """A modal opened before a colleague's edit still counts: both people's lines stand, what the colleague dropped stays dropped."""
    async with a_desk(store_url, FIRST, [], []) as desk:
        post = a_post()
        await desk.do(post)
        opened = desk.newest.note.current
        assert opened
        await desk.do(a_post("- Keep a diary.\n- By the colleague.", thread_ts=post.ts))
        modal = (*FIRST, NoteItem(Kind.ADVICE, "By me."))
        await desk.do(_click(HandedBack, note_id=desk.newest.note.id, base_revision_id=opened.id, items=modal, source="V1"))
        assert desk.texts() == ["Keep a diary.", "By me.", "By the colleague."]


async def test_a_failed_answer_can_be_asked_for_after_others(store_url: str) -> None:
    """Trying again puts the failed description to the model once more, whatever was answered since."""
    async with a_desk(store_url, "no json", "no json", FIRST, MORE) as desk:
        await desk.do(a_post("The first description."))
        notice = list(desk.channel.shown.values())[-1]
        assert isinstance(notice, Notice)
        await desk.do(a_post("The second description."))
        await desk.do(_click(TryAgain, note_id=notice.note_id, failed_at=notice.failed_at))
        assert desk.texts() == [item.text for item in MORE]
        assert desk.model.prompts[-1][-1]["content"].endswith("The first description.")


async def test_the_server_reads_ahead_when_old_turns_leave_the_prompt(store_url: str) -> None:
    """Where an answer fills the prompt, the server is given what remains; the next prompt goes on where that one ended."""
    async with a_desk(store_url, *[FIRST] * 30) as desk:
        desk.model.context_tokens = 1300
        post = a_post("The client sleeps badly.")
        await desk.do(post)
        ahead: list[int] = []
        for number in range(29):
            await desk.do(a_post(f"Session {number}: the client works night shifts and rests at noon. " * 3, thread_ts=post.ts))
            await asyncio.sleep(0.05)  # reading ahead goes on in the background
            if len(desk.model.read_ahead) > len(ahead):
                ahead.append(number)
        assert 2 <= len(ahead) <= 10
        for number, read in zip(ahead, desk.model.read_ahead, strict=True):
            if number < 28:  # prompts[0] answered the description, prompts[1] reply 0: reply N+1 follows what was read after reply N
                assert flat(desk.model.prompts[number + 2]).startswith(flat(read).removesuffix("…"))


async def test_answers_come_from_the_adapter_in_service(store_url: str) -> None:
    """Each answer is asked of the adapter in service at that moment, the model of the settings where there is none, and bears its name."""
    async with a_desk(store_url, FIRST, FIRST, FIRST) as desk:
        authors = []
        for champion in (None, "night-1", "night-2"):
            desk.champion = champion
            await desk.do(a_post())
            current = desk.newest.note.current
            assert current is not None
            authors.append(current.author.name)
        assert desk.model.asked == authors == ["phyassist", "night-1", "night-2"]


async def test_an_answer_that_broke_off_is_finished_by_the_adapter_that_began_it(store_url: str) -> None:
    """A switch in the middle of an answer changes nothing for it."""
    async with a_desk(store_url, StreamBroken(), FIRST) as desk:
        desk.champion = "night-1"
        interrupted = desk.model.ready

        async def ready() -> bool:
            desk.champion = "night-2"  # while the server was away
            return await interrupted()

        desk.model.ready = ready  # type: ignore[method-assign]  # the moment of the switch
        await desk.do(a_post())
        assert desk.model.asked == ["night-1", "night-1"]


async def test_an_adapter_that_is_not_loaded_yet_is_waited_for(store_url: str) -> None:
    """While the server doesn't have the adapter in service, the post waits, and is then answered by the one in service by then."""
    async with a_desk(store_url, UnknownModel("no night-1"), FIRST) as desk:
        desk.champion = "night-1"
        await desk.do(a_post())
        assert desk.model.asked == ["night-1", "night-1"]
        assert desk.texts() == [item.text for item in FIRST]
        assert Sign.NO_ANSWER not in desk.channel.signs


async def test_a_wrong_model_name_is_not_waited_for(store_url: str) -> None:
    """A model of the settings that the server doesn't know is said to give no answer: waiting mends no setting."""
    async with a_desk(store_url, UnknownModel("no phyassist")) as desk:
        await desk.do(a_post())
        assert desk.channel.signs[-1] is Sign.NO_ANSWER
