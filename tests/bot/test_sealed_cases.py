"""A case that can't be decrypted: the night goes on with the others, and the admins are told how many were left out."""

import logging
from collections.abc import AsyncIterator
from datetime import date
from enum import StrEnum
from pathlib import Path

import pytest
from sqlalchemy import delete, update
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.domain.case import Consent
from bot.night_process import NightProcesses
from bot.slack.night_views import ended_message
from bot.store.engine import make_engine
from bot.store.tables import KeyRow, TurnRow
from bot.workflow.blind import Blind
from bot.workflow.night_ports import NightRun
from bot.workflow.records import case_records, night_cases
from deploy.model import DEMO_MODEL
from inference.note import Language
from inference.registry import Pointer
from tests.bot.test_conversation import FIRST, Desk, a_desk
from tests.support.builders import NOW, a_post
from training.data.records import CaseRecord, SealedCase
from training.night.outcome import End, Outcome
from training.night.plan import Plan, write_plan


class Damage(StrEnum):
    """What may have happened to a case."""

    KEY_GONE = "key gone"
    KEY_CHANGED = "key changed"
    TEXT_CHANGED = "text changed"


async def a_case(desk: Desk, channel: str) -> str:
    """A case with consent, in a channel of its own; its id."""
    await desk.do(a_post(channel=channel))
    async with desk.database.begin() as uow:
        case = await uow.case_of("T1", channel)
        assert case
        await uow.add_consent(case.id, Consent("the client, on paper", date(2026, 2, 27), "U0ANNA", NOW))
    return case.id


async def harm(url: str, case_id: str, damage: Damage) -> None:
    """Does that to the rows of a case, past the bot."""
    engine = make_engine(url)
    async with AsyncSession(engine) as session, session.begin():
        match damage:
            case Damage.KEY_GONE:
                await session.exec(delete(KeyRow).where(col(KeyRow.id) == case_id))
            case Damage.KEY_CHANGED:
                await session.exec(update(KeyRow).where(col(KeyRow.id) == case_id).values(sealed_key=b"\0" * 60))
            case Damage.TEXT_CHANGED:
                await session.exec(update(TurnRow).where(col(TurnRow.case_id) == case_id).values(sealed_text=b"\0" * 60))
    await engine.dispose()


@pytest.mark.parametrize("damage", Damage)
async def test_the_others_are_handed_over(store_url: str, damage: Damage, caplog: pytest.LogCaptureFixture) -> None:
    """The damaged case is named in the log and handed over as one that stays sealed; nobody says that its consent was withdrawn."""
    async with a_desk(store_url, FIRST, FIRST, FIRST) as desk:
        first, damaged, last = [await a_case(desk, channel) for channel in ("C1", "C2", "C3")]
        await harm(store_url, damaged, damage)
        with caplog.at_level(logging.ERROR):
            records = [record async for record in case_records(desk.database)]
        assert {record.id: type(record) for record in records} == {first: CaseRecord, damaged: SealedCase, last: CaseRecord}
        assert len(records) == 3
        assert damaged in caplog.text
        cases = await night_cases(desk.database)
        assert cases.consenting >= {first, last}
        assert cases.to_forget == frozenset()
        assert (damaged in cases.consenting) is (damage is Damage.TEXT_CHANGED)


async def test_the_night_counts_them(tmp_path: Path) -> None:
    """From the pipe to what the night leaves behind, with the night's own process."""

    async def records() -> AsyncIterator[CaseRecord | SealedCase]:
        yield SealedCase("case-1")
        yield CaseRecord("case-2", Language.ENGLISH, None, (), (), ())
        yield SealedCase("case-3")

    plan = Plan(name="night-1", home=tmp_path, base=DEMO_MODEL, url="http://127.0.0.1:9/v1", prompt_tokens=3000)
    ended = await NightProcesses(tmp_path, None, None).run(write_plan(plan), records(), lambda _: None)
    assert ended == Outcome("night-1", End.NOTHING_NEW, None, sealed=2)


@pytest.mark.parametrize("language", Language)
def test_the_admins_are_told_how_many(language: Language) -> None:
    """One sentence in the night's report, whatever became of the night; none where every case was read."""
    night = NightRun("night-1", None, NOW, None, None, None, "")
    for end in End:
        shown = str(ended_message(night, Outcome("night-1", end, None, sealed=37), language, Pointer(), Blind()).blocks)
        assert "37" in shown
        assert "37" not in str(ended_message(night, Outcome("night-1", end, None), language, Pointer(), Blind()).blocks)
