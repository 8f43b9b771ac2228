"""What a deleted message leaves nowhere else: not in drafts of final notes, not in their forms, and not beside notes that are gone."""

from sqlalchemy import text

from bot.domain.editing import ItemChange
from bot.domain.formats import Takes
from bot.domain.note import Note, Purpose
from bot.domain.questions import Outcome
from bot.workflow.incoming import (
    Approve,
    EnteredLine,
    Felt,
    ItemChanged,
    QuestionsTicked,
    ReasonStated,
    RemoveNote,
    SectionsCorrected,
    Summarize,
    Tick,
)
from bot.workflow.ports import NoteView, Sign
from inference.note import Kind, NoteItem
from tests.bot.test_changed_descriptions import SECRET, WHO, a_desk, deletion, edited, on_disk, removal
from tests.bot.test_conversation import FIRST, MORE, Desk
from tests.support.builders import NOW, a_post
from training.data.records import Reason

COMMON = "She came on time."


async def notes(desk: Desk) -> list[Note]:
    """All notes of the case, as they are stored."""
    async with desk.database.begin() as uow:
        (case,) = await uow.cases()
        return list(await uow.notes(case.id))


async def final_notes(desk: Desk) -> list[Note]:
    """Its final notes."""
    return [note for note in await notes(desk) if note.purpose is Purpose.SUMMARY]


def reported(note: Note) -> list[list[str]]:
    """The lines of what was reported, revision by revision."""
    return [[item.text for item in revision.items if item.section == "subjective"] for revision in note.revisions]


def correction(note: Note, *lines: str, source: str = "V1", base: Note | None = None) -> SectionsCorrected:
    """The form of a note, submitted with these lines as what was reported, as somebody opened it on `base`."""
    seen = (base or note).current
    assert seen
    entered = [EnteredLine(section="subjective", takes=Takes.REPORTED, text=line) for line in lines]
    places = {Kind.ANALYSIS: ("assessment", Takes.ANALYSIS), Kind.ADVICE: ("plan", Takes.ADVICE), Kind.QUESTION: ("plan", Takes.QUESTIONS)}
    for item in note.items:
        if not item.section:
            section, takes = places[item.kind]
            entered.append(EnteredLine(section=section, takes=takes, text=item.text))
    entered.append(EnteredLine(section="objective", takes=Takes.OWN, text="Seems tired."))
    return SectionsCorrected(
        **WHO, note_id=note.id, base_revision_id=seen.id, base_hash=seen.content_hash, lines=tuple(entered), source=source
    )


async def counted(desk: Desk, table: str) -> int:
    """How many rows a table has."""
    async with desk.database.begin() as uow:
        return int((await (await uow._session.connection()).execute(text(f"SELECT count(*) FROM {table}"))).scalar_one())


async def test_a_deleted_description_leaves_the_drafts(store_url: str) -> None:
    """All versions of its lines go from all versions of a draft, from its message and from its form; other lines stay."""
    async with a_desk(store_url, MORE, MORE, FIRST) as desk:
        kept, post = a_post(f"{COMMON}\nShe sleeps badly."), a_post(f"{COMMON}\n{SECRET}\nQuillfeather shouts.")
        await desk.do(kept)
        await desk.do(post)
        await desk.do(edited(post, f"{COMMON}\nQuillfeather shouts."))
        await desk.do(Summarize(**WHO, trigger="1", format="soap"))
        await desk.do(edited(post, f"{COMMON}\nNow it is quiet.", "1800000000.2"))
        (draft,) = await final_notes(desk)
        await desk.do(correction(draft, *reported(draft)[0], "In my own words."))
        (draft,) = await final_notes(desk)
        assert reported(draft)[0] == [COMMON, "She sleeps badly.", "Quillfeather shouts."]
        async with desk.database.begin() as uow:
            await uow.keep_draft(draft, "V9", {"line": "Quillfeather shouts."}, NOW)
        desk.channel.shown.clear()
        await desk.do(deletion(post))
        (left,) = await final_notes(desk)
        assert reported(left) == [[COMMON, "She sleeps badly."], [COMMON, "She sleeps badly.", "In my own words."]]
        assert [len(revision.items) for revision in left.revisions] == [len(revision.items) - 1 for revision in draft.revisions]
        assert await counted(desk, "edit_draft") == 0
        assert not await on_disk(desk, store_url, "Quillfeather")
        shown = [view for view in desk.channel.shown.values() if isinstance(view, NoteView) and view.note.id == draft.id]
        assert [view.note for view in shown] == [left]
        assert left.current
        await desk.do(Approve(**WHO, note_id=left.id, revision_id=left.current.id))
        (approved,) = await final_notes(desk)
        assert approved.approval
        assert approved.approval.content_hash == left.current.content_hash


