"""What the bot hands over for a night: cases with consent, as they were really asked, answered, edited, accepted and approved."""

import asyncio
import itertools
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain.editing import ItemChange
from bot.domain.note import Note
from bot.domain.reading import Reading
from bot.workflow.incoming import (
    Accept,
    Approve,
    AskedAnew,
    CaseChanged,
    Deleted,
    HandedBack,
    Incoming,
    ItemChanged,
    Posted,
    ReasonStated,
    Reread,
    SaidConsent,
    Summarize,
    TryAgain,
    Wish,
)
from bot.workflow.ports import NoteView, Notice
from bot.workflow.records import case_records, night_cases
from inference.note import Kind, NoteItem, parse_note
from inference.prompt import LEFT_OUT, Message, TurnKind
from tests.bot.test_case_changes import PAPER, WHO, a_form
from tests.bot.test_conversation import FIRST, MORE, Desk, a_desk
from tests.support.builders import NOW, a_post
from tests.support.databases import make_schema
from training.data.examples import Budget, Rows, Source, build_rows
from training.data.records import CaseRecord, Consent, Reason, Verdict

SHORT, DIARY, SINCE = FIRST
PHONE, HELPS = MORE
MINE = NoteItem(Kind.ADVICE, "My own line")
MARK = "- Keep a diary.\n- My own line"
CONTEXT_TOKENS = 1300


async def records(desk: Desk) -> list[CaseRecord]:
    """What a night gets."""
    return [record async for record in case_records(desk.database)]


async def the_record(desk: Desk) -> CaseRecord:
    """The record of the desk's case, after somebody recorded consent."""
    assert await records(desk) == []
    await desk.do(await a_form(desk, PAPER, "Anna Smith"))
    (record,) = await records(desk)
    return record


