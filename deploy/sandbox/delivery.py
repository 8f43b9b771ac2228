"""Bringing envelopes to the app: acks in time, retries of events, and the faults of delivery."""

import asyncio
import time
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from deploy.sandbox.faults import Mischief
from deploy.sandbox.log import WireLog
from deploy.sandbox.model import Change, Json, new_id
from deploy.sandbox.payloads import Event, event_callback, events_of
from deploy.sandbox.state import Workspace


class EnvelopeKind(StrEnum):
    """The three kinds of envelopes; only events are sent again."""

    EVENT = "events_api"
    COMMAND = "slash_commands"
    INTERACTIVE = "interactive"


class Failure(StrEnum):
    """Why an envelope wasn't acknowledged; the values are Slack's retry reasons."""

    TIMEOUT = "timeout"
    NO_CONNECTION = "connection_failed"
    HTTP_ERROR = "http_error"


@dataclass(frozen=True, slots=True)
class Timing:
    """Slack's times, in seconds; tests shorten some."""

    ack_s: float = 3.0
    retry_delays_s: tuple[float, ...] = (0.0, 60.0, 300.0)
    wait_for_connection_s: float = 3.0
    trigger_s: float = 3.0
    response_url_s: float = 1800.0

    @classmethod
    def quick(cls) -> "Timing":
        """Return times for tests: acks within 1 s, retries after 0.1, 0.5 and 1 s."""
        return cls(ack_s=1.0, retry_delays_s=(0.1, 0.5, 1.0))


@dataclass(frozen=True, slots=True)
class Envelope:
    """What is brought to the app, with the number of the retry and its reason."""

    kind: EnvelopeKind
    payload: Json
    attempt: int = 0
    reason: Failure | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The app's ack with its payload, or why there was none."""

    failure: Failure | None = None
    payload: Json = field(default_factory=dict)

    @property
    def acked(self) -> bool:
        """Whether the app acknowledged in time."""
        return self.failure is None


class Transport(Protocol):
    """A way to the app: its sockets, or its request URL."""

    async def send(self, envelope: Envelope, timing: Timing) -> Answer:
        """Bring one envelope and wait for the ack."""
        ...


class Delivery:
    """Sends events at once and without waiting for each other, as Slack does, and people's actions one by one."""

    def __init__(
        self, workspace: Workspace, transport: Transport, mischief: Mischief, log: WireLog, timing: Timing, events: frozenset[str]
    ) -> None:
        self.transport = transport
        self.timing = timing
        self._events = events
        self._workspace = workspace
        self._mischief = mischief
        self._log = log
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def in_flight(self) -> int:
        """How many events are still to be acknowledged."""
        return len(self._tasks)

    def on_change(self, change: Change) -> None:
        """Send the subscribed events of a change."""
        for event in events_of(change, self._workspace):
            if event.subscription in self._events:
                self.emit(event)

    def emit(self, event: Event) -> list[str]:
        """Send one event, subscribed or not; return the event ids used (several when faults say so)."""
        faults = self._mischief.faults
        event_ids = [new_id("Ev") for _ in range(1 + faults.extra_event_ids)]
        for event_id in event_ids:
            payload = event_callback(event, self._workspace, event_id)
            for _ in range(faults.deliver_times):
                task = asyncio.create_task(self._deliver(payload))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        return event_ids

    async def act(self, kind: EnvelopeKind, payload: Json) -> Answer:
        """Bring a person's action to the app, once."""
        return await self._attempt(Envelope(kind, payload))

    async def stop(self) -> None:
        """Give up what is still in flight."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _deliver(self, payload: Json) -> None:
        hold_s = self._mischief.hold_s()
        if hold_s:
            await asyncio.sleep(hold_s)
        answer = await self._attempt(Envelope(EnvelopeKind.EVENT, payload))
        for attempt, delay_s in enumerate(self.timing.retry_delays_s, start=1):
            if answer.acked:
                return
            await asyncio.sleep(delay_s)
            answer = await self._attempt(Envelope(EnvelopeKind.EVENT, payload, attempt, answer.failure))

    async def _attempt(self, envelope: Envelope) -> Answer:
        started = time.perf_counter()
        answer = await self.transport.send(envelope, self.timing)
        self._log.envelope(envelope.kind, envelope.payload, envelope.attempt, answer.failure, started)
        return answer
