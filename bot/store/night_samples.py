"""Notes before and after: sealed with the key of the case that they are of, and what admins said of them.

A sample is kept and shown only while its case has consent for training. Deleting the case removes it with everything else, withdrawing
consent removes it at once. What admins said names no case.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from pydantic import TypeAdapter
from sqlmodel import col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.domain.case import consent_now
from bot.store.case_files import read_consents
from bot.store.keys import data_key
from bot.store.tables import CaseRow, NightJudgementRow, NightSampleRow
from bot.store.vault import seal, unseal
from bot.workflow.blind import Choice, Judgement, NightSample
from training.night.sample import Sample

_SAMPLE = TypeAdapter(Sample)


async def keep(session: AsyncSession, master_key: bytes, night: str, samples: Sequence[Sample]) -> None:
    """These in place of what was kept of the night; those of cases that may not be used any more are left out."""
    await session.exec(delete(NightSampleRow).where(col(NightSampleRow.night) == night))
    for number, sample in enumerate(samples):
        key = await _key(session, master_key, sample.case_id)
        if key is not None:
            sealed = seal(key, _SAMPLE.dump_json(sample).decode(), _place(night, number))
            session.add(NightSampleRow(night=night, number=number, case_id=sample.case_id, sealed_sample=sealed))
    await session.flush()


async def kept(session: AsyncSession, master_key: bytes, night: str) -> Sequence[NightSample]:
    """A night's samples that may be shown, in order."""
    rows = await session.exec(select(NightSampleRow).where(NightSampleRow.night == night).order_by(col(NightSampleRow.number)))
    found = []
    for row in rows.all():
        key = await _key(session, master_key, row.case_id)
        if key is not None:
            sample = _SAMPLE.validate_json(unseal(key, row.sealed_sample, _place(night, row.number)))
            found.append(NightSample(night, row.number, sample))
    return found


async def judge(session: AsyncSession, night: str, user_id: str, choices: Mapping[int, Choice | None], at: datetime) -> bool:
    """What an admin said; False, and nothing recorded, where they had said it before."""
    if (await session.exec(select(NightJudgementRow.number).where(*_by(night, user_id)).limit(1))).first() is not None:
        return False
    for number, choice in choices.items():
        session.add(NightJudgementRow(night=night, user_id=user_id, number=number, choice=choice, at=at))
    await session.flush()
    return True


async def judged(session: AsyncSession, night: str) -> Sequence[Judgement]:
    """What all admins said, in the order in which they did."""
    order = col(NightJudgementRow.at), col(NightJudgementRow.user_id), col(NightJudgementRow.number)
    said: dict[str, dict[int, Choice | None]] = {}
    for row in await session.exec(select(NightJudgementRow).where(NightJudgementRow.night == night).order_by(*order)):
        said.setdefault(row.user_id, {})[row.number] = Choice(row.choice) if row.choice else None
    return [Judgement(user_id, choices) for user_id, choices in said.items()]


async def _key(session: AsyncSession, master_key: bytes, case_id: str) -> bytes | None:
    """The data key of a case with consent."""
    if await session.get(CaseRow, case_id) is None:
        return None
    key = await data_key(session, master_key, case_id)
    return key if consent_now(await read_consents(session, key, case_id)) else None


def _by(night: str, user_id: str) -> tuple[bool, bool]:
    return NightJudgementRow.night == night, NightJudgementRow.user_id == user_id


def _place(night: str, number: int) -> str:
    return f"night_sample:{night}:{number}"
