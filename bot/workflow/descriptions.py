"""What becomes of descriptions after they were posted: edited, deleted, taken as one with the next, or taken apart again.

    edited      the new version stands in the prompt at once; the note is written again when somebody asks for it
    deleted     text, turn and the model's answers to it leave the prompt; the note stays, and says so, until somebody
                has it written again or removes it
    joined      messages of one person in quick succession are one description: its note is written once more, in its place
    separate    the other reading, by a button: each message gets a note of its own

An answer leaves the prompt together with what it answered, so no training row has a prompt that lacks what its note was made from. An
edited answer that is deleted has become the note already: its lines stay as the counselor's words until the note is removed.
"""

from collections.abc import Sequence
from dataclasses import replace

from bot.domain.case import Case
from bot.domain.change import ChangeKind, NoteChange, open_change
from bot.domain.editing import Edits
from bot.domain.errors import NoteLocked, OutOfDate
from bot.domain.note import Note, Origin, Purpose
from bot.domain.reading import Reading
from bot.workflow.drafting import Drafting
from bot.workflow.editing import why
from bot.workflow.forgetting import forget_in_drafts, open_drafts
from bot.workflow.incoming import Deleted, Posted, RemoveNote, Separate, Stage, WriteAgain
from bot.workflow.ports import (
    CHANNEL_SIGNS,
    Channel,
    Clock,
    Guard,
    NoteView,
    Notice,
    Report,
    Sign,
    Store,
    StoredTurn,
    UnitOfWork,
    Work,
)
from bot.workflow.replies import Replies, case_and_note
from inference.prompt import TurnKind, reported

KIND_OF = {Reading.DESCRIPTION: TurnKind.DESCRIPTION, Reading.INFORMATION: TurnKind.INFORMATION}
"""The turn that a report became, where it became one of its own words."""


