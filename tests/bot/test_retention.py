"""How long closed cases are kept: announced once, then deleted, never sooner than was said; opening a case again stops it."""

from collections.abc import AsyncIterator, Collection
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from bot.domain.audit import BOT
from bot.domain.case import Case, CaseState
from bot.domain.deletion import Announcement
from bot.night_process import Forgotten
from bot.store.database import Database
from bot.store.engine import make_engine
from bot.workflow.deleting import Deletions
from bot.workflow.retention import ClosedCases, Retention, due
from inference.note import Language
from inference.registry import Registry
from tests.bot.test_case_deletion import Everybody, FakeDesk
from tests.bot.test_deletion import a_full_case
from tests.bot.test_store import KEY, a_database
from tests.support.builders import NOW

DAY = timedelta(days=1)
MONTH = Retention(30 * DAY, 7 * DAY)


class Announced:
    """What was said."""

    def __init__(self) -> None:
        self.said: list[tuple[str, datetime]] = []

    async def announce(self, case: Case, closed: datetime, due: datetime) -> None:
        self.said.append((case.id, due))


class Office:
    """A database with a clock that a test turns, and somebody who looks after closed cases."""

    def __init__(self, url: str, home: Path, retention: Retention = MONTH) -> None:
        self.url, self.now = url, NOW
        self.database = Database(make_engine(url), KEY, lambda: self.now)
        self.announced, self.desk = Announced(), FakeDesk()
        self.deletions = Deletions(self.database, Everybody(), self.desk, self._forget, Registry(home / "adapters"))
        self.cases = ClosedCases(self.database, self.deletions, self.announced, retention, lambda: self.now)

    async def _forget(self, case_id: str, under_way: Collection[str]) -> Forgotten:
        return Forgotten()

    async def look(self, at: datetime) -> None:
        """Time goes on, and it is looked."""
        self.now = at
        await self.cases.look()

    async def put(self, case_id: str, state: CaseState, closed_at: datetime | None) -> None:
        """Closes a case, or opens it again."""
        engine = make_engine(self.url)
        async with engine.begin() as connection:
            statement = 'UPDATE "case" SET state = :state, closed_at = :at WHERE id = :id'
            at = closed_at if self.url.startswith("postgresql") or closed_at is None else closed_at.strftime("%Y-%m-%d %H:%M:%S.%f")
            await connection.execute(text(statement), {"state": state.value, "at": at, "id": case_id})
        await engine.dispose()

    async def left(self) -> set[str]:
        """The cases that there are."""
        async with self.database.begin() as uow:
            return {case.id for case in await uow.cases()}


@pytest.fixture
async def office(store_url: str, tmp_path: Path) -> AsyncIterator[Office]:
    """With two cases."""
    async with a_database(store_url) as database:
        for channel in ("C1", "C2"):
            await a_full_case(database, channel)
        office = Office(store_url, tmp_path)
        yield office
        await office.database.close()


async def test_a_closed_case_is_announced_once_and_then_deleted_with_a_certificate(office: Office) -> None:
    """On the day, by nobody in particular; open cases stay, and both steps are audited."""
    first, *_ = sorted(await office.left())
    await office.put(first, CaseState.CLOSED, NOW)
    for day in (0, 22, 23, 24, 29):
        await office.look(NOW + day * DAY)
    assert office.announced.said == [(first, NOW + 30 * DAY)]
    assert len(await office.left()) == 2
    await office.look(NOW + 30 * DAY)
    assert first not in await office.left()
    await office.deletions.carry_on()
    assert [(certificate.case_id, certificate.by) for certificate in office.desk.certificates] == [(first, BOT)]
    rows = [(row.action, row.user_id) for row in await office.database.audit(0, 99) if row.case_id == first]
    assert rows[-2:] == [("announced", BOT), ("deleted", BOT)]


async def test_opening_a_case_again_stops_it_and_closing_it_again_starts_anew(office: Office) -> None:
    """Also on the last day; the next closing has its own time and its own announcement."""
    first, *_ = sorted(await office.left())
    await office.put(first, CaseState.CLOSED, NOW)
    await office.look(NOW + 25 * DAY)
    await office.put(first, CaseState.OPEN, None)
    await office.look(NOW + 60 * DAY)
    again = NOW + 61 * DAY
    await office.put(first, CaseState.CLOSED, again)
    await office.look(again + 29 * DAY)
    await office.look(again + 35 * DAY)
    assert first in await office.left()
    await office.look(again + 36 * DAY)
    assert first not in await office.left()
    assert [day for _, day in office.announced.said] == [NOW + 32 * DAY, again + 36 * DAY]


async def test_a_case_that_was_due_long_ago_is_announced_first(office: Office) -> None:
    """As when the setting is new: nothing goes without the days that were promised."""
    first, *_ = sorted(await office.left())
    await office.put(first, CaseState.CLOSED, NOW - 400 * DAY)
    await office.look(NOW)
    await office.look(NOW + 6 * DAY)
    assert first in await office.left()
    await office.look(NOW + 7 * DAY)
    assert first not in await office.left()
    assert office.announced.said == [(first, NOW + 7 * DAY)]


moments = st.integers(0, 2000).map(lambda hours: NOW + timedelta(hours=hours))
days = st.integers(1, 60).map(lambda number: number * DAY)


@given(moments, moments, moments, days, days)
def test_no_case_ends_before_its_time_nor_before_its_notice_is_over(
    closed: datetime, said: datetime, now: datetime, keep: timedelta, notice: timedelta
) -> None:
    """Whenever it was announced, if at all; an open case never."""
    case = Case("c", "T1", "C1", "C-1", Language.ENGLISH, CaseState.CLOSED, NOW, closed_at=closed)
    retention = Retention(keep, notice)
    for announced in (Announcement(closed, said), Announcement(closed - DAY, said), None):
        end = due(case, retention, announced, now)
        assert end
        assert end >= closed + keep
        assert end >= (said if announced and announced.closed_at == closed else now) + notice
    assert due(Case("c", "T1", "C1", "C-1", Language.ENGLISH, CaseState.OPEN, NOW), retention, None, now) is None
