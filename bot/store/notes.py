"""A note with its revisions, and who accepted which of them; what only final notes have is in `final_notes`."""

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from sqlalchemy import bindparam
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.domain.note import Approval, Author, Item, Note, Origin, Purpose, Revision
from bot.store.final_notes import with_final_parts
from bot.store.tables import AcceptanceRow, NoteRow, RevisionRow
from bot.store.vault import seal, unseal
from inference.note import Kind

_REVISIONS = select(RevisionRow).where(RevisionRow.note_id == bindparam("note")).order_by(col(RevisionRow.number))
_ACCEPTANCES = select(AcceptanceRow).where(AcceptanceRow.note_id == bindparam("note")).order_by(col(AcceptanceRow.serial))


async def read_note(session: AsyncSession, key: bytes, row: NoteRow) -> Note:
    """The note of a row."""
    revisions = await session.exec(_REVISIONS, params={"note": row.id})
    summary = row.purpose == Purpose.SUMMARY
    acceptances = () if summary else await session.exec(_ACCEPTANCES, params={"note": row.id})
    note = Note(
        id=row.id,
        case_id=row.case_id,
        purpose=Purpose(row.purpose),
        thread_ts=row.thread_ts,
        revisions=tuple(_revision(revision, key) for revision in revisions),
        acceptances=tuple(_acceptance(acceptance) for acceptance in acceptances),
    )
    return await with_final_parts(session, key, note) if summary else note


async def write_revision(session: AsyncSession, key: bytes, note_id: str, revision: Revision) -> None:
    """One more revision of a note."""
    sealed = _sealed(key, revision)
    session.add(
        RevisionRow(
            id=revision.id,
            note_id=note_id,
            number=revision.number,
            author_origin=revision.author.origin,
            author=revision.author.name,
            sealed_items=sealed,
            content_hash=revision.content_hash,
            created_at=revision.created_at,
        )
    )
    await session.flush()


async def rewrite_revision(session: AsyncSession, key: bytes, revision: Revision) -> None:
    """Other items in place of those that a revision had."""
    row = await session.get_one(RevisionRow, revision.id)
    row.sealed_items, row.content_hash = _sealed(key, revision), revision.content_hash
    session.add(row)
    await session.flush()


async def write_acceptance(session: AsyncSession, note_id: str, acceptance: Approval) -> None:
    """Who accepted which revision; of several people, the first counts."""
    query = select(AcceptanceRow.serial).where(AcceptanceRow.note_id == note_id, AcceptanceRow.revision_id == acceptance.revision_id)
    if (await session.exec(query)).first() is None:
        given = acceptance
        session.add(
            AcceptanceRow(
                note_id=note_id, revision_id=given.revision_id, content_hash=given.content_hash, user_id=given.user_id, at=given.at
            )
        )
        await session.flush()


def _acceptance(row: AcceptanceRow) -> Approval:
    return Approval(row.user_id, row.revision_id, row.content_hash, row.at)


_FEW_HAVE = ("section", "carried", "kept")
"""What few items have; it is kept where it is set, so that rows from before it was kept read the same."""


def _sealed(key: bytes, revision: Revision) -> bytes:
    items = [_row_of(item) for item in revision.items]
    return seal(key, json.dumps(items, ensure_ascii=False), f"revision:{revision.id}")


def _row_of(item: Item) -> list[Any]:
    """An item as JSON."""
    more = {name: getattr(item, name) for name in _FEW_HAVE if getattr(item, name)}
    return [item.kind, item.text, item.origin, list(item.evidence), *([more] if more else [])]


def _item(kind: str, text: str, origin: str, evidence: Sequence[str], more: Mapping[str, Any] = MappingProxyType({})) -> Item:
    return Item(Kind(kind), text, Origin(origin), tuple(evidence), **more)


def _revision(row: RevisionRow, key: bytes) -> Revision:
    items = json.loads(unseal(key, row.sealed_items, f"revision:{row.id}"))
    return Revision(
        id=row.id,
        number=row.number,
        author=Author(Origin(row.author_origin), row.author),
        items=tuple(_item(*each) for each in items),
        created_at=row.created_at,
    )
