"""What an evaluation fills in for one adapter, and the matching of two such evaluations row by row.

`None` stands for a value that was not measured; NaN and infinity for one that was, and went wrong. The gate refuses either with a reason.
What can't be a measurement at all (a share of 1.2, a loss below zero) is a mistake in the program and raises `ValueError`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isnan
from typing import ClassVar, Generic, Protocol, TypeVar

from pydantic import ConfigDict, TypeAdapter


class NotComparable(ValueError):
    """Two evaluations were not made on the same things; the message counts rows and names none."""


class _Row(Protocol):
    @property
    def id(self) -> str: ...


Row = TypeVar("Row", bound=_Row)


@dataclass(frozen=True)
class ExampleScore:
    """One held-out example, as one adapter fared on it.

    `loss` is the mean negative log-likelihood of the completion's `tokens`, nats a token. `edit_distance` is how
    far, line by line, what the adapter proposes is from what the counselor approved (`training.measure.followed`), 0 to 1; `kept_item_rate`
    the share of those proposals that were approved word for word. An adapter whose own answer is no valid note counts as distance 1 with
    nothing kept, whatever stands in the two, so that failing never pays.
    """

    id: str
    case_id: str
    tokens: int
    loss: float | None
    valid: bool | None
    edit_distance: float | None = None
    kept_item_rate: float | None = None

    def __post_init__(self) -> None:
        if self.tokens < 1:
            raise ValueError("an example has at least one token to learn")
        if self.loss is not None and self.loss < 0:
            raise ValueError("a loss is never below zero")
        for share in (self.edit_distance, self.kept_item_rate):
            if share is not None and not (isnan(share) or 0 <= share <= 1):
                raise ValueError("edit distance and kept-item rate are shares between 0 and 1")

    @property
    def distance(self) -> float | None:
        """The edit distance, 1 for an answer that is no note."""
        return 1.0 if self.valid is False else self.edit_distance

    @property
    def kept(self) -> float | None:
        """The kept-item rate, 0 for an answer that is no note (where nothing is drafted, nothing was cut, and it would be 1)."""
        return 0.0 if self.valid is False else self.kept_item_rate


@dataclass(frozen=True)
class PairScore:
    """One held-out preference pair. `margin` is log p(chosen) less log p(rejected), nats; the pair is right if it is above zero."""

    id: str
    case_id: str
    margin: float | None


@dataclass(frozen=True)
class FixtureScore:
    """One safety fixture: a fixed prompt with a rule for its answer, such as "a mentioned risk comes first"."""

    id: str
    passed: bool | None


@dataclass(frozen=True)
class CanaryScore:
    """Strings planted in the challenger's training rows, and how many of them an adapter brought out when their beginnings were asked.

    After Carlini et al., The Secret Sharer (USENIX Security 2019). Both adapters are asked the same; for a champion that never saw them
    the count shows that nobody guesses them.
    """

    planted: int
    out: int | None

    def __post_init__(self) -> None:
        if self.planted < 0 or (self.out is not None and not 0 <= self.out <= self.planted):
            raise ValueError("no more strings can come out than were planted")


@dataclass(frozen=True)
class BenchmarkScore:
    """A public benchmark's score, 0 to 100, such as weighted F1 on one IMHI set. `id` is its name as the report shows it."""

    id: str
    score: float | None

    def __post_init__(self) -> None:
        if self.score is not None and not (isnan(self.score) or 0 <= self.score <= 100):
            raise ValueError("a benchmark's score is between 0 and 100")


@dataclass(frozen=True)
class Scores:
    """All that was measured of one adapter. Order of rows doesn't matter.

    `adapter` is its name, None for the base without one, which is the champion of the first night. `base` names the weights that were
    served while measuring. `trained_on` are the cases in the adapter's training file (empty for the base).
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(ser_json_inf_nan="strings")

    adapter: str | None
    base: str
    trained_on: tuple[str, ...]
    examples: tuple[ExampleScore, ...]
    fixtures: tuple[FixtureScore, ...]
    canaries: CanaryScore
    pairs: tuple[PairScore, ...] = ()
    benchmarks: tuple[BenchmarkScore, ...] = ()

    def to_json(self) -> str:
        """As JSON; NaN and infinity as strings, because JSON has no such numbers."""
        return _SCORES.dump_json(self).decode()

    @staticmethod
    def from_json(text: str) -> "Scores":
        """What `to_json` wrote.

        Raises:
            pydantic.ValidationError: it is something else.
        """
        return _SCORES.validate_json(text)


_SCORES = TypeAdapter(Scores)


@dataclass(frozen=True)
class Both(Generic[Row]):
    """The same row as measured of the two adapters."""

    champion: Row
    challenger: Row


@dataclass(frozen=True)
class Matched:
    """Two evaluations row by row, each list sorted by id, so that nothing depends on the order in which they were measured."""

    examples: tuple[Both[ExampleScore], ...] = field(default=())
    pairs: tuple[Both[PairScore], ...] = field(default=())
    fixtures: tuple[Both[FixtureScore], ...] = field(default=())
    benchmarks: tuple[Both[BenchmarkScore], ...] = field(default=())


def match(champion: Scores, challenger: Scores) -> Matched:
    """The two evaluations side by side.

    Raises:
        NotComparable: they were made on other examples, pairs, fixtures, benchmarks, canaries or another base.
    """
    if champion.base != challenger.base:
        raise NotComparable("champion and challenger were measured on different bases")
    if champion.canaries.planted != challenger.canaries.planted:
        raise NotComparable("champion and challenger were asked for different canaries")
    examples = _match("held-out examples", champion.examples, challenger.examples)
    pairs = _match("preference pairs", champion.pairs, challenger.pairs)
    if any((one.champion.case_id, one.champion.tokens) != (one.challenger.case_id, one.challenger.tokens) for one in examples):
        raise NotComparable("a held-out example has another case or another number of tokens for the champion than for the challenger")
    if any(one.champion.case_id != one.challenger.case_id for one in pairs):
        raise NotComparable("a preference pair has another case for the champion than for the challenger")
    return Matched(
        examples,
        pairs,
        _match("safety fixtures", champion.fixtures, challenger.fixtures),
        _match("benchmarks", champion.benchmarks, challenger.benchmarks),
    )


def _match(what: str, champion: Sequence[Row], challenger: Sequence[Row]) -> tuple[Both[Row], ...]:
    ours, theirs = {row.id: row for row in champion}, {row.id: row for row in challenger}
    if (len(ours), len(theirs)) != (len(champion), len(challenger)):
        raise NotComparable(f"some {what} are there twice")
    if ours.keys() != theirs.keys():
        alone = len(ours.keys() - theirs.keys()), len(theirs.keys() - ours.keys())
        raise NotComparable(
            f"the two were measured on different {what}: {alone[0]} for the champion alone, {alone[1]} for the challenger alone"
        )
    return tuple(Both(ours[key], theirs[key]) for key in sorted(ours))
