"""What happens by the clock.

Nights are looked for every minute, by their scheduled time on the clock on the wall, and named after it. So one that comes twice, because
clocks are put back or two instances look at once, has one name and is begun once; one whose hour is left out when clocks go forward comes
right after; one that was missed while the bot was down is made up for at the next start, unless the day has begun by then.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from bot.store.database import Database
from bot.workflow.nights import Nights, Start

log = logging.getLogger(__name__)

KEYS_KEPT = timedelta(days=7)
"""How long the keys of answered acts are kept, to know late deliveries again; Slack's own retries end within the hour."""
MADE_UP_FOR = timedelta(hours=4)
"""A start missed by less than this is made up for; an older one waits for the next night."""
SHIFT = timedelta(hours=3)
"""More than any zone's clock is ever put forward or back at once."""
LOOK = timedelta(minutes=1)
Job = tuple[Callable[[], Awaitable[Any]], timedelta]
"""What to do, and how often."""


@dataclass(frozen=True)
class Due:
    """A night that should have begun: its name, and when."""

    name: str
    at: datetime


def night_due(cron: str, timezone: str, now: datetime) -> Due | None:
    """The newest scheduled start up to `now` that may still be begun; None where there is none."""
    zone = ZoneInfo(timezone)
    # the clock on the wall runs evenly only without its zone: schedules are followed on it as if it were UTC
    wall = now.astimezone(zone).replace(tzinfo=UTC)
    trigger = CronTrigger.from_crontab(cron, timezone=UTC)
    found: Due | None = None
    start = trigger.get_next_fire_time(None, wall - MADE_UP_FOR - SHIFT)
    while start is not None and start <= wall + SHIFT:
        # an hour that is left out counts as if clocks had not changed yet; of one that comes twice, the first counts
        at = start.replace(tzinfo=zone).astimezone(UTC)
        if now - MADE_UP_FOR < at <= now:
            found = Due(_name(cron, start), at)
        start = trigger.get_next_fire_time(start, start + timedelta(seconds=1))
    return found


def _name(cron: str, start: datetime) -> str:
    minute, hour, *_ = cron.split()
    once_a_day = minute.isdecimal() and hour.isdecimal()
    return f"night-{start:%Y-%m-%d}" if once_a_day else f"night-{start:%Y-%m-%d-%H%M}"


async def begin_if_due(nights: Nights, cron: str, timezone: str, now: datetime) -> Start | None:
    """Begins the night that is due; None where none is. One that was begun before is not begun again."""
    due = night_due(cron, timezone, now)
    if due is None:
        return None
    start = await nights.start(due.name)
    if start is Start.BEGUN:
        log.info("%s begins, scheduled for %s", due.name, due.at.isoformat(timespec="minutes"))
    return start


def make_scheduler(database: Database, timezone: str, jobs: Mapping[str, Job]) -> AsyncIOScheduler:
    """The scheduler, not yet started: housekeeping at a quiet hour, and `jobs`, by name, at once and then every so often."""
    scheduler = AsyncIOScheduler(timezone=timezone)
    quiet_hour = CronTrigger(hour=4, minute=15, timezone=timezone)
    scheduler.add_job(database.forget_keys, quiet_hour, args=[KEYS_KEPT], id="housekeeping", coalesce=True, misfire_grace_time=3600)
    for name, (job, every) in jobs.items():
        often = IntervalTrigger(seconds=int(every.total_seconds()), timezone=UTC)
        scheduler.add_job(job, often, id=name, next_run_time=datetime.now(UTC), coalesce=True, max_instances=1, misfire_grace_time=None)
    return scheduler
