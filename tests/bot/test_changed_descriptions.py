"""Descriptions that are edited, deleted, joined or taken apart: what becomes of prompt, store and note, on real databases."""

import asyncio
import itertools
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain.case import Case
from bot.domain.change import ChangeKind
from bot.domain.note import Note, Origin
from bot.domain.reading import Reading
from bot.workflow.incoming import Accept, Deleted, Incoming, Posted, RemoveNote, Separate, Summarize, TryAgain, WriteAgain
from bot.workflow.ports import Content, NoteView, Notice, Sign
from bot.workflow.records import case_records
from inference.note import Kind, NoteItem
from tests.bot.test_case_changes import PAPER, a_form
from tests.bot.test_conversation import FIRST, MORE, Desk, flat
from tests.bot.test_conversation import a_desk as a_bare_desk
from tests.bot.test_store import dump, encodings
from tests.support.builders import NOW, a_post
from tests.support.databases import make_schema
from training.data.examples import Budget, build_rows
from training.data.records import CaseRecord, Verdict

WHO = {"team_id": "T1", "channel_id": "C1", "user_id": "U0ANNA", "at": "1900000000.0"}
SECRET = "The neighbour is called Quillfeather."


@asynccontextmanager
async def a_desk(url: str, *answers: object) -> AsyncIterator[Desk]:
    """A desk whose messages are in the outbox, as they are where the real messenger shows them."""
    async with a_bare_desk(url, *answers) as desk:
        show = desk.channel.show

        async def show_and_keep(case: Case, note: Note, slot: str, content: Content) -> None:
            await desk.database.slot(note.id, slot, 0)
            await show(case, note, slot, content)

        desk.channel.show = show_and_keep  # type: ignore[method-assign]  # the one thing that the fake does not do
        yield desk


def edited(post: Posted, text: str, ts: str = "1800000000.1") -> Posted:
    """A later version of a message."""
    return post.model_copy(update={"text": text, "edited_ts": ts, "at": ts})


def deletion(post: Posted) -> Deleted:
    """The end of a message."""
    return Deleted(team_id=post.team_id, channel_id=post.channel_id, user_id=post.user_id, at="1850000000.1", ts=post.ts)


def again(desk: Desk, seen: str = "r1") -> WriteAgain:
    """A click on Write again."""
    return WriteAgain(**WHO, note_id=desk.newest.note.id, seen=seen)


def removal(desk: Desk) -> RemoveNote:
    """A click on Remove note."""
    note = desk.newest.note
    assert note.current
    return RemoveNote(**WHO, note_id=note.id, revision_id=note.current.id)


async def case_texts(desk: Desk) -> str:
    """All turns of the case."""
    async with desk.database.begin() as uow:
        case = await uow.case_of("T1", "C1")
        return "\n".join(turn.text for turn in await uow.turns(case.id)) if case else ""


async def on_disk(desk: Desk, url: str, text: str) -> bool:
    """Whether a text can be read from the store, by whoever has its keys: from rows, decrypted, or in plain in its files."""
    async with desk.database.begin() as uow:
        case = await uow.case_of("T1", "C1")
        assert case
        notes = await uow.notes(case.id)
        reports = [report.text for note in notes for report in await uow.reports_of(note.id)]
        turns = [turn.text for turn in await uow.turns(case.id)]
    content = await dump(url)
    return any(text in said for said in (*reports, *turns)) or any(way in content for way in encodings(text))


async def test_an_edited_description_is_written_again_when_somebody_asks(store_url: str) -> None:
    """An edit changes the prompt at once and the note only on request, in its place; the old words are in no later prompt."""
    async with a_desk(store_url, FIRST, MORE) as desk:
        post = a_post(f"Sleeps badly. {SECRET}")
        await desk.do(post)
        await desk.do(edited(post, "Sleeps badly, works nights."))
        assert len(desk.model.prompts) == 1
        assert desk.texts() == [item.text for item in FIRST]
        assert desk.newest.change
        assert (desk.newest.change.kind, desk.newest.change.reading) == (ChangeKind.EDITED, Reading.DESCRIPTION)
        assert SECRET not in await case_texts(desk)
        await desk.do(again(desk))
        assert desk.texts() == ["Leave the phone outside.", "What helps?"]
        assert "works nights" in flat(desk.model.prompts[1])
        assert "Quillfeather" not in flat(desk.model.prompts[1])
        assert desk.newest.change is None
        assert len(desk.channel.shown) == 1, "the note is written anew where it stands"


