"""The audit's rows: only ever added, one after the other.

Whoever adds rows has to know the newest one, and nobody may add others meanwhile. SQLite lets in one writer at a time anyway; PostgreSQL
gets a lock of its own for it, held to the end of the transaction. So rows are added last of all in a transaction, right before its commit:
the lock is held for a moment only, and whoever holds it waits for no other.
"""

from collections.abc import Sequence
from dataclasses import asdict, fields

from sqlalchemy import func
from sqlalchemy import select as sql_select
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.domain.audit import AuditEntry, AuditRecord, Head, chained
from bot.store.tables import AuditRow

_COLUMNS = [getattr(AuditRow, field.name) for field in fields(AuditRecord)]
_NEWEST = select(AuditRow.number, AuditRow.hash).order_by(col(AuditRow.number).desc()).limit(1)
AUDIT_LOCK = 7_249_742_272
"""PostgreSQL's advisory lock of whoever adds rows; any number that nobody else uses."""


async def append(session: AsyncSession, entries: Sequence[AuditEntry]) -> Head:
    """Adds entries in order; the head afterwards."""
    if session.get_bind().dialect.name == "postgresql":
        await session.exec(select(func.pg_advisory_xact_lock(AUDIT_LOCK)))
    head = await newest(session)
    for entry in entries:
        record = chained(head, entry)
        session.add(AuditRow(**asdict(record)))
        head = record.head
    await session.flush()
    return head


async def newest(session: AsyncSession) -> Head:
    """The head of the chain as it is stored."""
    row = (await session.exec(_NEWEST)).first()
    return Head(*row) if row else Head()


async def page(session: AsyncSession, after: int, most: int) -> Sequence[AuditRecord]:
    """The first rows after a number, in order."""
    connection = await session.connection()  # plain rows: there may be millions
    rows = await connection.execute(sql_select(*_COLUMNS).where(col(AuditRow.number) > after).order_by(col(AuditRow.number)).limit(most))
    return [AuditRecord(*row) for row in rows]
