"""One night, from the bot's side: begun once, gone on with after every stop, told, and ended once.

    claim the lease             of all instances one trains at a time; renewed while the night lasts
    the night's row             committed before anything begins; a second scheduler finds it and does nothing
    the plan                    written once; a night that goes on has it already
    the process                 gets the cases with consent, tells how far it is, leaves an outcome or a failure
    notes before and after      are kept, encrypted, before the process may end
    the admins are told         before the end is recorded: told twice is better than never
    the end is recorded         a night that failed is not begun again by itself

A bot that stops tells the process to stop; the row has no end, and whichever instance next finds the lease free goes on.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from zoneinfo import ZoneInfo

from bot.workflow.night_ports import Broken, Ended, Failure, MakePlan, NightEnd, NightProcess, NightReport, NightRun, NightStore
from bot.workflow.ports import Clock
from bot.workflow.records import case_records, night_cases
from inference.errors import InferenceError
from training.data.records import CaseRecord, SealedCase
from training.night.outcome import Outcome
from training.night.told import Stage, Told

log = logging.getLogger(__name__)

LEASE = "night"
RENEW_S = 15.0
LOOK_S = 15.0
"""How often it is looked whether a night waits to be gone on with: after a start, or after another instance died."""
MOST_BEGINS = 5
"""How often a night's process may be begun: one that is killed each time, for want of memory most likely, must not be so for ever."""
PAUSE_S = 5.0


class Start(StrEnum):
    """What came of a wish to begin a night."""

    BEGUN = "begun"
    RUNNING = "running"
    """Another night is under way, here or in another instance."""
    KNOWN = "known"
    """There was a night of that name."""
    OFF = "off"
    """No model to be trained is set."""


def name_by_hand(timezone: str, now: datetime) -> str:
    """The name of a night that somebody asks for."""
    return f"night-{now.astimezone(ZoneInfo(timezone)):%Y-%m-%d-%H%M}"


class Nights:
    """The nights of this bot; `make_plan` is None where no base model is set. One at a time, over all instances."""

    def __init__(self, store: NightStore, process: NightProcess, report: NightReport, make_plan: MakePlan | None, clock: Clock) -> None:
        self._store, self._process, self._report, self._make_plan, self._clock = store, process, report, make_plan, clock
        self._claiming = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._learned_by: datetime | None = None

    def is_running(self) -> bool:
        """Whether a night is under way in this instance."""
        return self._task is not None

    @property
    def learned_by(self) -> datetime | None:
        """About when the training will be done, as far as anybody here knows."""
        return self._learned_by

    async def start(self, name: str, by: str | None = None) -> Start:
        """Begins the night of that name, on behalf of a person or, with None, of the clock; it goes on by itself."""
        if self._make_plan is None:
            return Start.OFF
        async with self._claiming:
            if self.is_running() or not await self._store.claim(LEASE):
                return Start.RUNNING
            try:
                waits = await self._store.unfinished_nights()
                begun = not waits and await self._store.begin_night(name, by)
                night = await self._store.night(name) if begun else None
            except BaseException:
                await self._store.release(LEASE)
                raise
            if night is None:
                await self._store.release(LEASE)
                return Start.RUNNING if waits else Start.KNOWN
            self._begin(night, self._make_plan)
            return Start.BEGUN

    async def run(self) -> None:
        """Goes on with nights that a stop left unfinished, until cancelled; then the night under way is told to stop."""
        try:
            while True:
                try:
                    await self.resume()
                except Exception:
                    log.exception("the nights can't be looked at")
                await asyncio.sleep(LOOK_S)
        finally:
            await self.stop()

    async def resume(self) -> bool:
        """Goes on with the oldest unfinished night, if there is one and no instance is at it; whether it did."""
        if self._make_plan is None or self.is_running() or not await self._store.unfinished_nights():
            return False
        async with self._claiming:
            if self.is_running() or not await self._store.claim(LEASE):
                return False
            nights = await self._store.unfinished_nights()  # another instance may just have ended it
            if not nights:
                await self._store.release(LEASE)
                return False
            log.info("going on with %s", nights[0].name)
            self._begin(nights[0], self._make_plan)
            return True

    async def stop(self) -> None:
        """The night under way is told to stop; it is gone on with later."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _begin(self, night: NightRun, make_plan: MakePlan) -> None:
        self._task = asyncio.create_task(self._spend(night, make_plan), name=f"night {night.name}")

    async def _spend(self, night: NightRun, make_plan: MakePlan) -> None:
        try:
            async with self._lease_renewed():
                ended = await self._to_the_end(night, make_plan)
                log.info("%s ended: %s", night.name, ended.reason if isinstance(ended, Failure) else ended.end)
                await self._report.ended(night, ended)
                await self._record(night, ended)
        except Exception:
            # the database failed, or this code did: the row has no end, and a later look goes on with it
            log.exception("%s broke off", night.name)
        finally:
            self._task, self._learned_by = None, None
            with contextlib.suppress(Exception):  # a lease that can't be given back runs out
                await self._store.release(LEASE)

    async def _to_the_end(self, night: NightRun, make_plan: MakePlan) -> Outcome | Failure:
        """Begins the process as often as it has to."""
        while True:
            if await self._store.night_begun(night.name) > MOST_BEGINS:
                return Failure(f"it was begun {MOST_BEGINS} times and never came to an end; see logs/night.log")
            ended = await self._once(night, make_plan)
            if not isinstance(ended, Broken):
                return ended
            log.warning("the process of %s %s; it goes on", night.name, ended.how)
            await asyncio.sleep(PAUSE_S)

    async def _once(self, night: NightRun, make_plan: MakePlan) -> Ended:
        try:
            folder = await make_plan(night.name)
        except InferenceError as error:
            return Failure(str(error))
        except OSError as error:
            return Failure(f"its folder can't be written: {error.strerror}")
        await self._report.begun(night, len((await night_cases(self._store)).consenting))
        keep = partial(self._store.keep_samples, night.name)
        return await self._process.run(folder, self._records(), lambda told: self._hear(night, told), keep)

    async def _records(self) -> AsyncIterator[CaseRecord | SealedCase]:
        async for record in case_records(self._store):
            yield record

    def _hear(self, night: NightRun, told: Told) -> None:
        left = told.seconds_left if told.stage is Stage.TRAIN else None
        self._learned_by = self._clock() + timedelta(seconds=left) if left is not None else None
        self._report.heard(night, told)

    async def _record(self, night: NightRun, ended: Outcome | Failure) -> None:
        if isinstance(ended, Failure):
            await self._store.end_night(night.name, NightEnd.FAILED, ended.reason)
        else:
            await self._store.end_night(night.name, NightEnd(ended.end.value))

    @asynccontextmanager
    async def _lease_renewed(self) -> AsyncIterator[None]:
        spender = asyncio.current_task()
        renewer = asyncio.create_task(self._renew(spender))
        try:
            yield
        finally:
            renewer.cancel()
            await asyncio.gather(renewer, return_exceptions=True)

    async def _renew(self, spender: asyncio.Task[None] | None) -> None:
        while True:
            await asyncio.sleep(RENEW_S)
            try:
                if not await self._store.claim(LEASE) and spender:
                    log.warning("another instance took the night over")
                    spender.cancel()
            except Exception:
                log.exception("the lease of the night can't be renewed")
