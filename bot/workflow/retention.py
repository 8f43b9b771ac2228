"""How long closed cases are kept: announced once, some days before, then deleted; opening a case again stops it.

A case is never deleted sooner after its announcement than the announcement says, also where the setting is new, was made shorter, or the
bot was down on the day.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from bot.domain.audit import BOT
from bot.domain.case import Case
from bot.domain.deletion import Announcement
from bot.workflow.deleting import Deletions, DeletionStore
from bot.workflow.ports import Clock

log = logging.getLogger(__name__)

LEASE = "retention"


@dataclass(frozen=True)
class Retention:
    """How long a closed case is kept, and how long before its end that is announced."""

    keep: timedelta
    notice: timedelta


class RetentionStore(DeletionStore, Protocol):
    """The part of the database that knows what was announced."""

    async def announced(self) -> Mapping[str, Announcement]: ...
    async def announce(self, case: Case, announcement: Announcement) -> None: ...


class Announcer(Protocol):
    """Says in Slack, once for each closing, that a case will be deleted; it does not fail for what Slack refuses."""

    async def announce(self, case: Case, closed: datetime, due: datetime) -> None: ...


def due(case: Case, retention: Retention, announced: Announcement | None, now: datetime) -> datetime | None:
    """When a closed case is to be deleted, if it is announced now or was before; None for a case that is not closed."""
    if case.closed_at is None:
        return None
    said = announced.at if announced and announced.closed_at == case.closed_at else now
    return max(case.closed_at + retention.keep, said + retention.notice)


class ClosedCases:
    """Looks after closed cases."""

    def __init__(self, store: RetentionStore, deletions: Deletions, announcer: Announcer, retention: Retention, clock: Clock) -> None:
        self._store, self._deletions, self._announcer = store, deletions, announcer
        self._retention, self._clock = retention, clock

    async def look(self) -> None:
        """Announces and deletes what it is time for; of all instances one does."""
        async with self._store.begin() as uow:
            closed = [case for case in await uow.cases() if case.closed_at]
        if not closed or not await self._store.claim(LEASE):
            return
        try:
            announced = await self._store.announced()
            for case in closed:
                await self._look_at(case, announced.get(case.id))
        finally:
            await self._store.release(LEASE)

    async def _look_at(self, case: Case, announced: Announcement | None) -> None:
        now = self._clock()
        end = due(case, self._retention, announced, now)
        if end is None or case.closed_at is None or now < end - self._retention.notice:
            return
        if announced is None or announced.closed_at != case.closed_at:
            await self._announcer.announce(case, case.closed_at, end)
            await self._store.announce(case, Announcement(case.closed_at, now))
        elif now >= end and await self._still_closed(case):
            log.info("case %s is deleted: its time of retention is over", case.id)
            await self._deletions.delete(case.id, BOT)

    async def _still_closed(self, case: Case) -> bool:
        """Whether nobody has opened the case since it was looked at."""
        async with self._store.begin() as uow:
            file = await uow.case_file(case.id)
        return file is not None and file.case.closed_at == case.closed_at
