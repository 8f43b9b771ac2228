"""One model's scores for the gate, by asking the server that serves it.

    held-out examples    loss of what the counselor approved; the model's own note beside it
    held-out pairs       how much likelier the counselor's version is than the draft
    safety fixtures      a rule each
    canaries             do planted strings come out
    benchmarks           IMHI, where the data is there

Champion and challenger are measured on the same things, one after the other or at once; the gate matches the rows. A few requests at a
time, each result written down as it comes (`ledger.py`), so that whoever starts the same measurement again goes on where it was killed.
Everything is asked at temperature 0: on the CPU the same server gives the same scores to the last bit.
"""

import asyncio
import hashlib
import itertools
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from inference.client import Delta, OpenAIChatModel
from inference.errors import InferenceError, ModelUnavailable, StreamBroken
from inference.likelihood import Likelihood
from inference.prompt import Message
from training.data.examples import Example, Preference
from training.evaluation.imhi import label_of, labels_of, weighted_f1
from training.gate.scores import BenchmarkScore, CanaryScore, ExampleScore, FixtureScore, PairScore, Scores
from training.measure import canaries as planted
from training.measure import imhi, safety
from training.measure.heldout import Asked, OwnNote, example_row, own_note, pair_row
from training.measure.ledger import Ledger, Row
from training.measure.served import Asking, ServedModel

log = logging.getLogger(__name__)

T = TypeVar("T")
Found = TypeVar("Found")

PAUSES_S = (2.0, 8.0, 30.0, 60.0)
"""Before a question is asked again of a server that was away, as while it is restarted; then the measurement ends, and can go on later."""

Done = Callable[[int, int], None]
"""Is told how many of how many questions are answered."""


@dataclass(frozen=True)
class Questions:
    """All that is asked. `data` names the dataset, such as its manifest's hash, so that scores of another one are never mixed in."""

    data: str
    examples: Sequence[Example] = ()
    pairs: Sequence[Preference] = ()
    fixtures: Sequence[safety.Fixture] = ()
    canaries: Sequence[planted.Canary] = ()
    benchmarks: Sequence[imhi.Question] = ()

    def about(self) -> dict[str, Any]:
        """What makes two lists of questions the same; hashes and counts, no text."""
        fixtures = [(one.id, one.rule.value, one.text) for one in self.fixtures]
        return {
            "data": self.data,
            "examples": len(self.examples),
            "pairs": len(self.pairs),
            "fixtures": hashlib.sha256(repr(fixtures).encode()).hexdigest(),
            "canaries": hashlib.sha256(repr(self.canaries).encode()).hexdigest(),
            "benchmarks": hashlib.sha256(repr([one.id for one in self.benchmarks]).encode()).hexdigest(),
        }


async def measure(served: ServedModel, questions: Questions, results: Path, asking: Asking, done: Done = lambda _, __: None) -> Scores:
    """The scores of one model. `results` is the file that it goes on from, if it is of the same measurement.

    Rows that are too long for the model are left out, for champion and challenger alike, and counted in the log.

    Raises:
        ModelUnavailable: the server is away, for longer than it takes to restart. Measure again later.
        ModelRefused, UnknownModel: it refuses the questions, or has no such adapter.
    """
    how = {"max_tokens": asking.max_tokens, "edit distance": "followed", **asdict(asking.limits)}
    about = {"adapter": served.adapter, "base": served.base, "asking": how, **questions.about()}
    async with _asked(served, asking) as asked:
        with Ledger(results, about) as ledger:
            jobs = list(_jobs(asked, questions))
            await _work(jobs, ledger, asking.at_once, done)
            return _scores(served, questions, ledger)


async def own_notes(served: ServedModel, prompts: Sequence[Sequence[Message]], asking: Asking) -> tuple[OwnNote, ...]:
    """What a model answers to each prompt, one after the other, as it is asked while it is measured. Raises: as `measure`."""
    async with _asked(served, asking) as asked:
        return tuple([await _patiently(_later(own_note, asked, prompt)) for prompt in prompts])


@asynccontextmanager
async def _asked(served: ServedModel, asking: Asking) -> AsyncIterator[Asked]:
    client = OpenAIChatModel(served.url, served.api_key, asking.timeout_s)
    try:
        async with Likelihood(served.url, served.api_key, asking.timeout_s, asking.priority) as likelihood:
            yield Asked(client, likelihood, served.name, asking)
    finally:
        await client.close()


@dataclass(frozen=True)
class _Job:
    """One row to be measured, and how."""

    kind: str
    id: str
    ask: Callable[[], Coroutine[Any, Any, Row]]


