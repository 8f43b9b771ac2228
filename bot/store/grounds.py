"""What the items of a case may rest on: the messages that reported something, each in its newest version."""

from collections.abc import Sequence

from sqlalchemy import bindparam
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.domain.evidence import Described, Source
from bot.domain.reading import Reading
from bot.store.tables import NoteRow, ReportRow
from bot.store.vault import unseal

_REPORTS = (
    select(ReportRow, NoteRow.thread_ts)
    .join(NoteRow, col(NoteRow.id) == col(ReportRow.note_id))
    .where(ReportRow.case_id == bindparam("case"))
    .order_by(col(ReportRow.serial))
)


async def read_sources(session: AsyncSession, case_id: str) -> Sequence[Source]:
    """The messages that a case's items may rest on, in the order in which they came."""
    return [_source(row, thread_ts) for row, thread_ts in await _reports(session, case_id)]


async def read_described(session: AsyncSession, key: bytes, case_id: str) -> Sequence[Described]:
    """The same with what they say."""
    return [
        Described(_source(row, thread_ts), unseal(key, row.sealed_text, f"description:{row.source_ts}:{row.version}"))
        for row, thread_ts in await _reports(session, case_id)
    ]


async def _reports(session: AsyncSession, case_id: str) -> Sequence[tuple[ReportRow, str | None]]:
    """The newest row of each message, as it was read last; an edited note is no description."""
    found = await session.exec(_REPORTS, params={"case": case_id})
    newest = {row.source_ts: (row, thread_ts) for row, thread_ts in found}  # each keeps its first place
    return [(row, thread_ts) for row, thread_ts in newest.values() if row.reading != Reading.EDITED]


def _source(row: ReportRow, thread_ts: str | None) -> Source:
    return Source(row.source_ts, row.note_id, thread_ts)
