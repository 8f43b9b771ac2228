"""How soon a new adapter answers, and how long a promotion or a rollback takes, on an idle server and while notes are being written.

adapters that write differently are registered, each with the probe that a night would write
promote, promote, roll back, over and over          first with nobody there, then with all streams in flight
at the moment when the pointer moves                somebody asks for a note on a description that nobody has seen
afterwards every answer is asked for once more      by the adapter that it was asked of: it must be the same to the letter
"""

import asyncio
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import cycle
from pathlib import Path

from rich.console import Console
from rich.table import Table

from inference.client import Delta, OpenAIChatModel
from inference.errors import InferenceError
from inference.note import Language, note_schema
from inference.probe import FILE, ask_probe
from inference.prompt import TurnKind, build_prompt, reported
from inference.registry import ADAPTERS_DIRECTORY, Follower
from inference.service import Served, connected, promote, rollback
from tests.bench.arms import descriptions
from tests.bench.watched import ORDER, Watch, WatchedControl, WatchedLikelihood, WatchedRegistry
from tests.support.adapters import an_adapter
from training.demo import LIMITS

NAMES = ("night-1", "night-2", "night-3", "night-4")
"""So many that one which is promoted is never loaded any more."""
RANK = 16
MAX_TOKENS = 100
ALONE = 12
"""Notes of an idle server, one after the other."""
FIRST_AIM_S, ROLLBACK_AIM_S = 1.0, 10.0


@dataclass(frozen=True)
class Answer:
    """A note that was asked for: of which adapter, on which description, what was written, and seconds to its first token."""

    adapter: str
    text: str
    written: str
    first_s: float


@dataclass(frozen=True)
class Change:
    """A promotion or a rollback: seconds in all and of each stage, and from the switch to the first token of a note asked for then."""

    is_rollback: bool
    seconds: float
    stages: dict[str, float]
    first_s: float


@dataclass(frozen=True)
class Phase:
    """Changes under one load, and seconds to the first token of notes that were asked for whenever it was."""

    changes: list[Change]
    usual: list[float]

    def firsts(self) -> list[float]:
        """Seconds from the switches to first tokens."""
        return [change.first_s for change in self.changes]

    def seconds(self, *, of_rollbacks: bool) -> list[float]:
        """Of whole promotions, or rollbacks."""
        return [change.seconds for change in self.changes if change.is_rollback == of_rollbacks]

    def stage(self, name: str) -> list[float]:
        """Seconds of a stage, where a change had it."""
        return [change.stages[name] for change in self.changes if name in change.stages]


@dataclass
class Switching:
    """The server, the registry, and those who ask."""

    registry: WatchedRegistry
    served: Served
    watch: Watch
    model: OpenAIChatModel
    texts: Iterator[str]
    answers: list[Answer] = field(default_factory=list)
    failures: list[InferenceError] = field(default_factory=list)
    _next: Iterator[str] = field(default_factory=lambda: cycle(NAMES))

    async def register(self, folder: Path) -> None:
        """Adapters as nights leave them: with what they computed on this server when nobody else was there."""
        for seed, name in enumerate(NAMES):
            directory, measured = an_adapter(folder / name, self.served.shape, rank=RANK, scale=0.2, seed=seed), f"measured-{name}"
            await self.served.control.bring_in(measured, directory)
            (directory / FILE).write_text((await ask_probe(self.served.likelihood, measured, self.served.base)).to_json())
            await self.served.control.unload(measured)
            self.registry.add(directory, name)

    async def idle(self, changes: int) -> Phase:
        """Nobody else asks for anything. The very first note, which takes longer, is not counted."""
        await promote(self.registry, self.served, next(self._next))
        await self._ask([])
        usual: list[float] = []
        for _ in range(ALONE):
            await self._ask(usual)
        return Phase([await self._change(is_rollback=number % 3 == 2) for number in range(changes)], usual)

    async def busy(self, changes: int, streams: int) -> Phase:
        """So many notes are being written all the time; each change meets as many as were asked for since the one before."""
        usual: list[float] = []
        going = [asyncio.create_task(self._keep_asking(usual)) for _ in range(streams)]
        made = []
        for number in range(changes):
            await _more(usual, streams)
            made.append(await self._change(is_rollback=number % 3 == 2))
        await _more(usual, streams)
        for task in going:
            task.cancel()
        await asyncio.gather(*going, return_exceptions=True)
        return Phase(made, usual)

    async def wrong(self) -> int:
        """How many answers their adapter does not write again, to the letter and with nothing taken from the server's cache.

        What differs is asked for by itself as well: in a large batch the server rounds otherwise, and where two words are as likely as each
        other, the other one follows.
        """
        count = 0
        self.watch.begin(lambda _: None)
        for name in NAMES:
            await promote(self.registry, self.served, name)
            mine = [answer for answer in self.answers if answer.adapter == name]
            again = await asyncio.gather(*(self._write(name, answer.text, cache_salt="again") for answer in mine))
            for answer in [one for one, other in zip(mine, again, strict=True) if one.written != other.written]:
                count += (await self._write(name, answer.text, cache_salt="alone")).written != answer.written
        return count

    async def _change(self, *, is_rollback: bool) -> Change:
        switched: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self.watch.begin(switched.set_result)
        newcomer = asyncio.create_task(self._first_after(switched))
        began = time.perf_counter()
        if is_rollback:
            await rollback(self.registry, self.served)
        else:
            await promote(self.registry, self.served, next(self._next))
        seconds = time.perf_counter() - began
        return Change(is_rollback, seconds, self.watch.seconds(seconds), await newcomer)

    async def _first_after(self, switched: "asyncio.Future[float]") -> float:
        """Seconds from the switch to the first token of a note that is asked for as soon as the pointer has moved."""
        moved, first = await switched, list[float]()
        began = time.perf_counter()
        await self._ask(first)
        return began - moved + first[0] if first else float("inf")

    async def _keep_asking(self, first: list[float]) -> None:
        while True:
            await self._ask(first)

    async def _ask(self, first: list[float]) -> None:
        """One note, of whatever is in service; its answer is kept, or its failure."""
        name = Follower(self.registry.root).champion()
        assert name is not None
        try:
            answer = await self._write(name, next(self.texts))
        except InferenceError as error:
            self.failures.append(error)
            return
        self.answers.append(answer)
        first.append(answer.first_s)

    async def _write(self, name: str, text: str, cache_salt: str | None = None) -> Answer:
        prompt = build_prompt([reported(TurnKind.DESCRIPTION, text, Language.ENGLISH)], Language.ENGLISH, 10**6)
        schema = note_schema(limits=LIMITS)
        began, first, written = time.perf_counter(), None, ""
        async for event in self.model.stream(prompt.messages, model=name, max_tokens=MAX_TOKENS, schema=schema, cache_salt=cache_salt):
            if isinstance(event, Delta):
                first, written = first or time.perf_counter() - began, written + event.text
        return Answer(name, text, written, first or time.perf_counter() - began)


