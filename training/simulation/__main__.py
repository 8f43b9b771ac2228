"""Thirty nights: `python -m training.simulation --nights 30 --home FOLDER`.

Before each night the model in service drafts notes to new descriptions, over HTTP, and a counselor with a steady style edits them. The
night is the real one: its dataset, its training, its measurements, its gate with the default thresholds. After every third night comes one
with a poisoned batch; whether it is stopped or not, nobody learns from the batch again. The same command goes on where it was ended.
"""

import argparse
import asyncio
import json
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

from tokenizers import Tokenizer

from inference.client import OpenAIChatModel
from inference.likelihood import Likelihood
from inference.profiles import cpu_profile
from inference.registry import ADAPTERS_DIRECTORY, Registry
from inference.server import model_server
from inference.service import connected, rollback
from training.data.examples import Budget
from training.data.records import CaseRecord
from training.demo import LIMITS
from training.demo.content import Content, load_content
from training.demo.night_recipe import STRONG, STRONG_MIXING
from training.demo.practice import BRIEF, STEADY, practice_records
from training.measure.heldout import Asked
from training.measure.served import Asking
from training.night.desk import Desk
from training.night.handover import Cases, end_line, read_cases, record_line
from training.night.night import spend_night
from training.night.outcome import End, Outcome
from training.night.plan import Plan, Promotion, read_plan, write_plan
from training.simulation.counselors import Poison, poisoned, served, worked_with, write_base_set
from training.simulation.figures import Figures, Quality, in_turns, quality, write_report

DEMO = Path(__file__).parents[1] / "demo"
GIVEN = "phyassist"
EVERY = 3
"""Honest nights to a poisoned one."""
POISONED_CASES = 24
AT_ONCE = 16
STYLES = {"brief": BRIEF, "steady": STEADY}
FIGURES_FILE = "figures.jsonl"


@dataclass(frozen=True)
class Settings:
    """What is simulated. The team sees `problems` kinds of problems; the base set is of all. `stock` cases are there on the first night, of
    which a fifth is held out (the gate wants 20); `new` come with each later one."""

    home: Path
    nights: int
    style: str
    problems: int
    stock: int
    new: int
    port: int
    out: Path


@dataclass(frozen=True)
class World:
    """What all nights share."""

    settings: Settings
    content: Content
    """What the team's clients come with."""
    whole: Content
    """What the model knows."""
    url: str
    registry: Registry
    client: OpenAIChatModel
    likelihood: Likelihood
    budget: Budget

    @property
    def champion(self) -> str:
        """Who serves."""
        return self.registry.pointer().champion or GIVEN

    @property
    def champion_folder(self) -> Path:
        """Where it is."""
        return DEMO / "adapter" if self.champion == GIVEN else self.registry.get(self.champion).path

    def asked(self) -> Asked:
        """The champion, to be asked."""
        return Asked(self.client, self.likelihood, self.champion, Asking(limits=LIMITS, at_once=AT_ONCE))