class Descriptions:
    """Takes these acts from pending to accepted where an answer is owed, to answered where only the note's message changes.

    Raises DomainError for what can't be done. `join_seconds`: how soon a message has to follow the one before to continue it; 0 is never.
    """

    def __init__(
        self, store: Store, channel: Channel, guard: Guard, drafting: Drafting, replies: Replies, clock: Clock, join_seconds: float = 0.0
    ) -> None:
        self._store, self._channel, self._guard, self._drafting, self._replies = store, channel, guard, drafting, replies
        self._clock, self._join_seconds = clock, join_seconds

    async def edited(self, work: Work, case: Case, note: Note, report: Report) -> Work:
        """A new version of a message that was read as a description or as information; the same reading holds for it."""
        if note.approval:
            raise NoteLocked
        kind = KIND_OF[report.reading]
        turn = await self._drafting.measure(reported(kind, report.text, case.language))
        async with self._store.begin() as uow:
            await uow.add_report(report)
            for stored in await uow.stored_turns(case.id):
                if stored.source_ts == report.source_ts and stored.turn.kind is kind:
                    await uow.rewrite_turn(case.id, replace(stored, turn=turn, source=report.source))
            await uow.add_change(case.id, self._change(note, report, ChangeKind.EDITED))
            owed = note.current is None and await _ask_anew(uow, case, note)  # nothing stands that somebody could want to keep
            return await uow.advance(work, Stage.ACCEPTED if owed else Stage.ANSWERED, note.id)

    async def deleted(self, work: Work, act: Deleted) -> Work:
        """A message is gone from Slack: what it said goes too."""
        async with self._store.begin() as uow:
            case = await uow.case_of(act.team_id, act.channel_id)
            report = await uow.report(case.id, act.ts) if case else None
            note = await uow.note(report.note_id) if report else None
            await uow.forget_posts(act.team_id, act.channel_id, act.ts)
            if case and report and note:
                await forget_in_drafts(uow, case.id, {act.ts})
                await uow.forget_message(case.id, act.ts)
                if report.reading is not Reading.EDITED:
                    await uow.remove_turns(case.id, _resting_on(await uow.stored_turns(case.id), note, act.ts))
                await uow.add_change(case.id, self._change(note, report, ChangeKind.DELETED))
            return await uow.advance(work, Stage.ANSWERED, note.id if note else None)

    async def write_again(self, work: Work, act: WriteAgain) -> Work:
        """The note anew, from what is left and as it reads now."""
        async with self._store.begin() as uow:
            case, note = await case_and_note(uow, work, act.note_id)
            if case and note:
                if note.approval:
                    raise NoteLocked
                if open_change(note, await uow.changes(note.id)) is None:
                    raise OutOfDate
                if await _ask_anew(uow, case, note):
                    return await uow.advance(work, Stage.ACCEPTED, note.id)
        sign = Sign.NOTHING_LEFT if note else Sign.GONE
        return await self._replies.refuse(work, Notice(sign, await self._replies.language(work)))

    async def remove_note(self, work: Work, act: RemoveNote) -> Work:
        """All that a note says and rests on is removed."""
        async with self._store.begin() as uow:
            case, note = await case_and_note(uow, work, act.note_id)
            if case and note and note.purpose is Purpose.ANSWER:
                if note.current is None or note.current.id != act.revision_id:
                    raise OutOfDate
                reports = await uow.reports_of(note.id)
                await forget_in_drafts(uow, case.id, {report.source_ts for report in reports})
                for report in reports:
                    await uow.add_change(case.id, self._change(note, report, ChangeKind.DELETED))
                await uow.empty_note(note)
                return await uow.advance(work, Stage.ANSWERED, note.id)
        return await self._replies.refuse(work, Notice(Sign.GONE, await self._replies.language(work)))

    async def show(self, work: Work, act: Deleted | RemoveNote) -> Work:
        """After something was deleted or removed: nothing of it stays in the database's files, and the messages say so where they may."""
        await self._store.scrub()
        refused = await self._guard.refusal(act.team_id, act.channel_id, act.user_id) in CHANNEL_SIGNS
        async with self._store.begin() as uow:
            case, note = await case_and_note(uow, work, work.note_id or "")
            view = await with_changes(uow, NoteView(note, case.language)) if case and note else None
            slots = await uow.slots_of(note.id) if note else ()
            drafts = await _shown_drafts(uow, case) if case and note else ()
        if case and note and view and not refused:
            if isinstance(act, RemoveNote):
                for slot in slots:
                    await self._channel.show(case, note, slot, Notice(Sign.NOTE_REMOVED, case.language))
            elif note.current and slots:
                await self._channel.show(case, note, slots[-1], view)
            for slot, draft in drafts:
                await self._channel.show(case, draft.note, slot, draft)
        return await self._replies.finish(work, work.note_id, Stage.DONE)

    async def continued(self, uow: UnitOfWork, case: Case, act: Posted) -> Note | None:
        """The note whose description a message goes on with; None where it is a description of its own.

        It goes on with the one before if the same person posted both within the set time, and no note was there to be read yet. A note that
        somebody worked on is never written anew by a new message.
        """
        if not self._join_seconds or act.alone or act.edited_ts:
            return None
        note = await uow.newest_answer(case.id)
        if note is None or note.acceptance or any(revision.author.origin is Origin.COUNSELOR for revision in note.revisions):
            return None
        parts = await uow.reports_of(note.id)
        if not parts or len(described_in(parts)) < len(parts) or parts[-1].author_id != act.user_id:
            return None
        soon = 0 < float(act.ts) - float(parts[-1].source_ts) <= self._join_seconds
        unread = note.current is None or float(act.ts) < note.current.created_at.timestamp()
        return note if soon and unread else None

    async def join(self, work: Work, act: Posted, case: Case, note: Note) -> Work:
        """One more message of the same description."""
        turn = await self._drafting.measure(reported(TurnKind.DESCRIPTION, act.text, case.language))
        report = Report(case.id, note.id, act.ts, act.ts, act.user_id, Reading.DESCRIPTION, act.text)
        async with self._store.begin() as uow:
            await uow.add_report(report)
            await uow.add_turn(note, turn, source=report.source)
            await _ask_anew(uow, case, note)
            return await uow.advance(work, Stage.ACCEPTED, note.id)

    async def separate(self, work: Work, act: Separate) -> Work:
        """The first message keeps the note; the others go back to the inbox, each to be answered by itself."""
        async with self._store.begin() as uow:
            case, note = await case_and_note(uow, work, act.note_id)
            if case and note:
                others = described_in(await uow.reports_of(note.id))[1:]
                if note.approval or not others or note.current is None or note.current.id != act.revision_id:
                    raise OutOfDate
                for report in others:
                    await uow.remove_turns(case.id, _read_from(await uow.stored_turns(case.id), note, report.source_ts))
                    await uow.forget_message(case.id, report.source_ts)
                    await uow.put_back(_by_itself(case, report))
                await _ask_anew(uow, case, note)
                return await uow.advance(work, Stage.ACCEPTED, note.id)
        return await self._replies.refuse(work, Notice(Sign.GONE, await self._replies.language(work)))

    def _change(self, note: Note, report: Report, kind: ChangeKind) -> NoteChange:
        return NoteChange(note.id, report.source_ts, kind, report.reading, len(note.revisions), self._clock())