async def test_an_edit_that_changes_nothing_is_nothing(store_url: str) -> None:
    """A link preview that came with an edit mark, or the same words saved again, leave no line under the note."""
    async with a_desk(store_url, FIRST) as desk:
        post = a_post("Sleeps badly.")
        await desk.do(post)
        await desk.do(edited(post, "Sleeps badly."))
        assert desk.newest.change is None


async def test_counselors_items_stay_when_a_note_is_written_again(store_url: str) -> None:
    """What somebody wrote into the note stands word for word in the new one, and what they dropped does not come back."""
    answer = [*MORE, FIRST[0]]
    async with a_desk(store_url, FIRST, [], answer) as desk:
        post = a_post("Sleeps badly.")
        await desk.do(post)
        await desk.do(a_post("- Keep a diary.\n- My own line", thread_ts=post.ts))
        await desk.do(edited(post, "Sleeps badly, works nights."))
        await desk.do(again(desk))
        assert desk.texts() == ["My own line", "Leave the phone outside.", "What helps?"]
        origins = {item.text: item.origin for item in desk.newest.note.items}
        assert origins["My own line"] is Origin.COUNSELOR


async def test_an_edited_reply_is_written_again_when_somebody_asks(store_url: str) -> None:
    """The same for added information; the new prompt has the description, then the reply as it reads now, once each."""
    async with a_desk(store_url, FIRST, MORE, FIRST) as desk:
        post = a_post("Sleeps badly.")
        await desk.do(post)
        reply = a_post(f"She works nights. {SECRET}", thread_ts=post.ts)
        await desk.do(reply)
        await desk.do(edited(reply, "She works early shifts."))
        assert desk.newest.change
        assert desk.newest.change.reading is Reading.INFORMATION
        await desk.do(again(desk))
        prompt = flat(desk.model.prompts[2])
        assert prompt.index("Sleeps badly.") < prompt.index("She works early shifts.")
        assert prompt.count("Sleeps badly.") == prompt.count("early shifts") == 1
        assert "Quillfeather" not in prompt
        assert "nights" not in prompt


async def test_information_that_is_edited_into_a_list_is_an_edited_answer_at_once(store_url: str) -> None:
    """Whoever rewrites a reply as a list hands back a note, as with any other reply."""
    async with a_desk(store_url, FIRST, MORE, []) as desk:
        post = a_post()
        await desk.do(post)
        reply = a_post("She works nights.", thread_ts=post.ts)
        await desk.do(reply)
        await desk.do(edited(reply, "Advice:\n- Mine.\n- Mine too."))
        assert desk.newest.reading is Reading.EDITED
        assert desk.texts() == ["Mine.", "Mine too."]


async def test_an_edited_description_without_a_note_is_answered_at_once(store_url: str) -> None:
    """Where the model gave no note, an edit of the description is a new try: there is nothing that somebody could want to keep."""
    async with a_desk(store_url, "no json", "no json", FIRST) as desk:
        post = a_post("Sleeps badly.")
        await desk.do(post)
        assert isinstance(list(desk.channel.shown.values())[-1], Notice)
        await desk.do(edited(post, "Sleeps badly, works nights."))
        assert desk.texts() == [item.text for item in FIRST]
        assert flat(desk.model.prompts[-1]).count("works nights") == 1


async def test_a_deleted_description_is_gone_from_prompts_and_store(store_url: str) -> None:
    """Its text is in no row, no file and no later prompt, nor are the model's words about it; the note stays, and says so."""
    told = [*FIRST, NoteItem(FIRST[0].kind, "Quillfeather disturbs her sleep.")]
    async with a_desk(store_url, FIRST, told, MORE) as desk:
        await desk.do(a_post("The first description."))
        post = a_post(f"Sleeps badly. {SECRET}")
        await desk.do(post)
        assert await on_disk(desk, store_url, SECRET)
        await desk.do(deletion(post))
        assert not await on_disk(desk, store_url, SECRET)
        assert desk.newest.note.current
        assert desk.newest.change
        assert desk.newest.change.kind is ChangeKind.DELETED
        assert not desk.newest.may_rewrite
        await desk.do(again(desk))
        assert desk.channel.notices == [Sign.NOTHING_LEFT]
        await desk.do(a_post("The third description."))
        assert "Quillfeather" not in flat(desk.model.prompts[-1])
        assert "The first description." in flat(desk.model.prompts[-1])


