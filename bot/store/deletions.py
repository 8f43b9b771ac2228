"""Deleted cases: the row that a deletion leaves behind, in the transaction that removes everything else."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from pydantic import TypeAdapter
from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.domain.audit import BOT, AuditAction, AuditEntry, Head
from bot.domain.case import Case
from bot.domain.deletion import Announcement, Deletion, DeletionStage, Found
from bot.store import audit
from bot.store.case_files import remove_case
from bot.store.tables import AnnouncementRow, CaseRow, DeletionRow, InboxRow, NoteRow, ReportRow
from bot.workflow.incoming import Stage
from bot.workflow.ports import Work
from inference.note import Language

_FOUND = TypeAdapter(Found)


async def delete(session: AsyncSession, case_id: str, by: str, at: datetime, work: Work | None) -> bool:
    """Removes a case, on behalf of somebody, and leaves its deletion and a row of the audit; whether it was there. `work` is done then."""
    case = await session.get(CaseRow, case_id)
    if case is None:
        return False
    row = DeletionRow(
        case_id=case.id,
        code=case.code,
        team_id=case.team_id,
        channel_id=case.channel_id,
        language=case.language,
        by=by,
        at=at,
        notes=await _count(session, NoteRow, case.id),
        descriptions=await _count(session, ReportRow, case.id),
        stage=DeletionStage.REMOVED,
        found=_FOUND.dump_json(Found()).decode(),
    )
    await remove_case(session, case_id, at)
    act = await session.get(InboxRow, work.id, populate_existing=True) if work else None
    if act:  # entered in another channel than that of the case
        act.stage, act.sealed_act = Stage.DONE, None
        session.add(act)
    head = await audit.append(session, [AuditEntry(at, row.team_id, case_id, by, AuditAction.DELETED)])
    row.audit_number, row.audit_hash = head.number, head.hash
    session.add(row)
    return True


async def keep(session: AsyncSession, deletion: Deletion) -> None:
    """How far a deletion has come, and what was found out."""
    row = await session.get_one(DeletionRow, deletion.case_id)
    row.stage, row.found = deletion.stage, _FOUND.dump_json(deletion.found).decode()
    session.add(row)


async def unfinished(session: AsyncSession) -> Sequence[Deletion]:
    """Those whose certificate is still owed, oldest first."""
    rows = await session.exec(select(DeletionRow).where(DeletionRow.stage != DeletionStage.DONE).order_by(col(DeletionRow.at)))
    return [_deletion(row) for row in rows]


async def all_of(session: AsyncSession) -> Sequence[Deletion]:
    """All deletions, oldest first."""
    return [_deletion(row) for row in await session.exec(select(DeletionRow).order_by(col(DeletionRow.at)))]


async def announced(session: AsyncSession) -> Mapping[str, Announcement]:
    """The newest announcement of each case."""
    return {row.case_id: Announcement(row.closed_at, row.at) for row in await session.exec(select(AnnouncementRow))}


async def announce(session: AsyncSession, case: Case, announcement: Announcement) -> None:
    """This one in place of an earlier one, unless the case is gone; audited."""
    if await session.get(CaseRow, case.id) is None:
        return
    await session.merge(AnnouncementRow(case_id=case.id, closed_at=announcement.closed_at, at=announcement.at))
    await session.flush()
    await audit.append(session, [AuditEntry(announcement.at, case.team_id, case.id, BOT, AuditAction.ANNOUNCED)])


async def _count(session: AsyncSession, table: type[NoteRow] | type[ReportRow], case_id: str) -> int:
    return (await session.exec(select(func.count()).select_from(table).where(col(table.case_id) == case_id))).one()


def _deletion(row: DeletionRow) -> Deletion:
    return Deletion(
        row.case_id,
        row.code,
        row.team_id,
        row.channel_id,
        Language(row.language),
        row.by,
        row.at,
        row.notes,
        row.descriptions,
        Head(row.audit_number, row.audit_hash),
        DeletionStage(row.stage),
        _FOUND.validate_json(row.found),
    )