async def with_changes(uow: UnitOfWork, view: NoteView, edits: Edits | None = None) -> NoteView:
    """The view of a note with what became of the messages it rests on, of how many its description was made, and what asks for a reason.

    `edits` are those of the note, where they were read already.
    """
    note = view.note
    change, reports = open_change(note, await uow.changes(note.id)), await uow.reports_of(note.id)
    left = note.purpose is Purpose.SUMMARY or any(report.reading in KIND_OF for report in reports)
    edited = why(note, edits or await uow.edits(note.id))
    return replace(view, change=change, may_rewrite=left, messages=max(1, len(described_in(reports))), why=edited)


async def _shown_drafts(uow: UnitOfWork, case: Case) -> Sequence[tuple[str, NoteView]]:
    """The drafts that may have lost lines, with the slots of their messages."""
    drafts = [draft for draft in open_drafts(await uow.notes(case.id)) if draft.current]
    found = [(await uow.latest_slot(draft.id), await with_changes(uow, NoteView(draft, case.language))) for draft in drafts]
    return [(slot, view) for slot, view in found if slot]


def described_in(reports: Sequence[Report]) -> Sequence[Report]:
    """Of a note's reports those that are its description."""
    return [report for report in reports if report.reading is Reading.DESCRIPTION]


async def _ask_anew(uow: UnitOfWork, case: Case, note: Note) -> bool:
    """Moves all that was reported for a note to the end of the prompt, and takes the model's answers to it out; whether anything is left.

    Counselors' edits stay where they are: they are words of their own, and their items are kept in what comes.
    """
    turns = [stored for stored in await uow.stored_turns(case.id) if stored.note_id == note.id]
    readings = {report.source_ts: KIND_OF.get(report.reading) for report in await uow.reports_of(note.id)}
    asked: dict[str | None, StoredTurn] = {}
    for stored in turns:
        known = stored.turn.kind is TurnKind.SUMMARIZE or (stored.source_ts and readings.get(stored.source_ts) is stored.turn.kind)
        if known:
            asked[stored.source_ts] = stored  # the newest of a question that was asked more than once
    if not asked:
        return False
    await uow.remove_turns(case.id, [stored for stored in turns if stored.turn.kind is not TurnKind.EDITED])
    for stored in sorted(asked.values(), key=lambda stored: stored.position):
        await uow.add_turn(note, stored.turn, source=stored.source)
    return True


def _read_from(turns: Sequence[StoredTurn], note: Note, source_ts: str) -> list[StoredTurn]:
    """The note's turns that were read from a message."""
    return [stored for stored in turns if stored.note_id == note.id and stored.source_ts == source_ts]


def _resting_on(turns: Sequence[StoredTurn], note: Note, source_ts: str) -> list[StoredTurn]:
    """The note's turns that were read from a message, and the model's answers in that note since."""
    said = [stored for stored in _read_from(turns, note, source_ts) if stored.turn.kind is not TurnKind.EDITED]
    first = min((stored.position for stored in said), default=None)
    if first is None:
        return []
    answers = [stored for stored in turns if stored.note_id == note.id and stored.turn.kind is TurnKind.ANSWER]
    return [*said, *(stored for stored in answers if stored.position > first)]


def _by_itself(case: Case, report: Report) -> Posted:
    """A message of a joined description as a description of its own."""
    edited_ts = report.version if report.version != report.source_ts else None
    return Posted(
        team_id=case.team_id,
        channel_id=case.channel_id,
        user_id=report.author_id,
        at=report.source_ts,
        ts=report.source_ts,
        edited_ts=edited_ts,
        text=report.text,
        alone=True,
    )
