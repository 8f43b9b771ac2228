"""What is recorded about a note's revisions beside their items: taps, reasons, thumbs, and forms that are still being filled in."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import bindparam
from sqlmodel import col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.domain.editing import Edits, ItemChange
from bot.store.tables import EditDraftRow, EditReasonRow, FeedbackRow, ItemChangeRow
from bot.store.vault import seal, unseal
from training.data.records import Reason

DRAFTS_KEPT = timedelta(days=1)
"""How long a form may stay open; Slack closes it with its window."""

_CHANGES = select(ItemChangeRow).where(ItemChangeRow.note_id == bindparam("note"))
_REASONS = select(EditReasonRow).where(EditReasonRow.note_id == bindparam("note")).order_by(col(EditReasonRow.serial))
_BAD = select(FeedbackRow.revision_id).where(FeedbackRow.note_id == bindparam("note"), col(FeedbackRow.good).is_(False))


async def add_change(session: AsyncSession, note_id: str, revision_id: str, place: int, change: ItemChange) -> None:
    """A revision was made by a tap."""
    session.add(ItemChangeRow(revision_id=revision_id, note_id=note_id, place=place, change=change))
    await session.flush()


async def add_reason(session: AsyncSession, note_id: str, revision_id: str, reason: Reason, user_id: str, at: datetime) -> None:
    """A reason that somebody stated; where a tap made the revision, of the line that was tapped on."""
    change = await session.get(ItemChangeRow, revision_id)
    place = change.place if change else None
    session.add(EditReasonRow(note_id=note_id, revision_id=revision_id, place=place, reason=reason, user_id=user_id, at=at))
    await session.flush()


async def set_feedback(session: AsyncSession, note_id: str, revision_id: str, user_id: str, good: bool, at: datetime) -> None:
    """What a person thinks of a revision now."""
    await session.merge(FeedbackRow(revision_id=revision_id, user_id=user_id, note_id=note_id, good=good, at=at))
    await session.flush()


async def read(session: AsyncSession, note_id: str) -> Edits:
    """All of that about a note."""
    of_note = {"note": note_id}
    changed = {row.revision_id: ItemChange(row.change) for row in await session.exec(_CHANGES, params=of_note)}
    stated = {row.revision_id: row.reason for row in await session.exec(_REASONS, params=of_note)}
    return Edits(changed, stated, frozenset(await session.exec(_BAD, params=of_note)))


async def keep_draft(session: AsyncSession, key: bytes, note_id: str, draft_id: str, fields: Mapping[str, str], at: datetime) -> None:
    """What is typed so far in a form."""
    await session.exec(delete(EditDraftRow).where(col(EditDraftRow.at) < at - DRAFTS_KEPT))
    sealed = seal(key, json.dumps(dict(fields), ensure_ascii=False), f"edit_draft:{draft_id}")
    await session.merge(EditDraftRow(id=draft_id, note_id=note_id, sealed_fields=sealed, at=at))
    await session.flush()


async def draft(session: AsyncSession, key: bytes, draft_id: str) -> Mapping[str, str]:
    """What was kept of a form; empty where nothing was."""
    row = await session.get(EditDraftRow, draft_id)
    return {} if row is None else dict(json.loads(unseal(key, row.sealed_fields, f"edit_draft:{draft_id}")))


async def remove_draft(session: AsyncSession, draft_id: str) -> None:
    """Forgets a form."""
    await session.exec(delete(EditDraftRow).where(col(EditDraftRow.id) == draft_id))


async def remove_drafts_of(session: AsyncSession, note_id: str) -> None:
    """Forgets all forms on a note."""
    await session.exec(delete(EditDraftRow).where(col(EditDraftRow.note_id) == note_id))
