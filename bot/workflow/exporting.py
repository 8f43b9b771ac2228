"""`/phyassist export`: final notes as files in their threads.

Nothing is kept on the way: the files are written when it is their turn in the queue, from the notes as they stand then. Their names follow
from the act, so that an export which is begun again finds what Slack has already.
"""

import asyncio
from collections.abc import Sequence

from bot.domain.audit import AuditAction, AuditEntry
from bot.domain.case import Case
from bot.domain.note import Note, Purpose
from bot.domain.shared_file import SharedFile, file_name
from bot.workflow.incoming import ExportNotes, Stage
from bot.workflow.ports import Clock, Files, FileWriter, Notice, Sign, Store, Work
from bot.workflow.replies import Replies


class Exports:
    """Takes an export from pending to done."""

    def __init__(self, store: Store, files: Files, write: FileWriter, replies: Replies, clock: Clock) -> None:
        self._store, self._files, self._write, self._replies, self._clock = store, files, write, replies, clock

    async def take(self, work: Work, act: ExportNotes) -> Work:
        """Whether there is what somebody asked for."""
        case, notes = await self._chosen(act)
        if case is None or not notes or not act.file_types:
            return await self._replies.refuse(work, Notice(Sign.NOTHING_TO_EXPORT, await self._replies.language(work)))
        return await self._replies.finish(work, notes[0].id, Stage.ANSWERED)

    async def share(self, work: Work, act: ExportNotes) -> Work:
        """Each note's files, written, shared in its thread, and on the record."""
        case, notes = await self._chosen(act)
        shared = [note for note in notes if case and await self._share_one(case, note, act)]
        if case and len(shared) < len(notes):
            await self._replies.tell(work, Notice(Sign.NOT_EXPORTED, case.language))
        async with self._store.begin() as uow:
            for note in shared:
                entry = AuditEntry(
                    self._clock(), act.team_id, note.case_id, act.user_id, AuditAction.EXPORTED, note.id, "+".join(act.file_types)
                )
                await uow.record(entry)
            return await uow.advance(work, Stage.DONE)

    async def _share_one(self, case: Case, note: Note, act: ExportNotes) -> bool:
        day = (note.approval.at if note.approval else note.revisions[0].created_at).date()
        files = []
        for file_type in act.file_types:  # in a thread: a long note takes a while to lay out, and other cases must not wait for it
            content = await asyncio.to_thread(self._write, case, note, file_type)
            files.append(SharedFile(file_name(day, act.key, note.id, file_type), content))
        sign = Sign.EXPORTED if note.approval else Sign.DRAFT_EXPORTED
        return await self._files.share(case, note, files, Notice(sign, case.language, on=day, named=f"<@{act.user_id}>"))

    async def _chosen(self, act: ExportNotes) -> tuple[Case | None, Sequence[Note]]:
        async with self._store.begin() as uow:
            case = await uow.case_of(act.team_id, act.channel_id)
            notes = await uow.notes(case.id) if case else ()
        return case, [note for note in notes if note.id in act.note_ids and note.purpose is Purpose.SUMMARY and note.current]