async def measure_switching(console: Console, url: str, home: Path, streams: int, changes: int) -> None:
    """The figures, idle and busy side by side; `home` is the data directory of the server at `url`."""
    watch, model, texts = Watch(), OpenAIChatModel(url, None, 120.0), descriptions(3)
    next(texts)  # reading what they are made of takes seconds, which would else be those of the first switch
    registry = WatchedRegistry(home / ADAPTERS_DIRECTORY, watch)
    async with connected(url, None, registry) as plain, WatchedControl(url, watch) as control, WatchedLikelihood(url, watch) as likelihood:
        served = replace(plain, control=control, likelihood=likelihood)
        switching = Switching(registry, served, watch, model, texts)
        await switching.register(home / "trained")
        idle = await switching.idle(changes)
        busy = await switching.busy(changes, streams)
        console.print(_table(idle, busy, streams))
        wrong = await switching.wrong()
    await model.close()
    console.print(f"{len(switching.answers)} notes: {len(switching.failures)} failed, {wrong} not by the adapter that they were asked of")
    for what, seconds, aim in (
        ("first token of the new adapter", busy.firsts(), FIRST_AIM_S),
        ("rollback", busy.seconds(of_rollbacks=True), ROLLBACK_AIM_S),
    ):
        met = "met" if max(seconds, default=0.0) <= aim else "missed"
        console.print(f"under load, {what}: {_said(seconds)} s (aim {aim:.0f} s): {met}")


def _table(idle: Phase, busy: Phase, streams: int) -> Table:
    """Medians and worst ones."""
    title = f"adapters in and out of service, {len(busy.changes)} changes"
    table = Table("median / worst, seconds", "idle server", f"{streams} notes being written", title=title, title_justify="left")
    table.add_row("first token, at any time", _said(idle.usual), _said(busy.usual))
    table.add_row("first token, from the switch", _said(idle.firsts()), _said(busy.firsts()))
    for name, of_rollbacks in (("promotion", False), ("rollback", True)):
        table.add_row(name, _said(idle.seconds(of_rollbacks=of_rollbacks)), _said(busy.seconds(of_rollbacks=of_rollbacks)))
    for stage in ORDER:
        table.add_row(f"  {stage}", _said(idle.stage(stage)), _said(busy.stage(stage)))
    return table


def _said(seconds: Sequence[float]) -> str:
    return f"{statistics.median(seconds):.3f} / {max(seconds):.3f}" if seconds else "none"


async def _more(seen: list[float], count: int) -> None:
    """Until there are so many more."""
    target = len(seen) + count
    while len(seen) < target:
        await asyncio.sleep(0.05)
