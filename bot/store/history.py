"""A case's notes one at a time, however many there are."""

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.domain.reading import Reading
from bot.store.notes import read_note
from bot.store.tables import NoteRow, ReportRow
from bot.store.vault import unseal
from bot.workflow.ports import PastNote, Report, Step


async def past_note(session: AsyncSession, key: bytes, case_id: str, step: Step, position: int) -> PastNote | None:
    """The note at, before or after a position; None where there is none."""
    of_case = NoteRow.case_id == case_id
    query = select(NoteRow).where(of_case).limit(1)
    match step:
        case Step.HERE:
            query = query.where(NoteRow.position == position)
        case Step.OLDER:
            query = query.where(NoteRow.position < position).order_by(col(NoteRow.position).desc())
        case Step.NEWER:
            query = query.where(NoteRow.position > position).order_by(col(NoteRow.position))
        case Step.NEWEST:
            query = query.order_by(col(NoteRow.position).desc())
    row = (await session.exec(query)).first()
    if row is None:
        return None
    number = (await session.exec(select(func.count()).where(of_case, NoteRow.position <= row.position))).one()
    of = (await session.exec(select(func.count()).where(of_case))).one()
    return PastNote(await read_note(session, key, row), await _reports(session, key, row.id), row.position, number, of)


async def position_since(session: AsyncSession, case_id: str, ts: str) -> int | None:
    """The position of the first note whose thread began at a Slack timestamp or later; None where all are older."""
    later = select(NoteRow.position).where(NoteRow.case_id == case_id, col(NoteRow.thread_ts) >= ts)
    return (await session.exec(later.order_by(col(NoteRow.position)).limit(1))).first()


async def _reports(session: AsyncSession, key: bytes, note_id: str) -> tuple[Report, ...]:
    rows = await session.exec(select(ReportRow).where(ReportRow.note_id == note_id).order_by(col(ReportRow.serial)))
    return tuple(_report(row, key) for row in rows)


def _report(row: ReportRow, key: bytes) -> Report:
    text = unseal(key, row.sealed_text, f"description:{row.source_ts}:{row.version}")
    return Report(row.case_id, row.note_id, row.source_ts, row.version, row.author_id, Reading(row.reading), text)
