"""The rows of nights: begun, told, ended; and what the admins know of adapters that have to go."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.store.tables import NightRunRow, ToldAdapterRow
from bot.workflow.night_ports import NightEnd, NightRun


async def begin(session: AsyncSession, name: str, requested_by: str | None, at: datetime) -> bool:
    """Makes the row; False: there is one."""
    if await session.get(NightRunRow, name) is not None:
        return False
    session.add(NightRunRow(name=name, requested_by=requested_by, started_at=at))
    return True


async def count_begin(session: AsyncSession, name: str) -> int:
    """One more begin of the night's process."""
    row = await session.get_one(NightRunRow, name, with_for_update=True)
    row.begun += 1
    session.add(row)
    return row.begun


async def remember_message(session: AsyncSession, name: str, message_ts: str) -> None:
    """Which message tells of it."""
    row = await session.get_one(NightRunRow, name)
    row.message_ts = message_ts
    session.add(row)


async def remember_remark(session: AsyncSession, name: str, remark: str) -> None:
    """What an admin did about it; the newest stays."""
    row = await session.get_one(NightRunRow, name)
    row.remark = remark
    session.add(row)


async def end(session: AsyncSession, name: str, how: NightEnd, reason: str, at: datetime) -> bool:
    """How it ended; False: it had ended before, and that stays."""
    row = await session.get_one(NightRunRow, name, with_for_update=True)
    if row.end is not None:
        return False
    row.end, row.reason, row.ended_at = how, reason, at
    session.add(row)
    return True


async def unfinished(session: AsyncSession) -> Sequence[NightRun]:
    """Those without an end, oldest first."""
    rows = await session.exec(select(NightRunRow).where(col(NightRunRow.end).is_(None)).order_by(col(NightRunRow.started_at)))
    return [_run(row) for row in rows]


async def named(session: AsyncSession, name: str) -> NightRun | None:
    """The one of that name."""
    row = await session.get(NightRunRow, name)
    return _run(row) if row else None


async def newest(session: AsyncSession) -> NightRun | None:
    """The one that was begun last."""
    row = (await session.exec(select(NightRunRow).order_by(col(NightRunRow.started_at).desc()).limit(1))).first()
    return _run(row) if row else None


async def told(session: AsyncSession) -> frozenset[tuple[str, str]]:
    """Adapter and case."""
    return frozenset((row.adapter, row.case_id) for row in await session.exec(select(ToldAdapterRow)))


async def mark_told(session: AsyncSession, pairs: Iterable[tuple[str, str]]) -> None:
    """From now on the admins know."""
    for adapter, case_id in pairs:
        await session.merge(ToldAdapterRow(adapter=adapter, case_id=case_id))


def _run(row: NightRunRow) -> NightRun:
    how = NightEnd(row.end) if row.end else None
    return NightRun(row.name, row.requested_by, row.started_at, row.message_ts, row.ended_at, how, row.reason, row.remark or "")
