"""`/phyassist export`: final notes as files in their threads.

Nothing is kept on the way: the files are written when it is their turn in the queue, from the notes as they stand then. Their names follow
from the act, so that an export which is begun again finds what Slack has already.
"""

import asyncio
from collections.abc import Sequence

from bot.domain.case import Case
from bot.domain.note import Note, Purpose
from bot.domain.shared_file import SharedFile, file_name
from bot.workflow.incoming import ExportNotes, Stage
from bot.workflow.ports import Files, FileWriter, Notice, Sign, Store, Work
from bot.workflow.replies import Replies


class Exports:
    """Takes an export from pending to done."""

    def __init__(self, store: Store, files: Files, write: FileWriter, replies: Replies) -> None:
        self._store, self._files, self._write, self._replies = store, files, write, replies

    async def take(self, work: Work, act: ExportNotes) -> Work:
        """Whether there is what somebody asked for."""
        case, notes = await self._chosen(act)
        if case is None or not notes or not act.file_types:
            return await self._replies.refuse(work, Notice(Sign.NOTHING_TO_EXPORT, await self._replies.language(work)))
        return await self._replies.finish(work, notes[0].id, Stage.ANSWERED)

    async def share(self, work: Work, act: ExportNotes) -> Work:
        """Each note's files, written and shared in its thread."""
        case, notes = await self._chosen(act)
        if case:
            shared = [await self._share_one(case, note, act) for note in notes]
            if not all(shared):
                await self._replies.tell(work, Notice(Sign.NOT_EXPORTED, case.language))
        return await self._replies.finish(work, work.note_id, Stage.DONE)

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
