"""What happens by the clock."""

from datetime import timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger

from bot.store.database import Database

KEYS_KEPT = timedelta(days=7)
"""How long the keys of answered acts are kept, to know late deliveries again; Slack's own retries end within the hour."""


def make_scheduler(database: Database, timezone: str) -> AsyncIOScheduler:
    """The scheduler, not yet started: housekeeping at a quiet hour."""
    scheduler = AsyncIOScheduler(timezone=timezone)
    quiet_hour = CronTrigger(hour=4, minute=15, timezone=timezone)
    scheduler.add_job(database.forget_keys, quiet_hour, args=[KEYS_KEPT], id="housekeeping", coalesce=True, misfire_grace_time=3600)
    return scheduler