async def test_an_approved_note_keeps_its_lines(store_url: str) -> None:
    """Somebody put their name to it: its revisions and its message are as they were."""
    async with a_desk(store_url, MORE, FIRST) as desk:
        post = a_post(SECRET)
        await desk.do(post)
        await desk.do(Summarize(**WHO, trigger="1", format="soap"))
        (draft,) = await final_notes(desk)
        await desk.do(correction(draft, SECRET))
        (draft,) = await final_notes(desk)
        assert draft.current
        await desk.do(Approve(**WHO, note_id=draft.id, revision_id=draft.current.id))
        before = await final_notes(desk)
        desk.channel.shown.clear()
        await desk.do(deletion(post))
        assert await final_notes(desk) == before
        assert reported(before[0])[-1] == [SECRET]
        assert [view.note.id for view in desk.channel.shown.values() if isinstance(view, NoteView)] != [draft.id]


async def test_a_form_that_was_open_does_not_bring_the_lines_back(store_url: str) -> None:
    """It is refused; opened anew, it is taken."""
    async with a_desk(store_url, FIRST, MORE) as desk:
        post = a_post(SECRET)
        await desk.do(post)
        await desk.do(Summarize(**WHO, trigger="1", format="soap"))
        (open_form,) = await final_notes(desk)
        await desk.do(deletion(post))
        await desk.do(correction(open_form, SECRET))
        assert desk.channel.notices == [Sign.OUT_OF_DATE]
        (draft,) = await final_notes(desk)
        assert reported(draft) == [[]]
        await desk.do(correction(draft, "Sleeps badly.", source="V2"))
        assert reported((await final_notes(desk))[0])[-1] == ["Sleeps badly."]


async def test_a_removed_note_takes_its_replies_from_the_drafts(store_url: str) -> None:
    """What was said in its thread goes with it, also where two of its messages say the same."""
    async with a_desk(store_url, FIRST, MORE, FIRST, MORE) as desk:
        first, post = a_post("She sleeps badly."), a_post("Another day.")
        await desk.do(first)
        await desk.do(post)
        for _ in range(2):
            await desk.do(a_post(SECRET, thread_ts=post.ts))
            desk.model.answers.append(MORE)
        await desk.do(Summarize(**WHO, trigger="1", format="dap"))
        (draft,) = await final_notes(desk)
        assert SECRET in [item.text for item in draft.items]
        note = (await notes(desk))[1]
        assert note.current
        await desk.do(deletion(post))
        await desk.do(RemoveNote(**WHO, note_id=note.id, revision_id=note.current.id))
        (left,) = await final_notes(desk)
        assert [item.text for item in left.items if item.section] == ["She sleeps badly."]


async def test_nothing_stays_beside_a_removed_note(store_url: str) -> None:
    """Taps, reasons, thumbs, questions and their ticks go with its revisions; a question that another note asks stays ticked off."""
    only_here = [*FIRST, NoteItem(Kind.QUESTION, "Who is Quillfeather to her family?")]
    async with a_desk(store_url, FIRST, only_here) as desk:
        await desk.do(a_post("She sleeps badly."))
        await desk.do(a_post(SECRET))
        note = desk.newest.note
        async with desk.database.begin() as uow:
            (case,) = await uow.cases()
            ticks = tuple(Tick(name=each.name, outcome=Outcome.ANSWERED) for each in await uow.open_questions(case.id))
        assert len(ticks) == 2
        await desk.do(QuestionsTicked(**WHO, case_id=case.id, ticks=ticks, source="V1"))
        assert note.current
        seen = {**WHO, "note_id": note.id, "revision_id": note.current.id}
        await desk.do(ItemChanged(**seen, place=0, change=ItemChange.DROPPED))
        await desk.do(Felt(**seen, good=False))
        await desk.do(ReasonStated(**seen, reason=next(iter(Reason))))
        about = ("item_change", "feedback", "edit_reason")
        assert [await counted(desk, table) for table in (*about, "question", "ticked_question")] == [1, 1, 1, 3, 2]
        await desk.do(removal(desk))
        assert [await counted(desk, table) for table in (*about, "question", "ticked_question")] == [0, 0, 0, 1, 1]
