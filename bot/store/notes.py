"""A note with its revisions, and who approved or accepted which of them."""

import json

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.domain.note import Approval, Author, Item, Note, Origin, Purpose, Revision
from bot.store.tables import AcceptanceRow, ApprovalRow, NoteRow, RevisionRow
from bot.store.vault import seal, unseal
from inference.note import Kind


async def read_note(session: AsyncSession, key: bytes, row: NoteRow) -> Note:
    """The note of a row."""
    revisions = await session.exec(select(RevisionRow).where(RevisionRow.note_id == row.id).order_by(col(RevisionRow.number)))
    summary = row.purpose == Purpose.SUMMARY
    approval = await session.get(ApprovalRow, row.id) if summary else None
    query = select(AcceptanceRow).where(AcceptanceRow.note_id == row.id).order_by(col(AcceptanceRow.serial))
    acceptances = () if summary else await session.exec(query)
    return Note(
        id=row.id,
        case_id=row.case_id,
        purpose=Purpose(row.purpose),
        thread_ts=row.thread_ts,
        revisions=tuple(_revision(revision, key) for revision in revisions),
        approval=_approval(approval) if approval else None,
        acceptances=tuple(_approval(acceptance) for acceptance in acceptances),
    )


async def write_revision(session: AsyncSession, key: bytes, note_id: str, revision: Revision) -> None:
    """One more revision of a note."""
    items = [[item.kind, item.text, item.origin, list(item.evidence), item.kept] for item in revision.items]
    sealed = seal(key, json.dumps(items, ensure_ascii=False), f"revision:{revision.id}")
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


async def write_approval(session: AsyncSession, note_id: str, approval: Approval) -> None:
    """Who approved which revision; a note is approved once."""
    await _write(session, ApprovalRow, note_id, approval)


async def write_acceptance(session: AsyncSession, note_id: str, acceptance: Approval) -> None:
    """Who accepted which revision; of several people, the first counts."""
    query = select(AcceptanceRow.serial).where(AcceptanceRow.note_id == note_id, AcceptanceRow.revision_id == acceptance.revision_id)
    if (await session.exec(query)).first() is None:
        await _write(session, AcceptanceRow, note_id, acceptance)


async def _write(session: AsyncSession, table: type[ApprovalRow] | type[AcceptanceRow], note_id: str, given: Approval) -> None:
    session.add(table(note_id=note_id, revision_id=given.revision_id, content_hash=given.content_hash, user_id=given.user_id, at=given.at))
    await session.flush()


def _approval(row: ApprovalRow | AcceptanceRow) -> Approval:
    return Approval(row.user_id, row.revision_id, row.content_hash, row.at)


def _revision(row: RevisionRow, key: bytes) -> Revision:
    items = json.loads(unseal(key, row.sealed_items, f"revision:{row.id}"))
    return Revision(
        id=row.id,
        number=row.number,
        author=Author(Origin(row.author_origin), row.author),
        # older revisions don't say what is kept
        items=tuple(Item(Kind(kind), text, Origin(origin), tuple(evidence), *kept) for kind, text, origin, evidence, *kept in items),
        created_at=row.created_at,
    )
