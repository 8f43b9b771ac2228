"""What a night needs from the outside. Real parts: `bot.store.database`, `bot.night_process` and `bot.slack.night_report`."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from bot.workflow.blind import Choice, Judgement, NightSample
from bot.workflow.ports import Store
from training.data.records import CaseRecord, SealedCase
from training.night.outcome import End, Outcome
from training.night.sample import Sample
from training.night.told import Told


class NightEnd(StrEnum):
    """How a night ended: as its outcome says, or by a failure."""

    PROMOTED = End.PROMOTED.value
    READY = End.READY.value
    REFUSED = End.REFUSED.value
    NOTHING_NEW = End.NOTHING_NEW.value
    FAILED = "failed"


@dataclass(frozen=True)
class NightRun:
    """A night as it is stored. `requested_by` None: the clock. `end` None: it is under way, or waits to be gone on with. `remark`: what an
    admin did about it, in words, with who and when."""

    name: str
    requested_by: str | None
    started_at: datetime
    message_ts: str | None
    ended_at: datetime | None
    end: NightEnd | None
    reason: str
    remark: str = ""


@dataclass(frozen=True)
class Failure:
    """A night that can't be done, and why."""

    reason: str


@dataclass(frozen=True)
class Broken:
    """The night's process ended without a word, killed most likely; `how` in words."""

    how: str


Ended = Outcome | Failure | Broken


@dataclass(frozen=True)
class Lesson:
    """An adapter that learned from cases which may not be trained on any more: `deleted` (ids), `withdrawn` (codes of the cases)."""

    adapter: str
    deleted: tuple[str, ...]
    withdrawn: tuple[str, ...]
    in_service: bool


class NightStore(Store, Protocol):
    """The part of the database that remembers nights."""

    async def begin_night(self, name: str, requested_by: str | None) -> bool: ...
    async def night_begun(self, name: str) -> int: ...
    async def night_told(self, name: str, message_ts: str) -> None: ...
    async def end_night(self, name: str, end: NightEnd, reason: str = "") -> None: ...
    async def unfinished_nights(self) -> Sequence[NightRun]: ...
    async def night(self, name: str) -> NightRun | None: ...
    async def newest_night(self) -> NightRun | None: ...
    async def night_remark(self, name: str, remark: str) -> None: ...
    async def keep_samples(self, night: str, samples: Sequence[Sample]) -> None: ...
    async def samples(self, night: str) -> Sequence[NightSample]: ...
    async def judge(self, night: str, user_id: str, choices: Mapping[int, Choice | None]) -> bool: ...
    async def judgements(self, night: str) -> Sequence[Judgement]: ...
    async def told_adapters(self) -> frozenset[tuple[str, str]]: ...
    async def tell_adapters(self, pairs: Iterable[tuple[str, str]]) -> None: ...


Hear = Callable[[Told], None]
KeepSamples = Callable[[Sequence[Sample]], Awaitable[None]]
"""Keeps notes before and after. The night waits until it returns."""


class NightProcess(Protocol):
    """Runs the night of a folder in a process of its own. Cancelled, it tells the process to stop, which leaves all to be gone on with.

    Without `keep` the night makes no notes before and after.
    """

    async def run(
        self, folder: Path, records: AsyncIterator[CaseRecord | SealedCase], hear: Hear, keep: KeepSamples | None = None
    ) -> Ended: ...


class NightReport(Protocol):
    """Who is told of nights: the admins. A call that waits for Slack may take long; none of them fails."""

    async def begun(self, night: NightRun, cases: int) -> None: ...
    def heard(self, night: NightRun, told: Told) -> None: ...
    async def ended(self, night: NightRun, ended: Outcome | Failure) -> None: ...
    async def lessons(self, lessons: Sequence[Lesson]) -> None: ...


MakePlan = Callable[[str], Awaitable[Path]]
"""Writes the plan of the night of that name, unless there is one; its folder. Raises: InferenceError, OSError."""