def _jobs(asked: Asked, questions: Questions) -> list[_Job]:
    return [
        *(_Job("example", row_id(place), _later(example_row, asked, row)) for place, row in enumerate(questions.examples)),
        *(_Job("pair", row_id(place), _later(pair_row, asked, pair)) for place, pair in enumerate(questions.pairs)),
        *(_Job("fixture", one.id, _later(_fixture_row, asked, one)) for one in questions.fixtures),
        *(_Job("canary", one.id, _later(_canary_row, asked, one)) for one in questions.canaries),
        *(_Job("benchmark", one.id, _later(_benchmark_row, asked, one)) for one in questions.benchmarks),
    ]


def _later(ask: Callable[[Asked, T], Coroutine[Any, Any, Found]], asked: Asked, what: T) -> Callable[[], Coroutine[Any, Any, Found]]:
    return lambda: ask(asked, what)


async def _fixture_row(asked: Asked, fixture: safety.Fixture) -> Row:
    return {"passed": safety.passes(fixture, await own_note(asked, fixture.messages))}


async def _canary_row(asked: Asked, canary: planted.Canary) -> Row:
    return {"out": await planted.recalls(asked.likelihood, asked.name, canary)}


async def _benchmark_row(asked: Asked, question: imhi.Question) -> Row:
    messages = [Message(role="user", content=question.query)]
    priority = asked.asking.priority
    stream = asked.model.stream(messages, model=asked.name, max_tokens=imhi.ANSWER_TOKENS, schema=None, priority=priority)
    answer = "".join([event.text async for event in stream if isinstance(event, Delta)])
    return {"label": labels_of(question.set).index(label_of(answer, question.set))}


async def _work(jobs: Sequence[_Job], ledger: Ledger, at_once: int, done: Done) -> None:
    """Measures what isn't measured yet; the first failure ends all, and what was measured stays in the file."""
    left = [job for job in jobs if ledger.get(job.kind, job.id) is None]
    finished = itertools.count(len(jobs) - len(left) + 1)
    queue = iter(left)

    async def worker() -> None:
        for job in queue:
            ledger.put(job.kind, job.id, await _patiently(job.ask))
            done(next(finished), len(jobs))

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(at_once, len(left))):
                group.create_task(worker())
    except* InferenceError as failures:  # one of them is raised as it is: callers know its type
        raise _first(failures) from None


async def _patiently(ask: Callable[[], Awaitable[Found]]) -> Found:
    """Asks again after a pause while the server is away."""
    for pause in PAUSES_S:
        try:
            return await ask()
        except (ModelUnavailable, StreamBroken) as error:
            log.info("the model server is away (%s); asking again in %.0f s", type(error).__name__, pause)
            await asyncio.sleep(pause)
    try:
        return await ask()
    except StreamBroken as error:
        raise ModelUnavailable("the model server breaks off its answers") from error


def _scores(served: ServedModel, questions: Questions, ledger: Ledger) -> Scores:
    def row(kind: str, id: str) -> Row:  # noqa: A002  # the field's own name
        found = ledger.get(kind, id)
        assert found is not None  # noqa: S101  # every job was done
        return found

    examples = [(row_id(place), one, row("example", row_id(place))) for place, one in enumerate(questions.examples)]
    pairs = [(row_id(place), one, row("pair", row_id(place))) for place, one in enumerate(questions.pairs)]
    too_long = sum(not found["tokens"] for *_, found in examples), sum(not found["fits"] for *_, found in pairs)
    if any(too_long):
        log.warning("%d held-out examples and %d pairs are too long for the model and were left out", *too_long)
    return Scores(
        adapter=served.adapter,
        base=served.base,
        trained_on=tuple(sorted(served.trained_on)),
        examples=tuple(ExampleScore(id=key, case_id=one.case_id, **found) for key, one, found in examples if found["tokens"]),
        pairs=tuple(PairScore(key, one.case_id, found["margin"]) for key, one, found in pairs if found["fits"]),
        fixtures=tuple(FixtureScore(one.id, row("fixture", one.id)["passed"]) for one in questions.fixtures),
        canaries=CanaryScore(len(questions.canaries), sum(row("canary", one.id)["out"] for one in questions.canaries)),
        benchmarks=_benchmarks(questions.benchmarks, row),
    )


def _benchmarks(asked: Sequence[imhi.Question], row: Callable[[str, str], Row]) -> tuple[BenchmarkScore, ...]:
    found = []
    for name in dict.fromkeys(one.set for one in asked):
        labels, ours = labels_of(name), [one for one in asked if one.set == name]
        answers = [labels[row("benchmark", one.id)["label"]] for one in ours]
        found.append(BenchmarkScore(f"IMHI {name}", round(weighted_f1([one.label for one in ours], answers), 2)))
    return tuple(found)


def row_id(place: int) -> str:
    """Rows have no ids of their own; their place in the file, which the dataset's hash vouches for, is one."""
    return f"{place:06d}"


def _first(failures: BaseExceptionGroup[InferenceError]) -> InferenceError:
    first = failures.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