async def test_deleted_bytes_are_in_no_file(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Not even sealed: SQLite's pages are overwritten, and the write-ahead log that held the rows is emptied."""
    folder = tmp_path_factory.mktemp("store")
    async with a_desk(f"sqlite+aiosqlite:///{folder / 'p.db'}", FIRST) as desk:
        post = a_post(SECRET)
        await desk.do(post)
        async with desk.database.begin() as uow:
            rows = await uow._session.connection()
            sealed = [row[0] for table in ("description", "turn") for row in await rows.exec_driver_sql(f"SELECT sealed_text FROM {table}")]
        asked = [value for value in sealed if any(value in path.read_bytes() for path in folder.iterdir())]
        assert len(asked) == len(sealed) == 3
        await desk.do(deletion(post))
        assert not [value for value in sealed for path in folder.iterdir() if value in path.read_bytes()]


async def test_a_note_is_written_again_without_the_deleted_reply(store_url: str) -> None:
    """The description remains to write from; the new note takes the old one's place."""
    async with a_desk(store_url, FIRST, MORE, FIRST) as desk:
        post = a_post("Sleeps badly.")
        await desk.do(post)
        reply = a_post(SECRET, thread_ts=post.ts)
        await desk.do(reply)
        await desk.do(deletion(reply))
        assert desk.newest.may_rewrite
        await desk.do(again(desk))
        assert desk.texts() == [item.text for item in FIRST]
        assert "Quillfeather" not in flat(desk.model.prompts[-1])
        assert desk.newest.change is None
        await desk.do(again(desk, "r2"))
        assert desk.channel.notices == [Sign.OUT_OF_DATE]


async def test_a_removed_note_is_gone_from_prompts_and_store(store_url: str) -> None:
    """Its revisions, turns and replies are removed, its messages say so, and what follows knows nothing of it."""
    told = [*FIRST, NoteItem(FIRST[0].kind, "Quillfeather disturbs her sleep.")]
    async with a_desk(store_url, told, [], FIRST) as desk:
        post = a_post(SECRET)
        await desk.do(post)
        await desk.do(a_post("- Quillfeather again\n- and again", thread_ts=post.ts))
        await desk.do(deletion(post))
        removed = removal(desk)
        await desk.do(removed)
        assert desk.channel.signs[-1] is Sign.NOTE_REMOVED
        async with desk.database.begin() as uow:
            note = await uow.note(removed.note_id)
        assert note
        assert note.revisions == ()
        assert "Quillfeather" not in await case_texts(desk)
        assert not await on_disk(desk, store_url, "Quillfeather")
        await desk.do(a_post("Another day."))
        assert "Quillfeather" not in flat(desk.model.prompts[-1])


async def test_a_deleted_edited_answer_stays_as_the_counselors_words(store_url: str) -> None:
    """A list that was taken up has become the note: the note says that the message is gone, and keeps its lines until it is removed."""
    async with a_desk(store_url, FIRST, []) as desk:
        post = a_post()
        await desk.do(post)
        reply = a_post("- Keep a diary.\n- My own line", thread_ts=post.ts)
        await desk.do(reply)
        await desk.do(deletion(reply))
        assert desk.texts() == ["Keep a diary.", "My own line"]
        assert desk.newest.change
        assert desk.newest.change.reading is Reading.EDITED
        async with desk.database.begin() as uow:
            assert [report.source_ts for report in await uow.reports_of(desk.newest.note.id)] == [post.ts]


async def test_a_deletion_counts_also_where_nothing_else_does(store_url: str) -> None:
    """A channel that has become unfit may not see the note, and the text goes all the same; nobody is told anything."""
    async with a_desk(store_url, FIRST) as desk:
        post = a_post(SECRET)
        await desk.do(post)
        desk.guard.sign = Sign.GUEST_MEMBER
        shown = dict(desk.channel.shown)
        await desk.do(deletion(post))
        assert not await on_disk(desk, store_url, SECRET)
        assert desk.channel.shown == shown
        assert desk.channel.notices == []


async def test_what_was_deleted_before_its_turn_came_is_never_read(store_url: str) -> None:
    """A message that waits behind others and is deleted meanwhile is neither stored nor answered."""
    async with a_desk(store_url) as desk:
        post = a_post(SECRET)
        await desk.database.receive(deletion(post))
        await desk.do(post)
        assert desk.model.prompts == []
        async with desk.database.begin() as uow:
            assert await uow.case_of("T1", "C1") is None


async def test_a_deleted_message_that_was_given_up_loses_its_text(store_url: str) -> None:
    """Acts that failed for good keep their text for whoever looks into it; not after the message was deleted."""
    async with a_desk(store_url) as desk:
        post = a_post(SECRET)
        await desk.database.receive(post)
        work = await desk.database.next_work("C1")
        assert work
        await desk.database.failed(work, give_up=True)
        await desk.do(deletion(post))
        async with desk.database.begin() as uow:
            rows = await (await uow._session.connection()).exec_driver_sql("SELECT count(*) FROM inbox WHERE sealed_act IS NOT NULL")
            assert rows.scalar() == 0


async def test_trying_again_after_a_deletion_finds_nothing(store_url: str) -> None:
    """The button of an answer that failed has nothing left to ask with."""
    async with a_desk(store_url, "no json", "no json") as desk:
        post = a_post()
        await desk.do(post)
        notice = list(desk.channel.shown.values())[-1]
        assert isinstance(notice, Notice)
        await desk.do(deletion(post))
        await desk.do(TryAgain(**WHO, note_id=notice.note_id, failed_at=notice.failed_at))
        assert desk.channel.notices == [Sign.GONE]


async def test_a_corrected_digest_goes_with_what_it_was_made_from(store_url: str) -> None:
    """A counselor's digest may have the deleted words: those made while they were in it go, earlier ones stay, and new ones can follow."""
    async with a_desk(store_url, FIRST, FIRST, FIRST) as desk:
        first, second = a_post("She sleeps badly."), a_post(SECRET)
        await desk.do(first)
        await desk.do(second)
        async with desk.database.begin() as uow:
            case = await uow.case_of("T1", "C1")
            assert case
            for upto, line in ((2, "Sleeps badly."), (4, SECRET), (1, "Made from the one before.")):
                await uow.add_correction(case.id, upto, (line,), "U0ANNA", NOW)
        await desk.do(deletion(second))
        async with desk.database.begin() as uow:
            assert [correction.lines for correction in await uow.corrections(case.id)] == [("Sleeps badly.",)]
            await uow.add_correction(case.id, 2, ("Once more.",), "U0ANNA", NOW)
        await desk.do(edited(first, "She sleeps well."))
        async with desk.database.begin() as uow:
            assert await uow.corrections(case.id) == []


# several messages in a row


def joining(desk: Desk, seconds: float = 20.0) -> Desk:
    """The desk with messages in a row taken as one description."""
    desk.conversation._descriptions._join_seconds = seconds
    return desk


def in_a_row(*texts: str, step: float = 5.0, user: str = "U0ANNA") -> list[Posted]:
    """Messages that follow each other."""
    began = 1700500000.0
    return [
        a_post(text, ts=f"{began + number * step:.6f}").model_copy(update={"user_id": user, "at": f"{began + number * step:.6f}"})
        for number, text in enumerate(texts)
    ]


async def test_messages_in_a_row_are_one_description(store_url: str) -> None:
    """Each further message has the one note written once more, in its place, from all of them."""
    async with a_desk(store_url, FIRST, FIRST, MORE) as desk:
        joining(desk)
        for post in in_a_row("She sleeps badly.", "Since March.", "She works nights."):
            await desk.do(post)
        assert desk.newest.messages == 3
        assert desk.texts() == ["Leave the phone outside.", "What helps?"]
        assert len(desk.channel.shown) == 1
        prompt = desk.model.prompts[-1]
        assert [message["role"] for message in prompt] == ["user"]
        assert all(text in prompt[0]["content"] for text in ("She sleeps badly.", "Since March.", "She works nights."))


@pytest.mark.parametrize(
    ("step", "seconds", "other", "finished"),
    [(21, 20, "U0ANNA", False), (5, 0, "U0ANNA", False), (5, 20, "U0LI", False), (5, 20, "U0ANNA", True)],
)
async def test_what_is_a_description_of_its_own(store_url: str, step: float, seconds: float, other: str, finished: bool) -> None:
    """Later, another person's, after a note that can be read already, or wherever joining is switched off."""
    async with a_desk(store_url, FIRST, MORE) as desk:
        joining(desk, seconds)
        first, second = in_a_row("She sleeps badly.", "She works nights.", step=step)
        if finished:
            desk.now = datetime.fromtimestamp(float(first.ts) + 2, UTC)
        await desk.do(first)
        await desk.do(second.model_copy(update={"user_id": other}))
        assert len({view.note.id for view in desk.channel.shown.values() if isinstance(view, NoteView)}) == 2
        assert desk.newest.messages == 1


async def test_a_note_that_somebody_worked_on_is_left_alone(store_url: str) -> None:
    """After a reply, an edit or an acceptance a further message is a description of its own."""
    async with a_desk(store_url, FIRST, MORE) as desk:
        joining(desk)
        first, second = in_a_row("She sleeps badly.", "She works nights.")
        await desk.do(first)
        note = desk.newest.note
        assert note.current
        await desk.do(Accept(**WHO, note_id=note.id, revision_id=note.current.id, message_ts="5.5"))
        await desk.do(second)
        assert desk.newest.note.id != note.id


async def test_messages_can_be_taken_apart(store_url: str) -> None:
    """The button gives each message a note of its own, in its own thread; the first keeps the note that stands."""
    async with a_desk(store_url, FIRST, FIRST, FIRST, MORE) as desk:
        joining(desk)
        first, second = in_a_row("She sleeps badly.", "His father drinks.")
        await desk.do(first)
        await desk.do(second)
        note = desk.newest.note
        assert note.current
        await desk.do(Separate(**WHO, note_id=note.id, revision_id=note.current.id))
        views = [view for view in desk.channel.shown.values() if isinstance(view, NoteView)]
        assert [(view.note.thread_ts, view.messages) for view in views] == [(first.ts, 1), (second.ts, 1)]
        assert views[0].note.id == note.id
        assert "His father" not in flat(desk.model.prompts[2])
        assert flat(desk.model.prompts[3]).count("His father drinks.") == 1
        async with desk.database.begin() as uow:
            assert [report.text for report in await uow.reports_of(views[1].note.id)] == ["His father drinks."]
        await desk.do(Separate(**WHO, note_id=note.id, revision_id=note.current.id).model_copy(update={"revision_id": "older"}))
        assert desk.channel.notices == [Sign.OUT_OF_DATE]


async def test_parts_of_a_description_are_edited_deleted_and_replied_to_by_themselves(store_url: str) -> None:
    """A reply below the second message belongs to the note; deleting that message leaves the first to write from."""
    async with a_desk(store_url, FIRST, FIRST, MORE, FIRST) as desk:
        joining(desk)
        first, second = in_a_row("She sleeps badly.", SECRET)
        await desk.do(first)
        await desk.do(second)
        note_id = desk.newest.note.id
        await desk.do(a_post("She works nights.", thread_ts=second.ts))
        assert desk.newest.note.id == note_id
        await desk.do(edited(second, "The neighbour is Quillfeather, loud and late."))
        assert desk.newest.change
        await desk.do(deletion(second))
        assert desk.newest.may_rewrite
        await desk.do(again(desk))
        prompt = flat(desk.model.prompts[-1])
        assert "Quillfeather" not in prompt
        assert prompt.index("She sleeps badly.") < prompt.index("She works nights.")


async def test_a_deletion_comes_before_an_edit(store_url: str) -> None:
    """Of several changes the note tells the gravest."""
    async with a_desk(store_url, FIRST, MORE) as desk:
        post = a_post()
        await desk.do(post)
        reply = a_post("She works nights.", thread_ts=post.ts)
        await desk.do(reply)
        await desk.do(deletion(reply))
        await desk.do(edited(post, "Other words."))
        assert desk.newest.change
        assert desk.newest.change.kind is ChangeKind.DELETED


# any case at all


class Deed(StrEnum):
    """What a counselor may do next."""

    DESCRIBE = "describe"
    INFORM = "inform"
    LIST = "list"
    EDIT = "edit"
    DELETE = "delete"
    AGAIN = "again"
    REMOVE = "remove"
    SEPARATE = "separate"
    SUMMARIZE = "summarize"
    FAIL = "fail"


@dataclass
class Story:
    """A case played deed by deed, each message with a word of its own; `dead` holds the words that must not be read any more."""

    desk: Desk
    posts: dict[str, Posted] = field(default_factory=dict)
    dead: set[str] = field(default_factory=set)
    serial: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    failing: bool = False

    async def do(self, deed: Deed, number: int) -> None:
        """One deed, if there is anything to do it to."""
        if deed is Deed.FAIL:
            self.failing = True
            return
        act = self._act(deed, number)
        if act is None:
            return
        before = await self._words_of(act.ts) if isinstance(act, Posted | Deleted) else None
        answers = ["no json"] * 8 if self.failing else [[NoteItem(kind, f"{kind} {next(self.serial)}") for kind in Kind] for _ in range(8)]
        self.failing, self.desk.model.answers = False, list(answers)
        asked = len(self.desk.model.prompts)
        await self.desk.do(act)
        after = await self._words_of(act.ts) if isinstance(act, Posted | Deleted) else None
        if before and before != after:
            self.dead |= {before}
        for prompt in self.desk.model.prompts[asked:]:
            assert not [word for word in self.dead if word in flat(prompt)]

    async def _words_of(self, ts: str) -> str | None:
        """What a message says that was read as its own words; the lines of an edited answer live on in the note."""
        async with self.desk.database.begin() as uow:
            case = await uow.case_of("T1", "C1")
            report = await uow.report(case.id, ts) if case else None
        return report.text if report and report.reading is not Reading.EDITED else None

    def _act(self, deed: Deed, number: int) -> Incoming | None:
        views = [view for view in self.desk.channel.shown.values() if isinstance(view, NoteView) and view.note.current]
        view = views[-1 - number % len(views)] if views else None
        word = f"Word{next(self.serial)}x"
        if deed is Deed.SUMMARIZE:
            return Summarize(**WHO, trigger=word)
        if deed in {Deed.EDIT, Deed.DELETE} and self.posts:
            post = list(self.posts.values())[number % len(self.posts)]
            return edited(post, word, f"18{next(self.serial):08d}.1") if deed is Deed.EDIT else deletion(post)
        if deed is Deed.DESCRIBE or view is None or view.note.current is None:
            return self._posted(a_post(word, ts=f"{1700000000 + 5 * next(self.serial)}.000100"))
        if deed is Deed.INFORM:
            return self._posted(a_post(word, thread_ts=view.note.thread_ts))
        if deed is Deed.LIST:
            return self._posted(a_post(f"- {word}\n- {word} too", thread_ts=view.note.thread_ts))
        seen = {**WHO, "note_id": view.note.id}
        if deed is Deed.AGAIN:
            return WriteAgain(**seen, seen=word)
        kind = {Deed.REMOVE: RemoveNote, Deed.SEPARATE: Separate}[deed] if deed in {Deed.REMOVE, Deed.SEPARATE} else None
        return kind(**seen, revision_id=view.note.current.id) if kind else None

    def _posted(self, post: Posted) -> Posted:
        self.posts[post.ts] = post
        return post


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database with its schema, to begin each case from."""
    path = tmp_path_factory.mktemp("template") / "phyassist.db"
    asyncio.run(make_schema(f"sqlite+aiosqlite:///{path}"))
    return path


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(played=st.lists(st.tuples(st.sampled_from(Deed), st.integers(0, 3)), min_size=4, max_size=12))
async def test_what_was_deleted_or_replaced_is_never_read_again(template: Path, played: list[tuple[Deed, int]]) -> None:
    """Whatever counselors do: no later prompt and no training row holds a word of a message as it was before it changed."""
    with tempfile.TemporaryDirectory() as folder:
        copy = shutil.copy(template, Path(folder) / "phyassist.db")
        async with a_desk(f"sqlite+aiosqlite:///{copy}") as desk:
            story = Story(joining(desk, 7))
            for deed, number in [(Deed.DESCRIBE, 0), *played]:
                await story.do(deed, number)
            await desk.do(await a_form(desk, PAPER))
            async for record in case_records(desk.database):
                assert isinstance(record, CaseRecord)
                alone = [replace(event, verdict=Verdict.APPROVED) for event in record.events]
                rows = build_rows(replace(record, events=tuple(alone)), str, Budget(3000, len), "night")
                assert not [word for word in story.dead if word in str(rows)]