def rows_of(desk: Desk, record: CaseRecord) -> Rows:
    """Its rows, without de-identification."""
    return build_rows(record, str, Budget(desk.model.context_tokens - 500, lambda text: len(text) // 4), "night")


def click(act: type[Incoming], desk: Desk, **what: object) -> Incoming:
    """A click under the newest note."""
    note = desk.newest.note
    assert note.current
    seen = {"note_id": note.id, "revision_id": note.current.id}
    return act(**WHO, **{**seen, **what})  # type: ignore[operator]  # a union of classes


async def test_a_case_without_consent_yields_nothing_and_is_to_be_forgotten(store_url: str) -> None:
    """Off, given, withdrawn: only what holds now counts; a deleted case stays to be forgotten."""
    async with a_desk(store_url, FIRST) as desk:
        await desk.do(a_post())
        assert await records(desk) == []
        (case_id,) = (await night_cases(desk.database)).to_forget
        await desk.do(await a_form(desk, PAPER, "Anna Smith", source="V1"))
        (record,) = await records(desk)
        assert (record.id, record.names, record.consent) == (case_id, ("Anna Smith",), Consent("U0ANNA", NOW))
        assert await night_cases(desk.database) == replace(await night_cases(desk.database), consenting={case_id}, to_forget=frozenset())
        await desk.do(await a_form(desk, None, "Anna Smith", source="V2"))
        assert await records(desk) == []
        assert (await night_cases(desk.database)).to_forget == {case_id}
        await desk.database.delete_case(case_id)
        assert (await night_cases(desk.database)).to_forget == {case_id}
        assert await records(desk) == []


async def test_an_edited_answer_and_its_accepted_additions(store_url: str) -> None:
    """The draft lost against the edit; the answer to the edit keeps what was handed back, and is accepted as it stands."""
    async with a_desk(store_url, FIRST, [*MORE, SHORT]) as desk:
        post = a_post()
        await desk.do(post)
        await desk.do(a_post(MARK, thread_ts=post.ts))
        await desk.do(click(Accept, desk, message_ts="5.5"))
        record = await the_record(desk)
        first, second = record.events
        assert (first.asked, first.kept, first.draft, first.verdict) == (0, (), tuple(FIRST), Verdict.OPEN)
        assert first.edit
        assert (first.edit.items, first.edit.author, first.edit.at, first.edit.reason) == ((DIARY, MINE), "U0ANNA", NOW, None)
        assert (second.asked, second.kept, second.draft) == (2, (DIARY, MINE), (PHONE, HELPS))  # what was dropped was not shown again
        assert (second.edit, second.verdict) == (None, Verdict.ACCEPTED)
        rows = rows_of(desk, record)
        assert [parse_note(row.completion) for row in rows.examples] == [(DIARY, MINE, PHONE, HELPS), (PHONE, HELPS)]
        assert [row.source for row in rows.examples] == [Source.EDIT, Source.ACCEPTED]
        assert [list(row.messages) for row in rows.examples] == [list(prompt) for prompt in desk.model.prompts]


async def test_an_answer_stays_accepted_after_news_and_not_after_an_edit(store_url: str) -> None:
    """News make a new prompt, and leave the old answer what it was; an edit says that something was wrong after all."""
    async with a_desk(store_url, FIRST, MORE, [], FIRST) as desk:
        post = a_post()
        await desk.do(post)
        await desk.do(click(Accept, desk, message_ts="5.5"))
        await desk.do(a_post("By the way, the client works night shifts.", thread_ts=post.ts))
        await desk.do(click(Accept, desk, message_ts="5.6"))
        await desk.do(a_post("- Leave the phone outside.\n- My own line", thread_ts=post.ts))
        await desk.do(a_post("By the way, the client has a dog.", thread_ts=post.ts))
        record = await the_record(desk)
        assert [(event.verdict, event.edit is not None) for event in record.events] == [
            (Verdict.ACCEPTED, False),
            (Verdict.OPEN, True),
            (Verdict.OPEN, False),
            (Verdict.OPEN, False),
        ]
        assert (record.events[3].kept, record.events[3].draft) == ((MINE,), tuple(FIRST))


async def test_a_summary_counts_once_approved_as_it_was_corrected(store_url: str) -> None:
    """The correction is its edit; the approval is of the corrected revision."""
    async with a_desk(store_url, FIRST, [], MORE) as desk:
        post = a_post()
        await desk.do(post)
        await desk.do(a_post(MARK, thread_ts=post.ts))
        await desk.do(Summarize(**WHO, trigger="t1"))
        current = desk.newest.note.current
        assert current
        corrected = (SHORT, MINE, PHONE)
        await desk.do(HandedBack(**WHO, note_id=desk.newest.note.id, base_revision_id=current.id, items=corrected, source="E1"))
        assert (await the_record(desk)).events[-1].verdict is Verdict.OPEN
        await desk.do(click(Approve, desk))
        (record,) = await records(desk)
        event = record.events[-1]
        assert record.turns[event.asked].kind is TurnKind.SUMMARIZE
        assert (event.kept, event.draft, event.verdict) == ((MINE,), (PHONE, HELPS), Verdict.APPROVED)
        assert event.edit
        assert event.edit.items == corrected
        assert rows_of(desk, record).examples[-1].source is Source.SUMMARY


@pytest.mark.parametrize("last", [Reading.INFORMATION, Reading.EDITED])
async def test_a_reply_that_was_read_wrongly_teaches_nothing(store_url: str, last: Reading) -> None:
    """The answer to the wrong reading is no event, and neither reading makes an edit of the note before it."""
    text = "- wakes at three\n- drinks coffee" if last is Reading.INFORMATION else "She wakes at three. Coffee."
    async with a_desk(store_url, FIRST, [PHONE], MORE) as desk:
        post = a_post()
        await desk.do(post)
        reply = a_post(text, thread_ts=post.ts)
        await desk.do(reply)
        assert desk.newest.reading is not last
        await desk.do(click(Reread, desk, source_ts=reply.ts, reading=last))
        assert desk.newest.reading is last
        await desk.do(click(Accept, desk, message_ts="5.5"))
        record = await the_record(desk)
        answers = [index for index, turn in enumerate(record.turns) if turn.kind is TurnKind.ANSWER]
        assert len(answers) == 3
        assert [event.asked for event in record.events] == [answers[0] - 1, answers[2] - 1]
        assert [event.edit for event in record.events] == [None, None]
        assert [event.verdict for event in record.events] == [Verdict.OPEN, Verdict.ACCEPTED]


async def test_a_reply_that_was_edited_counts_as_news(store_url: str) -> None:
    """Another version of a message is another message, not another reading of it."""
    async with a_desk(store_url, FIRST, [], MORE) as desk:
        post = a_post()
        await desk.do(post)
        reply = a_post(MARK, thread_ts=post.ts)
        await desk.do(reply)
        await desk.do(reply.model_copy(update={"text": "In fact she works nights.", "edited_ts": "1800000000.1", "at": "1800000000.1"}))
        record = await the_record(desk)
        assert len(record.events) == 3
        assert record.events[0].edit


async def test_a_deleted_description_is_in_no_training_row(store_url: str) -> None:
    """Neither in the prompt nor in an answer to it; later answers are learned with prompts that never held it."""
    async with a_desk(store_url, FIRST, FIRST, MORE) as desk:
        await desk.do(a_post("The first description."))
        await desk.do(click(Accept, desk, message_ts="5.5"))
        post = a_post("The neighbour is called Quillfeather.")
        await desk.do(post)
        await desk.do(click(Accept, desk, message_ts="5.6"))
        await desk.do(a_post("The third description."))
        await desk.do(click(Accept, desk, message_ts="5.7"))
        record = await the_record(desk)
        assert not record.rewritten
        assert "Quillfeather" in str(rows_of(desk, record))
        await desk.do(Deleted(**WHO, ts=post.ts))
        (record,) = await records(desk)
        assert record.rewritten
        rows = rows_of(desk, record)
        assert "Quillfeather" not in str(rows)
        said = [row.messages[-1]["content"] for row in rows.examples]
        assert len(said) == 2
        assert all(text in one for text, one in zip(("The first", "The third"), said, strict=True))


async def test_an_answer_is_never_taken_for_one_to_anothers_description(store_url: str) -> None:
    """Where the model gave no note to one description, the answer to the next, deleted one must not pass for it."""
    async with a_desk(store_url, "no json", "no json", FIRST) as desk:
        await desk.do(a_post("The first description."))
        post = a_post("The second.")
        await desk.do(post)
        await desk.do(click(Accept, desk, message_ts="5.5"))
        await desk.do(Deleted(**WHO, ts=post.ts))
        record = await the_record(desk)
        assert record.events == ()


# any case at all


class Do(StrEnum):
    """What a counselor may do next."""

    DESCRIBE = "describe"
    INFORM = "inform"
    LIST = "list"
    MODAL = "modal"
    CHANGE = "change"
    REREAD = "reread"
    SUMMARIZE = "summarize"
    APPROVE = "approve"
    ACCEPT = "accept"
    DROP = "drop"
    KEEP = "keep"
    REWRITE = "rewrite"
    UNDO = "undo"
    ANEW = "anew"
    SHORTER = "shorter"
    REASON = "reason"
    FAIL = "fail"
    AGAIN = "again"


TAPS = {Do.DROP: ItemChange.DROPPED, Do.KEEP: ItemChange.KEPT, Do.REWRITE: ItemChange.REWRITTEN, Do.UNDO: ItemChange.UNDONE}


@dataclass
class Play:
    """A case played act by act; `served` holds the prompts that were answered, in order."""

    desk: Desk
    posts: list[Posted] = field(default_factory=list)
    served: list[list[Message]] = field(default_factory=list)
    failing: bool = False
    rereads: int = 0
    anew: int = 0
    serial: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    async def do(self, what: Do, number: int) -> None:
        """One act, if there is anything to do it to, and what the model answers to it."""
        if what is Do.FAIL:
            self.failing = True
            return
        act = self._act(what, number)
        if act is None or (isinstance(act, Posted) and act.edited_ts and not await self._was_a_note(act)):
            return
        asked = len(self.desk.model.prompts)
        self.desk.model.answers = ["no json", "no json"] if self.failing else [self._answer(number)]
        await self.desk.do(act)
        if not self.failing and len(self.desk.model.prompts) > asked:
            self.served.append(list(self.desk.model.prompts[-1]))
        self.failing = self.failing and len(self.desk.model.prompts) == asked

    async def _was_a_note(self, act: Posted) -> bool:
        """Whether a message was read as an edited answer: where another one is edited, prompts that were served change."""
        async with self.desk.database.begin() as uow:
            case = await uow.case_of("T1", "C1")
            report = await uow.report(case.id, act.ts) if case else None
        return report is not None and report.reading is Reading.EDITED

    def _answer(self, number: int) -> list[NoteItem]:
        kinds = list(Kind)
        return [NoteItem(kinds[place % 3], self._words()) for place in range(number + 1)]

    def _words(self) -> str:
        """Words that are like no others: the model's repetitions are not what this is about."""
        return " ".join(f"{letter * (3 + next(self.serial) % 7)}{next(self.serial)}" for letter in "abc")

    def _shown(self, number: int) -> NoteView | None:
        views = [view for view in self.desk.channel.shown.values() if isinstance(view, NoteView) and view.note.current]
        return views[-1 - number % len(views)] if views else None

    def _act(self, what: Do, number: int) -> Incoming | None:
        view = self._shown(number)
        if what is Do.SUMMARIZE:
            return Summarize(**WHO, trigger=f"t{next(self.serial)}")
        if what is Do.DESCRIBE or not self.posts or view is None or view.note.current is None:
            self.posts.append(a_post(f"The client reports {self._words()}. " * (1 + number)))
            return self.posts[-1]
        return self._in_thread(what, number, view.note) or self._under(what, view)

    def _in_thread(self, what: Do, number: int, note: Note) -> Incoming | None:
        lines = [f"- {item.text}" for item in note.items[: number + 1]]
        if what is Do.INFORM:
            self.posts.append(a_post(f"She adds {self._words()}. " * (1 + number), thread_ts=note.thread_ts))
        elif what is Do.LIST:
            self.posts.append(a_post("\n".join([*lines, f"- {self._words()}", f"- {self._words()}"]), thread_ts=note.thread_ts))
        elif what is Do.CHANGE:
            lists = [post for post in self.posts if post.text.startswith("- ")]
            if not lists:
                return None
            moment = f"{1800000000 + next(self.serial)}.1"
            edited = {"text": f"- {self._words()}\n- {self._words()}", "edited_ts": moment, "at": moment}
            return lists[number % len(lists)].model_copy(update=edited)
        else:
            return None
        return self.posts[-1]

    def _under(self, what: Do, view: NoteView) -> Incoming | None:
        note, current = view.note, view.note.current
        assert current
        seen = {**WHO, "note_id": note.id}
        if what is Do.MODAL:
            items = (*(NoteItem(item.kind, item.text) for item in note.items[1:]), NoteItem(Kind.ADVICE, self._words()))
            return HandedBack(**seen, base_revision_id=current.id, items=items, source=f"E{next(self.serial)}")
        if what is Do.REREAD and view.reply_ts and view.reading:
            self.rereads += 1
            other = Reading.EDITED if view.reading is Reading.INFORMATION else Reading.INFORMATION
            return Reread(**seen, source_ts=view.reply_ts, reading=other, revision_id=current.id)
        if what is Do.APPROVE:
            return Approve(**seen, revision_id=current.id)
        if what is Do.ACCEPT:
            return Accept(**seen, revision_id=current.id, message_ts="5.5")
        if what in TAPS:
            lines = (self._words(),) if what is Do.REWRITE else ()
            return ItemChanged(**seen, revision_id=current.id, place=0, change=TAPS[what], lines=lines, source=f"L{next(self.serial)}")
        if what in {Do.ANEW, Do.SHORTER}:
            self.anew += 1
            wish = Wish.ANEW if what is Do.ANEW else Wish.SHORTER
            return AskedAnew(**{**seen, "at": f"{1900000000 + next(self.serial)}.0"}, revision_id=current.id, wish=wish)
        if what is Do.REASON:
            return ReasonStated(**seen, revision_id=current.id, reason=Reason.TONE)
        notices = [each for each in self.desk.channel.shown.values() if isinstance(each, Notice) and each.note_id]
        if what is Do.AGAIN and notices:
            return TryAgain(**WHO, note_id=notices[-1].note_id, failed_at=notices[-1].failed_at)
        return None


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database with its schema, to begin each case from."""
    path = tmp_path_factory.mktemp("template") / "phyassist.db"
    asyncio.run(make_schema(f"sqlite+aiosqlite:///{path}"))
    return path


acts = st.lists(st.tuples(st.sampled_from(Do), st.integers(0, 3)), min_size=3, max_size=10)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(played=acts)
async def test_any_case_yields_rows_with_the_prompts_that_were_served(template: Path, played: list[tuple[Do, int]]) -> None:
    """Whatever counselors do: each event is what people saw, and its row's prompt is, message for message, what the model was asked."""
    with tempfile.TemporaryDirectory() as folder:
        copy = shutil.copy(template, Path(folder) / "phyassist.db")
        async with a_desk(f"sqlite+aiosqlite:///{copy}") as desk:
            await check_case(desk, [(Do.DESCRIBE, 1), *played])


async def test_a_long_case_yields_rows_with_the_prompts_that_were_served(store_url: str) -> None:
    """The same on both databases, for a case whose old turns leave the prompt."""
    turns = [(Do.DESCRIBE, 3), (Do.LIST, 2), (Do.REREAD, 0), (Do.INFORM, 3), (Do.MODAL, 0), (Do.ACCEPT, 0), (Do.SUMMARIZE, 1)]
    taps = [(Do.DESCRIBE, 2), (Do.DROP, 0), (Do.KEEP, 0), (Do.REASON, 0), (Do.ANEW, 2), (Do.REWRITE, 0), (Do.SHORTER, 1), (Do.ANEW, 1)]
    async with a_desk(store_url) as desk:
        built = await check_case(desk, [*turns, (Do.MODAL, 0), (Do.APPROVE, 0), (Do.FAIL, 0), *turns, (Do.AGAIN, 0), *taps, *turns])
    assert sum(LEFT_OUT[language] in messages[0]["content"] for language in LEFT_OUT for messages in built) > 3


async def check_case(desk: Desk, played: list[tuple[Do, int]]) -> list[list[Message]]:
    """Plays a case and holds its record to what was served and shown; returns the prompts of its rows."""
    desk.model.context_tokens = CONTEXT_TOKENS
    play = Play(desk)
    for what, number in played:
        await play.do(what, number)
    await desk.do(await a_form(desk, PAPER))
    (record,) = await records(desk)
    async with desk.database.begin() as uow:
        assert list(record.turns) == list(await uow.turns(record.id))
        notes = {note.id: note for note in await uow.notes(record.id)}
    answers = [index for index, turn in enumerate(record.turns) if turn.kind is TurnKind.ANSWER]
    assert len(answers) == len(play.served)
    wrong = play.rereads * (1 + play.anew)  # a report that was asked anew has several answers, and none counts if it was misread
    assert len(answers) - wrong <= len(record.events) <= len(answers)
    built: list[list[Message]] = []
    for event in record.events:
        shown = {NoteItem(item.kind, item.text) for revision in notes[event.note_id].revisions for item in revision.items}
        assert {*event.kept, *event.draft} <= shown
        alone = replace(event, edit=None, verdict=Verdict.APPROVED)
        for row in rows_of(desk, replace(record, events=(alone,))).examples:
            assert list(row.messages) == play.served[answers.index(event.asked + 1)]
            built.append(list(row.messages))
    rows_of(desk, record)
    return built


def test_the_bot_imports_nothing_heavy_for_it() -> None:
    """Neither the bot nor the records pull in what only a training needs."""
    heavy = ("torch", "transformers", "peft", "trl", "networkx", "rapidfuzz", "phonenumbers", "stdnum", "numpy")
    code = f"import sys, bot.app, bot.workflow.records; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_form_is_an_act_like_others() -> None:
    """It is stored in the inbox as it was submitted."""
    act = CaseChanged(
        **WHO, case_id="c", consent=SaidConsent(given_by="x", given_on=NOW.date()), names=("y",), consents_seen=1, roster_seen=2, source="V"
    )
    assert CaseChanged.model_validate_json(act.model_dump_json()) == act
