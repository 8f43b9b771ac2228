"""What only final notes have: a format, an approval, addenda and a co-signature. People's names and all texts are sealed."""

from dataclasses import replace

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.domain.formats import NoteFormat
from bot.domain.note import Approval, Note
from bot.domain.signing import Addendum, Cosignature, Role, Signer
from bot.store.tables import AddendumRow, ApprovalRow, CosignatureRow, NoteFormatRow
from bot.store.vault import seal, unseal


async def with_final_parts(session: AsyncSession, key: bytes, note: Note) -> Note:
    """A final note with all that stands around its revisions."""
    form, approval = await session.get(NoteFormatRow, note.id), await session.get(ApprovalRow, note.id)
    cosignature = await session.get(CosignatureRow, note.id)
    addenda = await session.exec(select(AddendumRow).where(AddendumRow.note_id == note.id).order_by(col(AddendumRow.number)))
    return replace(
        note,
        format=NoteFormat.model_validate_json(form.format) if form else None,
        approval=_approval(approval, key) if approval else None,
        addenda=tuple(_addendum(row, key) for row in addenda),
        cosignature=_cosignature(cosignature, key) if cosignature else None,
    )


async def write_format(session: AsyncSession, note_id: str, form: NoteFormat) -> None:
    """How a note is arranged; it never changes."""
    session.add(NoteFormatRow(note_id=note_id, format=form.model_dump_json()))
    await session.flush()


async def write_approval(session: AsyncSession, key: bytes, note_id: str, approval: Approval) -> None:
    """Who approved which revision; a note is approved once."""
    session.add(
        ApprovalRow(
            note_id=note_id,
            revision_id=approval.revision_id,
            content_hash=approval.content_hash,
            user_id=approval.user_id,
            at=approval.at,
            role=approval.role,
            sealed_name=seal(key, approval.name, f"approval:{note_id}"),
            adapter=approval.adapter,
        )
    )
    await session.flush()


async def write_addendum(session: AsyncSession, key: bytes, note_id: str, addendum: Addendum) -> None:
    """One more addendum; none ever changes."""
    session.add(
        AddendumRow(
            id=addendum.id,
            note_id=note_id,
            number=addendum.number,
            user_id=addendum.by.user_id,
            role=addendum.by.role,
            sealed_name=seal(key, addendum.by.name, f"addendum name:{addendum.id}"),
            sealed_text=seal(key, addendum.text, f"addendum:{addendum.id}"),
            content_hash=addendum.content_hash,
            at=addendum.at,
        )
    )
    await session.flush()


async def write_cosignature(session: AsyncSession, key: bytes, note_id: str, cosignature: Cosignature) -> None:
    """Who signed along; of several people, the first counts."""
    if await session.get(CosignatureRow, note_id):
        return
    by = cosignature.by
    sealed = seal(key, by.name, f"cosignature:{note_id}")
    session.add(
        CosignatureRow(note_id=note_id, user_id=by.user_id, sealed_name=sealed, content_hash=cosignature.content_hash, at=cosignature.at)
    )
    await session.flush()


def _approval(row: ApprovalRow, key: bytes) -> Approval:
    name = unseal(key, row.sealed_name, f"approval:{row.note_id}") if row.sealed_name else ""
    return Approval(row.user_id, row.revision_id, row.content_hash, row.at, Role(row.role) if row.role else None, name, row.adapter or "")


def _addendum(row: AddendumRow, key: bytes) -> Addendum:
    by = Signer(row.user_id, unseal(key, row.sealed_name, f"addendum name:{row.id}"), Role(row.role))
    return Addendum(row.id, row.number, by, unseal(key, row.sealed_text, f"addendum:{row.id}"), row.at)


def _cosignature(row: CosignatureRow, key: bytes) -> Cosignature:
    by = Signer(row.user_id, unseal(key, row.sealed_name, f"cosignature:{row.note_id}"), Role.SUPERVISOR)
    return Cosignature(by, row.content_hash, row.at)
