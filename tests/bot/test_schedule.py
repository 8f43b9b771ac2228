"""When nights begin: by the clock on the wall, each once, whatever clocks and bots do."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.schedule import LOOK, MADE_UP_FOR, Due, make_scheduler, night_due
from bot.store.database import Database
from bot.store.engine import make_engine
from bot.store.vault import new_key
from bot.workflow.nights import name_by_hand

CRON = "30 2 * * *"
BERLIN = "Europe/Berlin"
ZONES = [BERLIN, "UTC", "Asia/Shanghai", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"]


def utc(text: str) -> datetime:
    """A moment, as ISO 8601 without its zone."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "name", "at"),
    [
        ("2026-11-21T01:29", None, None),  # a minute too early in Berlin
        ("2026-11-21T01:30", "night-2026-11-21", "2026-11-21T01:30"),
        ("2026-11-21T05:29", "night-2026-11-21", "2026-11-21T01:30"),  # missed, and made up for
        ("2026-11-21T05:30", None, None),  # four hours: it waits for the next night
        ("2026-03-29T00:59", None, None),  # clocks go from 2:00 to 3:00, so that 2:30 is left out …
        ("2026-03-29T01:30", "night-2026-03-29", "2026-03-29T01:30"),  # … and comes as 3:30
        ("2026-03-29T03:00", "night-2026-03-29", "2026-03-29T01:30"),
        ("2026-10-25T00:30", "night-2026-10-25", "2026-10-25T00:30"),  # clocks go back: 2:30 for the first time …
        ("2026-10-25T01:30", "night-2026-10-25", "2026-10-25T00:30"),  # … and for the second, which is the same night
    ],
)
def test_a_night_is_due_by_the_clock_on_the_wall(now: str, name: str | None, at: str | None) -> None:
    """It has the name of its scheduled date; a start missed by less than four hours is still due."""
    assert night_due(CRON, BERLIN, utc(now)) == (Due(name, utc(at)) if name and at else None)


@pytest.mark.parametrize("zone", ZONES)
def test_every_date_of_a_year_has_one_night(zone: str) -> None:
    """Looked at every three hours of a year, clock changes included, each date on the wall comes up, once and in order."""
    names: list[str] = []
    now = utc("2026-01-01T00:00")
    while now < utc("2027-01-01T00:00"):
        due = night_due(CRON, zone, now)
        if due and due.name not in names:
            assert now - due.at < timedelta(hours=3)
            names.append(due.name)
        now += timedelta(hours=3)
    assert names == sorted(names)
    assert len(names) in {364, 365, 366}


DAYS = st.datetimes(datetime(2025, 1, 1), datetime(2028, 1, 1))  # noqa: DTZ001  # Hypothesis wants them bare


@given(DAYS, st.sampled_from(ZONES), st.sampled_from([CRON, "0 */6 * * *", "15 3 * * sun"]))
def test_what_is_due_lies_less_than_four_hours_back(now: datetime, zone: str, cron: str) -> None:
    """Never in the future, and named by the date on the wall, give or take a clock change."""
    at = now.replace(tzinfo=UTC)
    due = night_due(cron, zone, at)
    if due:
        assert timedelta(0) <= at - due.at < MADE_UP_FOR
        assert due.name.startswith(f"night-{due.at.astimezone(ZoneInfo(zone)):%Y-%m-%d}")


def test_several_nights_a_day_have_names_of_their_own() -> None:
    """Their hour is part of the name; nights by hand are named by the minute."""
    assert [due and due.name for due in (night_due("0 */6 * * *", "UTC", utc(f"2026-11-21T{hour}:10")) for hour in ("06", "12"))] == [
        "night-2026-11-21-0600",
        "night-2026-11-21-1200",
    ]
    assert name_by_hand(BERLIN, utc("2026-11-21T14:32")) == "night-2026-11-21-1532"
    assert night_due("0 0 30 2 *", "UTC", utc("2026-02-28T01:00")) is None


async def test_jobs_run_at_the_start_and_then_every_so_often(tmp_path: Path) -> None:
    """So a night that was missed is found at once; housekeeping waits for its hour."""
    database = Database(make_engine(f"sqlite+aiosqlite:///{tmp_path / 'phyassist.db'}"), new_key())
    ran = asyncio.Event()

    async def job() -> None:
        ran.set()

    scheduler = make_scheduler(database, BERLIN, {"night": (job, LOOK)})
    scheduler.start()
    try:
        async with asyncio.timeout(60):
            await ran.wait()
        assert {job.id for job in scheduler.get_jobs()} == {"housekeeping", "night"}
    finally:
        scheduler.shutdown(wait=False)
        await database.close()