async def simulate(settings: Settings) -> None:
    """All nights that are not there yet."""
    whole = load_content()
    settings.home.mkdir(parents=True, exist_ok=True)
    write_base_set(settings.home / "base.jsonl", whole)
    profile = cpu_profile(DEMO / "model", settings.port)
    tokenizer = Tokenizer.from_file(str(DEMO / "model" / "tokenizer.json"))
    budget = Budget(3000, lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids))
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(model_server(profile, settings.home, {GIVEN: DEMO / "adapter"}, print))
        client = OpenAIChatModel(profile.url, None, 600)
        stack.push_async_callback(client.close)
        likelihood = await stack.enter_async_context(Likelihood(profile.url, None, 600))
        registry = Registry(settings.home / ADAPTERS_DIRECTORY)
        content = replace(whole, problems=whole.problems[: settings.problems])
        world = World(settings, content, whole, profile.url, registry, client, likelihood, budget)
        before = await _before(world)
        for number in range(1, settings.nights + 1):
            await one_night(world, before, f"night-{number:03d}", None)
            if number % EVERY == 0:
                await one_night(world, before, f"night-{number:03d}-poison", list(Poison)[number // EVERY % len(Poison)])


async def one_night(world: World, before: Quality, name: str, poison: Poison | None) -> None:
    """One night, unless it is there already, and its figures."""
    done = read_figures(world.settings.home)
    if name in {one.night for one in done}:
        return
    fresh = await _poisoned_cases(world, name, poison) if poison else await _new_cases(world, name)
    cases = Cases((*_earlier_cases(world, name), *fresh))
    champion = world.champion
    plan = read_plan(write_plan(_plan(world, name)))  # one that was begun with another champion goes on with it
    began = time.monotonic()
    desk = Desk(lambda told: print(f"\r{name} {told.stage} {told.done}/{told.of}   ", end="", flush=True))
    outcome = await spend_night(plan, cases, world.budget, desk)
    seconds = time.monotonic() - began
    if poison and outcome.end is End.PROMOTED:  # a failure of the gate; the honest nights go on without it
        async with connected(world.url, None, world.registry) as server:
            await rollback(world.registry, server)
    last = next((one for one in reversed(done) if one.champion == world.champion), None)
    now = last.quality if last else before
    if world.champion != champion or (last is None and world.champion != GIVEN):
        now = await quality(world.content, world.whole, world.asked(), STYLES[world.settings.style])
    figures = _figures(world, name, poison, outcome, now, len(fresh), seconds)
    with (world.settings.home / FIGURES_FILE).open("a") as file:
        file.write(json.dumps(asdict(figures)) + "\n")
    seen = f"edit distance {now.edit_distance:.3f}, base loss {now.base_loss:.4f}"
    print(f"\r{name}: {figures.end}{''.join(f'; {one}' for one in figures.refused_for)}; {seen}; {seconds:.0f} s", flush=True)
    write_report([*done, figures], before, world.settings.out)


def read_figures(home: Path) -> list[Figures]:
    """Of the nights so far."""
    try:
        lines = (home / FIGURES_FILE).read_text().splitlines()
    except FileNotFoundError:
        return []
    found = [json.loads(line) for line in lines]
    return [Figures(**{**one, "refused_for": tuple(one["refused_for"])}) for one in found]


def _figures(world: World, name: str, poison: Poison | None, outcome: Outcome, now: Quality, new: int, seconds: float) -> Figures:
    return Figures(
        night=name,
        poison=poison and poison.value,
        end=outcome.end.value,
        champion=world.champion,
        edit_distance=now.edit_distance,
        base_loss=now.base_loss,
        notes_loss=now.notes_loss,
        new_cases=new,
        train_rows=outcome.train_rows,
        heldout_rows=outcome.heldout_rows,
        seconds=round(seconds, 1),
        refused_for=tuple(row[0] for row in (outcome.table or {}).get("en", ()) if row[6] == "failed"),
    )


def _plan(world: World, name: str) -> Plan:
    return Plan(
        name=name,
        home=world.settings.home,
        base=DEMO / "model",
        url=world.url,
        champion=world.champion,
        begin=world.champion_folder,
        origin=DEMO / "adapter",
        recipe=STRONG,
        mixing=STRONG_MIXING,
        limits=LIMITS,
        prompt_tokens=world.budget.tokens,
        heldout_rows=30,
        at_once=AT_ONCE,
        base_set=world.settings.home / "base.jsonl",
        shared_gpus=False,
        promotion=Promotion.AUTOMATIC,
    )


async def _before(world: World) -> Quality:
    """The adapter that the team was given."""
    path = world.settings.home / "before.json"
    if not path.exists():
        asked = Asked(world.client, world.likelihood, GIVEN, Asking(limits=LIMITS, at_once=AT_ONCE))
        path.write_text(json.dumps(asdict(await quality(world.content, world.whole, asked, STYLES[world.settings.style]))))
    return Quality(**json.loads(path.read_text()))


async def _new_cases(world: World, name: str) -> list[CaseRecord]:
    """The cases of the day before a night, drafted by whom it finds in service; kept, so that a night that is gone on with has the same."""
    path = _cases_file(world, name)
    if not path.exists():
        count = world.settings.new if path.parent.is_dir() and any(path.parent.iterdir()) else world.settings.stock
        draft = served(world.asked())
        style = STYLES[world.settings.style]
        found = await in_turns([worked_with(world.content, f"practice-{name}-{place}", draft, style) for place in range(count)], AT_ONCE)
        records = [record for record in found if record is not None]
        path.parent.mkdir(exist_ok=True)
        path.with_suffix(".partial").write_bytes(b"".join([*map(record_line, records), end_line(len(records))]))
        path.with_suffix(".partial").replace(path)
    return _read(path)


async def _poisoned_cases(world: World, name: str, poison: Poison) -> list[CaseRecord]:
    records = await asyncio.to_thread(partial(practice_records, world.content, POISONED_CASES, seed=int(name.split("-")[1])))
    return poisoned(records, poison)


def _earlier_cases(world: World, name: str) -> list[CaseRecord]:
    """Those of the honest days before."""
    paths = sorted(_cases_file(world, name).parent.glob("*.jsonl"))
    return [record for path in paths if path.stem < name for record in _read(path)]


def _cases_file(world: World, name: str) -> Path:
    return world.settings.home / "cases" / f"{name}.jsonl"


def _read(path: Path) -> list[CaseRecord]:
    return list(read_cases(path.read_bytes().splitlines(keepends=True)).records)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True, help="the folder of the simulation, for all that is kept between calls")
    parser.add_argument("--nights", type=int, default=30, help="honest nights")
    parser.add_argument("--style", choices=STYLES, default="brief", help="of the counselor")
    parser.add_argument("--problems", type=int, default=64, help="kinds of problems that the team's clients come with")
    parser.add_argument("--stock", type=int, default=100, help="cases of the first night")
    parser.add_argument("--new", type=int, default=8, help="new cases before each later night")
    parser.add_argument("--port", type=int, default=8399, help="of the model server that is started")
    parser.add_argument("--out", type=Path, default=DEMO.parent / "night", help="where simulation.json and simulation.png go")
    asyncio.run(simulate(Settings(**vars(parser.parse_args(arguments)))))


if __name__ == "__main__":
    main()
