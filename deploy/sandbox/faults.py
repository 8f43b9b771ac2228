"""How the sandbox misbehaves when told to. Everything counts deterministically, so a failing test can be repeated."""

import random
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from deploy.sandbox.errors import RateLimited


class Farewell(StrEnum):
    """How a socket ends: announced by a disconnect message, as Slack does it, or cut without a word."""

    ANNOUNCED = "announced"
    CUT = "cut"


class Faults(BaseModel):
    """The faults in force; zero switches one off. Times are in seconds, `every` is each k-th."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    drop_acks_every: int = Field(0, ge=0, description="ignore every k-th ack of an event; 1 ignores all")
    drop_next_acks: int = Field(0, ge=0, description="ignore the next n acks of events, then none")
    deliver_times: int = Field(1, ge=1, le=20, description="send each event this many times with the same event_id")
    extra_event_ids: int = Field(0, ge=0, le=20, description="send each event this many more times under other event_ids")
    reorder_s: float = Field(0.0, ge=0, description="hold each event for a random time up to this, so that order changes")
    rate_limit_every: int = Field(0, ge=0, description="answer every k-th Web API call with 429")
    retry_after_s: int = Field(1, ge=1, description="Retry-After of those answers")
    server_error_every: int = Field(0, ge=0, description="answer every k-th Web API call with 500, not doing it")
    lose_answer_every: int = Field(0, ge=0, description="do every k-th Web API call, then answer 500")
    spare_methods: tuple[str, ...] = Field(("apps.connections.open",), description="Web API methods that are never disturbed")
    only_methods: tuple[str, ...] = Field((), description="if not empty, disturb only these Web API methods")
    api_delay_s: float = Field(0.0, ge=0, description="answer every Web API call this much later")
    disconnect_every_s: float = Field(0.0, ge=0, description="end all sockets this often")
    farewell: Farewell = Farewell.ANNOUNCED
    seed: int = 7


class Mischief:
    """Applies the faults in force: it does the counting."""

    def __init__(self, faults: Faults | None = None) -> None:
        self.set(faults or Faults())

    def set(self, faults: Faults) -> None:
        """Put other faults in force and count from the beginning."""
        self.faults = faults
        self._random = random.Random(faults.seed)
        self._acks = self._calls = self._dropped = 0

    def drops_ack(self) -> bool:
        """Whether the ack that has just come is to be ignored."""
        self._acks += 1
        if self._dropped < self.faults.drop_next_acks:
            self._dropped += 1
            return True
        return _each(self.faults.drop_acks_every, self._acks)

    def hold_s(self) -> float:
        """How long to hold the next event back, in seconds."""
        return self._random.uniform(0, self.faults.reorder_s) if self.faults.reorder_s else 0.0

    def before_call(self, method: str) -> bool:
        """Count a Web API call; return whether its answer must be lost. Raises RateLimited or ServerTrouble."""
        faults = self.faults
        if method in faults.spare_methods or (faults.only_methods and method not in faults.only_methods):
            return False
        self._calls += 1
        if _each(faults.rate_limit_every, self._calls):
            raise RateLimited(faults.retry_after_s)
        if _each(faults.server_error_every, self._calls):
            raise ServerTrouble
        return _each(faults.lose_answer_every, self._calls)


class ServerTrouble(Exception):
    """The Web API answers 500."""


def _each(every: int, count: int) -> bool:
    return every > 0 and count % every == 0
