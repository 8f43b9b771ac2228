"""Digests of long cases as counselors corrected them.

Where in the case a correction belongs is stored as positions of turns: a turn that is removed later leaves the others where they were.
"""

import json
from collections.abc import Sequence
from datetime import datetime

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.store.tables import CorrectionRow, TurnRow
from bot.store.vault import seal, unseal
from inference.digest import Correction


async def read_corrections(session: AsyncSession, key: bytes, case_id: str) -> Sequence[Correction]:
    """All corrections, oldest first, in numbers of the turns that there are now."""
    rows = (await session.exec(select(CorrectionRow).where(CorrectionRow.case_id == case_id).order_by(col(CorrectionRow.number)))).all()
    positions = await _positions(session, case_id) if rows else []
    return [
        Correction(
            sum(position <= row.upto for position in positions),
            sum(position <= row.since for position in positions),
            tuple(json.loads(unseal(key, row.sealed_lines, f"correction:{case_id}:{row.number}"))),
        )
        for row in rows
    ]


async def write_correction(session: AsyncSession, key: bytes, case_id: str, upto: int, lines: Sequence[str], by: str, at: datetime) -> None:
    """One more correction: `lines` stand for the case's first `upto` turns, from the next turn on."""
    positions = await _positions(session, case_id)
    number = len((await session.exec(select(CorrectionRow.number).where(CorrectionRow.case_id == case_id))).all()) + 1
    sealed = seal(key, json.dumps(list(lines), ensure_ascii=False), f"correction:{case_id}:{number}")
    row = CorrectionRow(
        case_id=case_id, number=number, upto=positions[upto - 1], since=positions[-1], sealed_lines=sealed, corrected_by=by, corrected_at=at
    )
    session.add(row)
    await session.flush()


async def _positions(session: AsyncSession, case_id: str) -> Sequence[int]:
    return (await session.exec(select(TurnRow.position).where(TurnRow.case_id == case_id).order_by(col(TurnRow.position)))).all()
