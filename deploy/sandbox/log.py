"""What went over the wire, without any text: Web API calls and envelopes, for tests, statistics and a side panel."""

import time
from collections import Counter, deque
from dataclasses import asdict, dataclass, field

from deploy.sandbox.model import Json

KEPT = 20_000


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One Web API call: `status` is the HTTP status, `error` Slack's name, `ms` how long it took."""

    n: int
    at: float
    method: str
    status: int
    error: str | None
    ms: float


@dataclass(frozen=True, slots=True)
class EnvelopeRecord:
    """One delivery attempt: `type` names the event or action, `failure` says why there was no ack."""

    n: int
    at: float
    kind: str
    type: str
    event_id: str | None
    attempt: int
    failure: str | None
    ms: float


@dataclass(slots=True)
class WireLog:
    """The newest calls and envelopes."""

    calls: deque[CallRecord] = field(default_factory=lambda: deque(maxlen=KEPT))
    envelopes: deque[EnvelopeRecord] = field(default_factory=lambda: deque(maxlen=KEPT))
    _numbers: Counter[str] = field(default_factory=Counter)

    def call(self, method: str, status: int, error: str | None, started: float) -> None:
        """Note a call that began at `started` (time.perf_counter)."""
        self._numbers["calls"] += 1
        self.calls.append(CallRecord(self._numbers["calls"], time.time(), method, status, error, _ms_since(started)))

    def envelope(self, kind: str, payload: Json, attempt: int, failure: str | None, started: float) -> None:
        """Note a delivery attempt that began at `started` (time.perf_counter)."""
        self._numbers["envelopes"] += 1
        name = str(payload.get("event", {}).get("type") or payload.get("command") or payload.get("type"))
        event_id = payload.get("event_id")
        number = self._numbers["envelopes"]
        self.envelopes.append(EnvelopeRecord(number, time.time(), kind, name, event_id, attempt, failure, _ms_since(started)))

    def statistics(self) -> Json:
        """Return calls by method with errors and times, and envelopes by outcome."""
        methods: dict[str, list[CallRecord]] = {}
        for call in self.calls:
            methods.setdefault(call.method, []).append(call)
        outcomes = Counter(record.failure or "acked" for record in self.envelopes)
        return {"methods": {name: _summary(calls) for name, calls in sorted(methods.items())}, "envelopes": dict(outcomes)}


def records_json(records: deque[CallRecord] | deque[EnvelopeRecord], since: int) -> list[Json]:
    """Return the records after number `since`, oldest first."""
    return [asdict(record) for record in records if record.n > since]


def _summary(calls: list[CallRecord]) -> Json:
    times = sorted(call.ms for call in calls)
    errors = Counter(call.error for call in calls if call.error)
    return {"count": len(calls), "errors": dict(errors), "ms_median": times[len(times) // 2], "ms_p95": times[int(len(times) * 0.95)]}


def _ms_since(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 2)
