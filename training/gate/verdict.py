"""What the gate says: one finding a criterion, and the verdict that follows from them."""

from dataclasses import dataclass
from enum import StrEnum

from pydantic import TypeAdapter

from training.gate.bootstrap import Interval
from training.gate.thresholds import Thresholds


class Criterion(StrEnum):
    """What is judged, in the order of the report."""

    CASES = "cases"
    UNSEEN = "unseen"
    LOSS = "loss"
    EDIT_DISTANCE = "edit distance"
    PROGRESS = "progress"
    PREFERENCE = "preference accuracy"
    KEPT = "kept-item rate"
    VALID = "valid-note rate"
    SAFETY = "safety fixtures"
    CANARIES = "canaries"
    BENCHMARK = "benchmark"


class Role(StrEnum):
    """What a criterion is there for."""

    MUST = "must"
    """A hard limit on what was counted: no interval excuses it."""
    IMPROVEMENT = "improvement"
    """One of these has to be better, the interval excluding zero; none may be worse by more than its margin."""
    GUARD = "guard"
    """Nothing has to be won here, but what is clearly lost refuses the challenger."""


ROLES = {
    Criterion.CASES: Role.MUST,
    Criterion.UNSEEN: Role.MUST,
    Criterion.LOSS: Role.IMPROVEMENT,
    Criterion.EDIT_DISTANCE: Role.IMPROVEMENT,
    Criterion.PROGRESS: Role.IMPROVEMENT,
    Criterion.PREFERENCE: Role.GUARD,
    Criterion.KEPT: Role.GUARD,
    Criterion.VALID: Role.MUST,
    Criterion.SAFETY: Role.MUST,
    Criterion.CANARIES: Role.MUST,
    Criterion.BENCHMARK: Role.GUARD,
}

LOWER_IS_BETTER = {Criterion.LOSS, Criterion.EDIT_DISTANCE}


class Outcome(StrEnum):
    """How a criterion came out."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_JUDGED = "not judged"


class Reason(StrEnum):
    """Why a criterion came out as it did; `report` has the sentence in each language."""

    ENOUGH_CASES = "enough cases"
    TOO_FEW_CASES = "too few cases"
    UNSEEN = "unseen"
    TRAINED_ON = "trained on"
    BETTER = "better"
    WITHIN_MARGIN = "within margin"
    MAYBE_WORSE = "maybe worse"
    WORSE = "worse"
    PROGRESS = "progress"
    NO_PROGRESS = "no progress"
    NOT_CLEARLY_WORSE = "not clearly worse"
    TOO_FEW_PAIRS = "too few pairs"
    VALID = "valid"
    FEWER_VALID = "fewer valid"
    BELOW_FLOOR = "below floor"
    SAFE = "safe"
    NEWLY_UNSAFE = "newly unsafe"
    TOO_FEW_FIXTURES = "too few fixtures"
    NOTHING_OUT = "nothing out"
    CANARIES_OUT = "canaries out"
    TOO_FEW_CANARIES = "too few canaries"
    BENCHMARK_HOLDS = "benchmark holds"
    BENCHMARK_FELL = "benchmark fell"
    CHAMPION_MISSING = "champion missing"
    CHALLENGER_MISSING = "challenger missing"
    CHAMPION_BROKEN = "champion broken"
    CHALLENGER_BROKEN = "challenger broken"
    CASES_FIRST = "cases first"


@dataclass(frozen=True)
class Finding:
    """One criterion: values of the two adapters, challenger less champion with its interval, and what follows.

    Shares are 0 to 1, losses nats a token, benchmark scores 0 to 100. No value is NaN or infinite; what can't be given is None.
    `count` is what the reason counts; `benchmark` names the one that is meant.
    """

    criterion: Criterion
    role: Role
    outcome: Outcome
    reason: Reason
    champion: float | None = None
    challenger: float | None = None
    difference: float | None = None
    interval: Interval | None = None
    threshold: float | None = None
    count: int | None = None
    benchmark: str | None = None


@dataclass(frozen=True)
class Verdict:
    """Whether the challenger takes the champion's place, with every reason, and what is needed to decide the same again."""

    champion: str | None
    challenger: str | None
    base: str
    findings: tuple[Finding, ...]
    thresholds: Thresholds
    seed: int

    @property
    def refusals(self) -> tuple[Finding, ...]:
        """What speaks against the challenger."""
        return tuple(finding for finding in self.findings if finding.outcome is Outcome.FAILED)

    @property
    def promoted(self) -> bool:
        """Nothing speaks against it, and one of the improvements was shown."""
        shown = any(finding.reason is Reason.PROGRESS for finding in self.findings)
        return shown and not self.refusals

    def to_json(self) -> str:
        """As JSON, for the registry."""
        return _VERDICT.dump_json(self).decode()

    @staticmethod
    def from_json(text: str) -> "Verdict":
        """What `to_json` wrote.

        Raises:
            pydantic.ValidationError: it is something else.
        """
        return _VERDICT.validate_json(text)


_VERDICT = TypeAdapter(Verdict)
