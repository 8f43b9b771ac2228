"""One message, from the inbox to the thread: the story that everything else in this package is a detail of.

    pending    → guard → understood, stored as a turn of the case           → accepted
    accepted   → prompt → model, note grows live → new revision stored      → answered
    answered   → the final note shown with its buttons                      → done

Each arrow ends in one committed transaction, so a bot killed anywhere begins again at the last one.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from bot.domain.case import Case, guess_language
from bot.domain.errors import CaseOutOfDate, DomainError, NotAllowed, NoteLocked, NothingToRead, NothingToSummarize, OutOfDate, TooLong
from bot.domain.note import Author, Item, Note, Origin, Purpose, Revision, adopt
from bot.domain.reading import Reading, read_items, read_reply
from bot.workflow.case_changes import apply_change, what_holds
from bot.workflow.drafting import Drafting, check_channel, slot_of
from bot.workflow.incoming import Accept, Approve, CaseChanged, HandedBack, Joined, Posted, Reread, Stage, Summarize, TryAgain
from bot.workflow.ports import Channel, Clock, Guard, NoteView, Notice, Report, Sign, Store, UnitOfWork, Work
from bot.workflow.summarizing import session_items
from inference.note import Language, NoteItem, clean_text
from inference.prompt import Turn, TurnKind, handed_back, reported

_SIGNS: dict[type[DomainError], Sign] = {
    NothingToRead: Sign.EMPTY,
    TooLong: Sign.TOO_LONG,
    NotAllowed: Sign.GONE,
    NoteLocked: Sign.LOCKED,
    OutOfDate: Sign.OUT_OF_DATE,
    CaseOutOfDate: Sign.CASE_OUT_OF_DATE,
    NothingToSummarize: Sign.NOTHING_TO_SUMMARIZE,
}


class Conversation:
    """Handles what people do in case channels, one act at a time a channel."""

    def __init__(self, store: Store, channel: Channel, guard: Guard, drafting: Drafting, clock: Clock, default_language: Language) -> None:
        self._store, self._channel, self._guard, self._drafting = store, channel, guard, drafting
        self._clock, self._default_language = clock, default_language

    async def handle(self, work: Work) -> Work:
        """Takes one act one stage further, and says how far it is now."""
        match work.stage:
            case Stage.PENDING:
                return await self._accept(work)
            case Stage.ACCEPTED:
                return await self._unless_refused(work, self._drafting.answer)
            case Stage.ANSWERED:
                return await self._unless_refused(work, self._show)
            case Stage.DONE | Stage.FAILED:
                return work

    async def give_up(self, work: Work) -> None:
        """Tells whoever posted that their act could not be handled."""
        await self._tell(work, Notice(Sign.NO_ANSWER, await self._language(work)))

    async def _unless_refused(self, work: Work, step: Callable[[Work], Awaitable[Work]]) -> Work:
        try:
            return await step(work)
        except NotAllowed as error:
            return await self._refuse(work, Notice(Sign(error.reason), await self._language(work)))

    async def _accept(self, work: Work) -> Work:
        act = work.act
        refusal = await self._guard.refusal(act.team_id, act.channel_id, act.user_id)
        if refusal:
            return await self._refuse(work, Notice(refusal, await self._language(work)))
        try:
            return await self._understand(work)
        except DomainError as error:
            number = error.limit if isinstance(error, TooLong) else 0
            return await self._refuse(work, Notice(_SIGNS[type(error)], await self._language(work), number))

    async def _understand(self, work: Work) -> Work:
        match work.act:
            case Posted():
                return await self._posted(work, work.act)
            case HandedBack():
                return await self._handed_back(work, work.act)
            case Reread():
                return await self._reread(work, work.act)
            case TryAgain():
                return await self._try_again(work, work.act)
            case Summarize():
                return await self._summarize(work)
            case Approve():
                return await self._approve(work, work.act)
            case Accept():
                return await self._accept_note(work, work.act)
            case CaseChanged():
                return await self._change_case(work, work.act)
            case Joined():
                return await self._greet(work)

    # what each act means

    async def _posted(self, work: Work, act: Posted) -> Work:
        if not clean_text(act.text):
            return await self._refuse(work, Notice(Sign.FILES_ONLY if act.has_files else Sign.EMPTY, await self._language(work)))
        is_reply = act.thread_ts not in {None, act.ts}
        async with self._store.begin() as uow:
            case = await uow.case_of(act.team_id, act.channel_id)
            note = await uow.note_in_thread(case.id, act.thread_ts or act.ts) if case else None
            before = await uow.report(case.id, act.ts) if case else None
            not_taken = is_reply and note is None and await uow.was_posted(act.team_id, act.channel_id, act.thread_ts or "")
        if before and (before.text == act.text or (act.edited_ts or act.ts) < before.version):
            # an edit that changed nothing, or a late delivery of an older version
            return await self._finish(work, before.note_id, Stage.DONE)
        if is_reply and (case is None or note is None):
            if not_taken:  # below a description that was refused: it has nothing to add to
                return await self._refuse(work, Notice(Sign.NOT_TAKEN, await self._language(work)))
            return await self._finish(work, None, Stage.DONE)  # people talk in other threads too
        if case and note:
            return await self._replied(work, case, note, act, None if is_reply else Reading.INFORMATION)  # no reply: an edited description
        return await self._described(work, act, case)

    async def _described(self, work: Work, act: Posted, case: Case | None) -> Work:
        language = case.language if case else guess_language(act.text, self._default_language)
        turn = await self._drafting.measure(reported(TurnKind.DESCRIPTION, act.text, language))
        async with self._store.begin() as uow:
            case = case or await uow.open_case(act.team_id, act.channel_id, language, self._clock())
            note = Note(uuid.uuid4().hex, case.id, Purpose.ANSWER, act.ts)
            report = _report(case, note, act, Reading.DESCRIPTION)
            await uow.add_note(note)
            await uow.add_report(report)
            await uow.add_turn(note, turn, source=report.source)
            return await uow.advance(work, Stage.ACCEPTED, note.id)

    async def _replied(self, work: Work, case: Case, note: Note, act: Posted, reading: Reading | None = None) -> Work:
        if note.approval:
            raise NoteLocked
        # first: an endless reply is refused before it is compared with the note line by line
        turn = await self._drafting.measure(reported(TurnKind.INFORMATION, act.text, case.language))
        reading = reading or read_reply(act.text, note.items)
        if reading is Reading.EDITED:
            return await self._edited(work, case, note, read_items(act.text, note.items), _report(case, note, act, reading))
        async with self._store.begin() as uow:
            report = _report(case, note, act, reading)
            await uow.add_report(report)
            await uow.add_turn(note, turn, source=report.source)
            return await uow.advance(work, Stage.ACCEPTED, note.id)

    async def _edited(self, work: Work, case: Case, note: Note, lines: Sequence[NoteItem], report: Report | None) -> Work:
        """A counselor's version becomes the newest revision. An answer is asked for what it lacks; a corrected summary just stands."""
        if not lines:
            raise NothingToRead
        items = adopt(lines, note.items)
        author = Author(Origin.COUNSELOR, work.act.user_id)
        revision = Revision(uuid.uuid4().hex, len(note.revisions) + 1, author, items, self._clock())
        revised = note.revise(revision)
        turn = handed_back(TurnKind.EDITED, [NoteItem(item.kind, item.text) for item in items], case.language)
        turn = await self._drafting.measure(turn)
        async with self._store.begin() as uow:
            await uow.add_revision(revised, revision)
            await uow.add_turn(note, turn, revision.id, report.source if report else None)
            if report:
                await uow.add_report(report)
            return await uow.advance(work, Stage.ACCEPTED if note.purpose is Purpose.ANSWER else Stage.ANSWERED, note.id)

    async def _handed_back(self, work: Work, act: HandedBack) -> Work:
        async with self._store.begin() as uow:
            case, note = await self._case_and_note(uow, work, act.note_id)
        if case is None or note is None:
            return await self._refuse(work, Notice(Sign.GONE, await self._language(work)))
        return await self._edited(work, case, note, note.merge_edit(act.items, act.base_revision_id), None)

    async def _reread(self, work: Work, act: Reread) -> Work:
        async with self._store.begin() as uow:
            case, note = await self._case_and_note(uow, work, act.note_id)
            report = await uow.report(case.id, act.source_ts) if case else None
        if case is None or note is None or report is None:
            return await self._refuse(work, Notice(Sign.GONE, await self._language(work)))
        if note.approval:
            raise NoteLocked
        if report.reading is act.reading:
            return await self._finish(work, note.id, Stage.DONE)
        again = replace(report, reading=act.reading)
        if act.reading is Reading.EDITED:
            return await self._edited(work, case, note, read_items(report.text, note.items), again)
        turn = await self._drafting.measure(reported(TurnKind.INFORMATION, report.text, case.language))
        async with self._store.begin() as uow:
            before = _before_edit(note, report)
            if before:  # the version which that edit replaced is the newest one again
                revision = Revision(uuid.uuid4().hex, len(note.revisions) + 1, before.author, before.items, self._clock())
                await uow.add_revision(note.revise(revision), revision)
            await uow.add_report(again)
            await uow.add_turn(note, turn, source=again.source)
            return await uow.advance(work, Stage.ACCEPTED, note.id)

    async def _try_again(self, work: Work, act: TryAgain) -> Work:
        """The same question once more; as a new turn if the case has gone on since."""
        async with self._store.begin() as uow:
            case, note = await self._case_and_note(uow, work, act.note_id)
            asked = await uow.turn_of(act.note_id) if note else None
            if case and note and asked:
                if note.approval:
                    raise NoteLocked
                if (await uow.stored_turns(case.id))[-1] != asked:
                    await uow.add_turn(note, asked.turn, asked.revision_id, asked.source)
                return await uow.advance(work, Stage.ACCEPTED, note.id)
        return await self._refuse(work, Notice(Sign.GONE, await self._language(work)))

    async def _summarize(self, work: Work) -> Work:
        async with self._store.begin() as uow:
            case = await uow.case_of(work.act.team_id, work.act.channel_id)
            notes = await uow.notes(case.id) if case else ()
        items = await asyncio.to_thread(session_items, notes)
        if case is None or not items:
            raise NothingToSummarize
        turn = await self._summary_turn(items, case.language)
        async with self._store.begin() as uow:
            note = Note(uuid.uuid4().hex, case.id, Purpose.SUMMARY, None)
            await uow.add_note(note)
            await uow.add_turn(note, turn)
            return await uow.advance(work, Stage.ACCEPTED, note.id)

    async def _summary_turn(self, items: Sequence[Item], language: Language) -> Turn:
        """The notes of a session as one turn; if they are too long, the newest. Counselors' lines are in the final note anyway."""
        while True:
            try:
                turn = handed_back(TurnKind.SUMMARIZE, [NoteItem(item.kind, item.text) for item in items], language)
                return await self._drafting.measure(turn)
            except TooLong:
                if len(items) == 1:
                    raise
                items = items[len(items) // 4 + 1 :]

    async def _approve(self, work: Work, act: Approve) -> Work:
        async with self._store.begin() as uow:
            case, note = await self._case_and_note(uow, work, act.note_id)
            if case and note:
                await uow.add_approval(note.approve(act.user_id, act.revision_id, self._clock()))
                return await uow.advance(work, Stage.ANSWERED, note.id)
        return await self._refuse(work, Notice(Sign.GONE, await self._language(work)))

    async def _accept_note(self, work: Work, act: Accept) -> Work:
        async with self._store.begin() as uow:
            case, note = await self._case_and_note(uow, work, act.note_id)
            if case and note:
                await uow.add_acceptance(note.accept(act.user_id, act.revision_id, self._clock()))
                return await uow.advance(work, Stage.ANSWERED, note.id)
        return await self._refuse(work, Notice(Sign.GONE, await self._language(work)))

    async def _change_case(self, work: Work, act: CaseChanged) -> Work:
        async with self._store.begin() as uow:
            case = await uow.case_of(act.team_id, act.channel_id)
            file = await uow.case_file(case.id) if case and case.id == act.case_id else None
            if file:
                await apply_change(uow, file, act, self._clock())
                return await uow.advance(work, Stage.ANSWERED)
        return await self._refuse(work, Notice(Sign.CASE_GONE, await self._language(work)))

    # what people see of it

    async def _show(self, work: Work) -> Work:
        await check_channel(self._guard, work)
        act = work.act
        if isinstance(act, CaseChanged):
            return await self._say_what_holds(work, act)
        source_ts = act.ts if isinstance(act, Posted) else act.source_ts if isinstance(act, Reread) else None
        async with self._store.begin() as uow:
            case, note = await self._case_and_note(uow, work, work.note_id or "")
            report = await uow.report(case.id, source_ts) if case and source_ts else None
            slot = await slot_of(uow, work, note) if note else ""
        if case and note:
            view = NoteView(note, case.language, report.reading if report else None, report.source_ts if report else None)
            await self._channel.show(case, note, slot, view)
        return await self._finish(work, work.note_id, Stage.DONE)

    async def _say_what_holds(self, work: Work, act: CaseChanged) -> Work:
        async with self._store.begin() as uow:
            file = await uow.case_file(act.case_id)
        await self._tell(work, what_holds(file) if file else Notice(Sign.CASE_GONE, await self._language(work)))
        return await self._finish(work, None, Stage.DONE)

    async def _greet(self, work: Work) -> Work:
        await self._channel.greet(work.act.channel_id, f"joined-{work.act.at}", Notice(Sign.WELCOME, self._default_language))
        return await self._finish(work, None, Stage.DONE)

    async def _refuse(self, work: Work, notice: Notice) -> Work:
        await self._tell(work, notice)
        return await self._finish(work, None, Stage.DONE)

    async def _tell(self, work: Work, notice: Notice) -> None:
        thread_ts = work.act.thread_ts if isinstance(work.act, Posted) else None
        await self._channel.tell(work.act.channel_id, work.act.user_id, notice, thread_ts)

    async def _finish(self, work: Work, note_id: str | None, stage: Stage) -> Work:
        async with self._store.begin() as uow:
            return await uow.advance(work, stage, note_id)

    async def _case_and_note(self, uow: UnitOfWork, work: Work, note_id: str) -> tuple[Case | None, Note | None]:
        """The case of the channel and a note of that case: a button that was carried to another channel finds nothing."""
        case = await uow.case_of(work.act.team_id, work.act.channel_id)
        note = await uow.note(note_id)
        return case, note if case and note and note.case_id == case.id else None

    async def _language(self, work: Work) -> Language:
        async with self._store.begin() as uow:
            case = await uow.case_of(work.act.team_id, work.act.channel_id)
        if case:
            return case.language
        return guess_language(work.act.text, self._default_language) if isinstance(work.act, Posted) else self._default_language


def _before_edit(note: Note, report: Report) -> Revision | None:
    """The revision that a report, read as an edit, replaced; None if somebody edited since: their words must stay."""
    edit = note.newest_edit()
    if edit is None or edit[1].author.name != report.author_id:
        return None
    before, after = edit
    return before if after.items == adopt(read_items(report.text, before.items), before.items) else None


def _report(case: Case, note: Note, act: Posted, reading: Reading) -> Report:
    return Report(case.id, note.id, act.ts, act.edited_ts or act.ts, act.user_id, reading, act.text)
