"""What counselors write, understood and stored as a turn of the case: descriptions, replies, edited notes, and replies read anew."""

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import replace

from bot.domain.arrangement import without_titles
from bot.domain.case import Case, guess_language
from bot.domain.errors import NoteLocked, NothingToRead
from bot.domain.note import Author, Note, Origin, Purpose, Revision, adopt
from bot.domain.reading import Reading, read_items, read_reply
from bot.workflow.attachments import Attachments
from bot.workflow.descriptions import KIND_OF, Descriptions
from bot.workflow.drafting import Drafting
from bot.workflow.final_notes import remembered
from bot.workflow.grounding import supported
from bot.workflow.incoming import HandedBack, Posted, Reread, Stage
from bot.workflow.ports import Clock, Notice, Report, Sign, Store, UnitOfWork, Work
from bot.workflow.replies import Replies, case_and_note
from inference.note import Language, NoteItem, clean_text
from inference.prompt import Turn, TurnKind, handed_back, reported


class Posts:
    """Takes an act from pending to accepted, where the model owes an answer; a corrected summary to answered, what asks nothing to done.

    Each public method raises DomainError for what can't be taken; `Conversation` says so.
    """

    def __init__(
        self,
        store: Store,
        drafting: Drafting,
        replies: Replies,
        clock: Clock,
        default_language: Language,
        descriptions: Descriptions,
        attachments: Attachments | None = None,
    ) -> None:
        self._store, self._drafting, self._replies, self._descriptions = store, drafting, replies, descriptions
        self._clock, self._default_language, self._attachments = clock, default_language, attachments

    async def posted(self, work: Work, act: Posted) -> Work:
        """A message, or an edit of one."""
        if act.files and self._attachments:
            act = act.model_copy(update={"text": await self._attachments.whole_text(act)})
        if not clean_text(act.text):
            sign = Sign.FILES_ONLY if act.has_files else Sign.EMPTY
            return await self._replies.refuse(work, Notice(sign, await self._replies.language(work)))
        is_reply = act.thread_ts not in {None, act.ts}
        async with self._store.begin() as uow:
            case = await uow.case_of(act.team_id, act.channel_id)
            before = await uow.report(case.id, act.ts) if case else None
            note = await self._note_of(uow, case, act, before) if case else None
            not_taken = is_reply and note is None and await uow.was_posted(act.team_id, act.channel_id, act.thread_ts or "")
            gone = await uow.was_deleted(act.team_id, act.channel_id, act.ts)
            continued = await self._descriptions.continued(uow, case, act) if case and not is_reply and before is None else None
        if gone or (before and (before.text == act.text or (act.edited_ts or act.ts) < before.version)):
            # deleted while it waited, an edit that changed nothing, or a late delivery of an older version
            return await self._replies.finish(work, before.note_id if before else None, Stage.DONE)
        if is_reply and (case is None or note is None):
            if not_taken:  # below a description that was refused: it has nothing to add to
                return await self._replies.refuse(work, Notice(Sign.NOT_TAKEN, await self._replies.language(work)))
            return await self._replies.finish(work, None, Stage.DONE)  # people talk in other threads too
        if case and note and before and before.reading in KIND_OF and not _is_list_now(act, before, note):
            return await self._descriptions.edited(work, case, note, _report(case, note, act, before.reading))
        if case and note:
            return await self._replied(work, case, note, act)
        if case and continued:
            return await self._descriptions.join(work, act, case, continued)
        return await self._described(work, act, case)

    async def _note_of(self, uow: UnitOfWork, case: Case, act: Posted, before: Report | None) -> Note | None:
        """The note that a message belongs to: as its older version did, as its thread's note, or below one message of several."""
        if before:
            return await uow.note(before.note_id)
        note = await uow.note_in_thread(case.id, act.thread_ts or act.ts)
        head = await uow.report(case.id, act.thread_ts) if note is None and act.thread_ts else None
        return await uow.note(head.note_id) if head else note

    async def _described(self, work: Work, act: Posted, case: Case | None) -> Work:
        settled = case and case.language_settled  # until somebody chose one, the first description does
        usual = case.language if case else self._default_language
        language = usual if settled else guess_language(act.text, usual)
        turn = await self._drafting.measure(reported(TurnKind.DESCRIPTION, act.text, language))
        async with self._store.begin() as uow:
            if case is None:  # without an invitation that came through, its card is owed, too
                case = replace(
                    await uow.open_case(act.team_id, act.channel_id, language, self._clock(), opened_by=act.user_id), welcomed=False
                )
                await uow.save_case(case)
            if not case.language_settled:
                case = replace(case, language=language, language_settled=True)
                await uow.save_case(case)
            note = Note(uuid.uuid4().hex, case.id, Purpose.ANSWER, act.ts)
            report = _report(case, note, act, Reading.DESCRIPTION)
            await uow.add_note(note)
            await uow.add_report(report)
            await uow.add_turn(note, turn, source=report.source)
            return await uow.advance(work, Stage.ACCEPTED, note.id)

    async def _replied(self, work: Work, case: Case, note: Note, act: Posted) -> Work:
        if note.approval:
            raise NoteLocked
        # first: an edit may be longer than information. In a thread of its own, as a long one takes a while to compare with the note
        reading = await asyncio.to_thread(read_reply, act.text, note.items)
        if reading is Reading.EDITED:
            return await self._edited(work, case, note, read_items(act.text, note.items), _report(case, note, act, reading))
        turn = await self._drafting.measure(reported(TurnKind.INFORMATION, act.text, case.language))
        async with self._store.begin() as uow:
            report = _report(case, note, act, reading)
            await uow.add_report(report)
            await uow.add_turn(note, turn, source=report.source)
            return await uow.advance(work, Stage.ACCEPTED, note.id)

    async def _edited(self, work: Work, case: Case, note: Note, lines: Sequence[NoteItem], report: Report | None) -> Work:
        """A counselor's version becomes the newest revision. An answer is asked for what it lacks; a corrected summary just stands."""
        if note.format:
            lines = without_titles(note.format, lines)
        if not lines:
            raise NothingToRead
        async with self._store.begin() as uow:
            described = [each for each in await uow.described(case.id) if report is None or each.source.id != report.source_ts]
        items = await supported(note, case.language, described, adopt(lines, note.items))
        author = Author(Origin.COUNSELOR, work.act.user_id)
        revision = Revision(uuid.uuid4().hex, len(note.revisions) + 1, author, items, self._clock())
        revised = note.revise(revision)
        turn: Turn | None
        if note.purpose is Purpose.SUMMARY:
            turn = await remembered(self._drafting, items, case.language)
        else:
            turn = handed_back(TurnKind.EDITED, [NoteItem(item.kind, item.text) for item in items], case.language)
            turn = await self._drafting.measure(turn)
        async with self._store.begin() as uow:
            await uow.add_revision(revised, revision)
            if turn:
                await uow.add_turn(note, turn, revision.id, report.source if report else None)
            if report:
                await uow.add_report(report)
            return await uow.advance(work, Stage.ACCEPTED if note.purpose is Purpose.ANSWER else Stage.ANSWERED, note.id)

    async def handed_back(self, work: Work, act: HandedBack) -> Work:
        """A note that somebody edited in the modal, or marked as edited."""
        async with self._store.begin() as uow:
            case, note = await case_and_note(uow, work, act.note_id)
        if case is None or note is None:
            return await self._replies.refuse(work, Notice(Sign.GONE, await self._replies.language(work)))
        return await self._edited(work, case, note, note.merge_edit(act.items, act.base_revision_id), None)

    async def reread(self, work: Work, act: Reread) -> Work:
        """A reply that was meant the other way."""
        async with self._store.begin() as uow:
            case, note = await case_and_note(uow, work, act.note_id)
            report = await uow.report(case.id, act.source_ts) if case else None
        if case is None or note is None or report is None:
            return await self._replies.refuse(work, Notice(Sign.GONE, await self._replies.language(work)))
        if note.approval:
            raise NoteLocked
        if report.reading is act.reading:
            return await self._replies.finish(work, note.id, Stage.DONE)
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


def _before_edit(note: Note, report: Report) -> Revision | None:
    """The revision that a report, read as an edit, replaced; None if somebody edited since: their words must stay."""
    edit = note.newest_edit()
    if edit is None or edit[1].author.name != report.author_id:
        return None
    before, after = edit
    return before if after.items == adopt(read_items(report.text, before.items), before.items) else None


def _is_list_now(act: Posted, before: Report, note: Note) -> bool:
    """Whether information was edited into an edited answer, which is taken up at once as any other."""
    return before.reading is Reading.INFORMATION and read_reply(act.text, note.items) is Reading.EDITED


def _report(case: Case, note: Note, act: Posted, reading: Reading) -> Report:
    return Report(case.id, note.id, act.ts, act.edited_ts or act.ts, act.user_id, reading, act.text)
