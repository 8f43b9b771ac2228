"""What people can look up at once, without waiting for their turn in the queue."""

import asyncio
from collections.abc import Sequence

from bot.domain.case import Case, CaseFile
from bot.domain.note import Note, Purpose
from bot.workflow.ports import Store
from inference.client import ChatModel

READY_S = 1.0
"""How long to wait for the model server's word: Slack gives a command three seconds in all."""


async def ready_soon(model: ChatModel) -> bool:
    """Whether the model server says, within a second, that it is ready."""
    try:
        async with asyncio.timeout(READY_S):
            return await model.ready()
    except TimeoutError:
        return False


async def find_case(store: Store, team_id: str, channel_id: str) -> CaseFile | None:
    """The case in this channel, with its consents and names."""
    async with store.begin() as uow:
        case = await uow.case_of(team_id, channel_id)
        return await uow.case_file(case.id) if case else None


async def find_note(store: Store, team_id: str, channel_id: str, note_id: str) -> tuple[Case, Note] | None:
    """A note of the case in this channel."""
    async with store.begin() as uow:
        case = await uow.case_of(team_id, channel_id)
        note = await uow.note(note_id) if case else None
    return (case, note) if case and note and note.case_id == case.id else None


async def find_final_notes(store: Store, team_id: str, channel_id: str) -> tuple[Case | None, Sequence[Note]]:
    """The case in this channel and its final notes that have been written, drafts included, oldest first."""
    async with store.begin() as uow:
        case = await uow.case_of(team_id, channel_id)
        notes = await uow.notes(case.id) if case else ()
    return case, [note for note in notes if note.purpose is Purpose.SUMMARY and note.current]


async def find_thread_note(store: Store, team_id: str, channel_id: str, thread_ts: str | None) -> tuple[Case, Note] | None:
    """The note that a message belongs to: that of its thread, else the newest one of the case."""
    async with store.begin() as uow:
        case = await uow.case_of(team_id, channel_id)
        if case is None:
            return None
        notes = await uow.notes(case.id)
    in_thread = [note for note in notes if note.thread_ts == thread_ts]
    newest = (in_thread or list(notes))[-1:]
    return (case, newest[0]) if newest else None
