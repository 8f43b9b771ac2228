"""What drafts of final notes forget when messages are deleted: their lines stood there word for word.

They go from every stored version of a draft, as if they had never been in it. A line that another message says, too, stays, and so does
what a counselor wrote in other words. An approved note is what somebody put their name to: it keeps its lines.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace

from bot.domain.note import Note, Purpose
from bot.workflow.final_sections import lines_of
from bot.workflow.ports import UnitOfWork


async def forget_in_drafts(uow: UnitOfWork, case_id: str, source_ts: Collection[str]) -> None:
    """Takes the lines of these messages, in all their versions, out of the case's drafts. The messages themselves are still stored."""
    said = {line for ts in source_ts for text in await uow.versions(case_id, ts) for line in lines_of(text)}
    others = [each for each in await uow.described(case_id) if each.source.id not in source_ts]
    gone = said - {line for each in others for line in lines_of(each.text)}
    for note in open_drafts(await uow.notes(case_id)):
        if await _without(uow, note, gone):
            await uow.remove_drafts_of(note.id)


def open_drafts(notes: Sequence[Note]) -> tuple[Note, ...]:
    """Of a case's notes, the final ones that are not approved and have a section for what was reported."""
    return tuple(note for note in notes if note.purpose is Purpose.SUMMARY and not note.approval and note.format and note.format.reported)


async def _without(uow: UnitOfWork, note: Note, gone: Collection[str]) -> bool:
    """Rewrites the note's revisions without these lines; whether it had any."""
    key, changed = note.format.reported if note.format else None, False
    for revision in note.revisions:
        left = tuple(item for item in revision.items if item.section != key or item.text not in gone)
        if len(left) < len(revision.items):
            await uow.rewrite_revision(note, replace(revision, items=left))
            changed = True
    return changed
