"""Nights from the bot's side, on real databases and with real processes that speak as a night does: once, resumed, told."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.domain.case import Consent
from bot.night_process import NightProcesses
from bot.store.database import Database
from bot.store.engine import make_engine
from bot.store.vault import new_key
from bot.workflow import nights as nights_module
from bot.workflow.night_plan import Wishes, plan_night
from bot.workflow.night_ports import Broken, Failure, Lesson, NightEnd, NightRun
from bot.workflow.nights import MOST_BEGINS, Nights, Start
from deploy.model import DEMO_MODEL
from inference.note import Language, NoteLimits
from inference.registry import Registry
from tests.support.adapters import an_adapter
from tests.support.builders import NOW, a_sample
from tests.support.databases import make_schema
from tests.support.fake_night import CASES, ENVIRONMENT, STARTS, an_interpreter, behave
from tests.support.fakes import ScriptedModel
from training.data.dataset import load_dataset
from training.data.records import CaseRecord
from training.demo.content import load_content
from training.demo.practice import practice_records
from training.night.handover import API_KEY
from training.night.outcome import End, Outcome
from training.night.plan import Plan, Promotion, read_plan, write_plan
from training.night.told import Stage, Told

PATIENCE_S = 120.0
NAME = "night-2026-11-21"
STEP = {"stage": "train", "done": 3, "of": 9, "loss": 1.25, "seconds_left": 600.0}


@dataclass
class Heard:
    """Remembers what the admins would be told."""

    cases: list[int] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    ends: list[Outcome | Failure] = field(default_factory=list)
    lessons_told: list[Lesson] = field(default_factory=list)

    async def begun(self, night: NightRun, cases: int) -> None:
        self.cases.append(cases)

    def heard(self, night: NightRun, told: Told) -> None:
        self.told.append(told)

    async def ended(self, night: NightRun, ended: Outcome | Failure) -> None:
        self.ends.append(ended)

    async def lessons(self, lessons: Sequence[Lesson]) -> None:
        self.lessons_told += lessons


def wishes(home: Path, **changes: Any) -> Wishes:
    """Settings of nights under a home."""
    plain: dict[str, Any] = {
        "home": home,
        "base": home / "base",
        "begin": None,
        "base_set": None,
        "recipe": {"epochs": 1},
        "promotion": Promotion.ASK,
        "shared_gpus": True,
        "url": "http://127.0.0.1:1/v1",
        "model": "phyassist",
        "follows_registry": True,
        "max_tokens": 500,
        "context_tokens": 0,
        "limits": NoteLimits(),
    }
    return Wishes(**{**plain, **changes})


@dataclass
class Instance:
    """One instance of the bot, as far as nights go."""

    database: Database
    nights: Nights
    heard: Heard
    home: Path

    @property
    def folder(self) -> Path:
        """The night's folder."""
        return self.home / "nights" / NAME

    def starts(self) -> list[int]:
        """The processes that were begun, by their ids."""
        path = self.folder / STARTS
        return [int(line) for line in path.read_text().splitlines()] if path.exists() else []

    async def over(self) -> NightRun:
        """The night, when it has ended."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                night = await self.database.night(NAME)
                if night and night.end and not self.nights.is_running():
                    return night
                await asyncio.sleep(0.05)

    async def until(self, stage: Stage = Stage.TRAIN) -> None:
        """Returns when the night's process was heard."""
        async with asyncio.timeout(PATIENCE_S):
            while not any(told.stage is stage for told in self.heard.told):
                await asyncio.sleep(0.05)


async def instance(url: str, home: Path, host: str = "one") -> Instance:
    """An instance on a machine of that name, so that it can't look whether another's process lives."""
    database = Database(make_engine(url), new_key())
    database._host = host
    database._owner = f"{host}:{os.getpid()}:test"
    heard, registry, model = Heard(), Registry(home / "adapters"), ScriptedModel([])
    process = NightProcesses(home, an_interpreter(home / "bin"), "key-of-the-server")
    nights = Nights(database, process, heard, lambda name: plan_night(name, wishes(home), registry, model), lambda: datetime.now(UTC))
    return Instance(database, nights, heard, home)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pauses between begins."""
    monkeypatch.setattr(nights_module, "PAUSE_S", 0.05)


@pytest.fixture
async def here(store_url: str, tmp_path: Path) -> AsyncIterator[Instance]:
    """One instance on a new database."""
    await make_schema(store_url)
    made = await instance(store_url, tmp_path / "home")
    await made.database.prepare()
    yield made
    await made.nights.stop()
    await made.database.close()


async def test_a_night_from_its_begin_to_its_end(here: Instance) -> None:
    """The row, the plan, the process, its progress and its outcome; the same name does nothing again, and Slack's tokens stay outside."""
    behave(here.home, tell=[{"stage": "collect"}, STEP], end="ready")
    assert await here.nights.start(NAME, "U0ADA") is Start.BEGUN
    night = await here.over()
    assert (night.requested_by, night.end, night.reason) == ("U0ADA", NightEnd.READY, "")
    assert night.ended_at
    assert night.ended_at >= night.started_at
    assert here.heard.cases == [0]
    assert here.heard.told == [Told(Stage.COLLECT), Told(Stage.TRAIN, 3, 9, 1.25, 600.0)]
    (ended,) = here.heard.ends
    assert isinstance(ended, Outcome)
    assert ended.end is End.READY
    plan = read_plan(here.folder)
    assert (plan.champion, plan.begin, plan.prompt_tokens, plan.recipe, plan.shared_gpus) == (None, None, 4096 - 500, {"epochs": 1}, True)
    assert json.loads((here.folder / ENVIRONMENT).read_text()) == {API_KEY: "key-of-the-server"}
    assert await here.nights.start(NAME) is Start.KNOWN
    assert len(here.starts()) == 1
    assert (here.home / "logs" / "night.log").stat().st_mode & 0o777 == 0o600
    assert await here.database.newest_night() == night


async def test_a_failed_night_is_told_and_not_begun_again(here: Instance) -> None:
    """Its reason is kept; nothing goes on with it; the next night may begin."""
    behave(here.home, end="failed", reason="there is no memory left")
    await here.nights.start(NAME)
    night = await here.over()
    assert (night.end, night.reason) == (NightEnd.FAILED, "there is no memory left")
    assert here.heard.ends == [Failure("there is no memory left")]
    assert not await here.nights.resume()
    behave(here.home, end="nothing_new")
    assert await here.nights.start("night-2026-11-22") is Start.BEGUN
    assert len(here.starts()) == 1


async def test_a_process_that_ends_without_a_reason_is_a_failure(here: Instance) -> None:
    """An error that nobody foresaw says where to look."""
    behave(here.home, end="crash")
    await here.nights.start(NAME)
    assert "ended with 3 and gave no reason; see logs/night.log" in (await here.over()).reason


async def test_a_killed_process_is_gone_on_with(here: Instance) -> None:
    """kill -9 from outside: the same night goes on by itself, and is told once at its end."""
    behave(here.home, tell=[STEP, STEP], waits=True, end="refused")
    await here.nights.start(NAME)
    await here.until()
    os.kill(here.starts()[0], signal.SIGKILL)
    (here.home / "go").touch()
    assert (await here.over()).end is NightEnd.REFUSED
    assert len(here.starts()) == 2
    assert len(here.heard.ends) == 1


async def test_a_process_that_is_killed_each_time_is_given_up(here: Instance) -> None:
    """Not for ever: after some begins it is a failure."""
    behave(here.home, killed=100, end="ready")
    await here.nights.start(NAME)
    assert (await here.over()).end is NightEnd.FAILED
    assert len(here.starts()) == MOST_BEGINS


async def test_a_bot_that_stops_leaves_the_night_to_be_resumed(here: Instance, store_url: str) -> None:
    """The process is told to stop, the row stays open, and the next start goes on with the same plan."""
    behave(here.home, tell=[STEP, STEP], waits=True, end="ready")
    await here.nights.start(NAME, "U0ADA")
    await here.until()
    plan = read_plan(here.folder)
    await here.nights.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(here.starts()[0], 0)
    assert [night.name for night in await here.database.unfinished_nights()] == [NAME]
    assert here.heard.ends == []
    (here.home / "go").touch()
    again = await instance(store_url, here.home, "two")
    running = asyncio.create_task(again.nights.run())
    try:
        assert (await again.over()).end is NightEnd.READY
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await again.database.close()
    assert read_plan(here.folder) == plan
    assert len(here.starts()) == 2


async def a_consenting_case(database: Database) -> str:
    """A case that may be trained on; its id."""
    async with database.begin() as uow:
        case = await uow.open_case("T1", "C1", Language.ENGLISH, NOW)
        await uow.add_consent(case.id, Consent("the client", NOW.date(), "U0ANNA", NOW))
    return case.id


async def test_notes_before_and_after_are_kept_and_lie_on_no_disk(here: Instance) -> None:
    """They come through the pipe before the night ends, and are in no file of the night, nor in its log."""
    sample = a_sample(await a_consenting_case(here.database), "The green kettle", "A cold kettle.", "A warm kettle.")
    behave(here.home, tell=[STEP], samples=[asdict(sample)], end="ready")
    await here.nights.start(NAME)
    await here.over()
    assert [one.sample for one in await here.database.samples(NAME)] == [sample]
    files = [path for path in here.home.rglob("*") if path.is_file() and path.name != "behaviour.json"]
    assert here.folder / "outcome.json" in files
    assert not [path for path in files if b"kettle" in path.read_bytes()]


async def test_a_night_does_not_end_before_its_notes_are_kept(here: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the database fails, the night breaks off without an outcome; gone on with, it tells them again."""
    sample = a_sample(await a_consenting_case(here.database))
    behave(here.home, samples=[asdict(sample)], end="ready")

    async def fails(*_: object) -> None:
        raise ConnectionError

    with monkeypatch.context() as broken:
        broken.setattr(Database, "keep_samples", fails)
        await here.nights.start(NAME)
        async with asyncio.timeout(PATIENCE_S):
            while here.nights.is_running():
                await asyncio.sleep(0.05)
    assert not (here.folder / "outcome.json").exists()
    assert await here.nights.resume()
    assert (await here.over()).end is NightEnd.READY
    assert [one.sample for one in await here.database.samples(NAME)] == [sample]


async def test_two_schedulers_at_once_begin_one_night(here: Instance, store_url: str) -> None:
    """Whoever comes second does nothing, at the same moment, while it runs, and after it."""
    behave(here.home, tell=[STEP, STEP], waits=True, end="ready")
    other = await instance(store_url, here.home, "two")
    try:
        starts = await asyncio.gather(here.nights.start(NAME), other.nights.start(NAME))
        assert sorted(starts) == [Start.BEGUN, Start.RUNNING]
        one = here if here.nights.is_running() else other
        await one.until()
        assert await here.nights.start("night-2026-11-21-1532", "U0ADA") is Start.RUNNING
        assert not await here.nights.resume()
        assert not await other.nights.resume()
        (here.home / "go").touch()
        await one.over()
        assert [await each.nights.start(NAME) for each in (here, other)] == [Start.KNOWN, Start.KNOWN]
        assert len(here.starts()) == 1
    finally:
        await other.nights.stop()
        await other.database.close()


async def test_the_end_of_the_training_is_known_while_it_learns(here: Instance) -> None:
    """From its progress; nobody knows it before or after."""
    behave(here.home, tell=[STEP, {"stage": "champion"}], waits=True, end="ready")
    assert here.nights.learned_by is None
    await here.nights.start(NAME)
    await here.until()
    assert here.nights.learned_by
    assert timedelta(0) < here.nights.learned_by - datetime.now(UTC) <= timedelta(minutes=10)
    (here.home / "go").touch()
    await here.over()
    assert here.nights.learned_by is None


async def test_without_a_base_nothing_is_trained(here: Instance) -> None:
    """Neither by hand nor by the clock, nor what another instance left."""
    off = Nights(here.database, NightProcesses(here.home, None, None), here.heard, None, lambda: datetime.now(UTC))
    assert await off.start(NAME) is Start.OFF
    await here.database.begin_night(NAME, None)
    assert not await off.resume()


async def test_an_interpreter_that_is_not_there_is_a_failure(here: Instance) -> None:
    """A wrong setting is told in words."""
    here.nights._process = NightProcesses(here.home, here.home / "no-python", None)
    await here.nights.start(NAME)
    assert (await here.over()).reason == "its process can't be started: No such file or directory"


# the plan


async def test_a_night_goes_on_from_what_is_in_service(tmp_path: Path) -> None:
    """The bare base; the adapter that the server was started with; the registry's champion, retired or not."""
    registry, model = Registry(tmp_path / "adapters"), ScriptedModel([])
    begin = tmp_path / "begin"

    async def planned(name: str, **changes: Any) -> tuple[str | None, Path | None]:
        plan = read_plan(await plan_night(name, wishes(tmp_path, **changes), registry, model))
        return plan.champion, plan.begin

    assert await planned("night-1") == (None, None)
    assert await planned("night-2", begin=begin) == ("phyassist", begin)
    registry.add(an_adapter(tmp_path / "trained"), "night-2")
    registry.promote("night-2")
    assert await planned("night-3", begin=begin) == ("night-2", registry.get("night-2").path)
    assert await planned("night-4", begin=begin, follows_registry=False) == ("phyassist", begin)
    registry.retire("night-2", "it learned from a case that was deleted")
    assert await planned("night-5", begin=begin) == ("night-2", registry.get("night-2").path)
    registry.promote(None)
    assert await planned("night-6", begin=begin) == ("phyassist", begin)
    assert await planned("night-5", begin=None) == ("night-2", registry.get("night-2").path)  # a plan that is there stands


# the process


async def no_records() -> AsyncIterator[CaseRecord]:
    """No case."""
    for record in ():
        yield record


async def one_record() -> AsyncIterator[CaseRecord]:
    """A case whose text is long enough to fill any pipe."""
    yield CaseRecord("case-1", Language.CHINESE, None, ("安娜\n贝格" * 100_000,), (), ())


async def broken_records() -> AsyncIterator[CaseRecord]:
    """The database fails after the first case."""
    async for record in one_record():
        yield record
    raise ConnectionError


async def a_folder(home: Path) -> Path:
    """A night's folder with a plan."""
    return await plan_night(NAME, wishes(home), Registry(home / "adapters"), ScriptedModel([]))


def processes(home: Path) -> NightProcesses:
    """The fake night's."""
    return NightProcesses(home, an_interpreter(home / "bin"), None)


async def test_cases_go_through_the_pipe_whole(tmp_path: Path) -> None:
    """A line each, however long; what some library prints is no progress."""
    behave(tmp_path, tell=[STEP], end="promoted")
    folder, heard = await a_folder(tmp_path), list[Told]()
    ended = await processes(tmp_path).run(folder, one_record(), heard.append)
    assert isinstance(ended, Outcome)
    assert len(heard) == 1
    assert json.loads((folder / CASES).read_text()) == ["case-1"]


async def test_the_real_night_takes_what_the_bot_hands_over(tmp_path: Path) -> None:
    """No fake: `training.night` itself reads the cases, makes the dataset, and refuses a team with too few before anything is trained."""
    plan = Plan(name="night-1", home=tmp_path, base=DEMO_MODEL, url="http://127.0.0.1:9/v1", prompt_tokens=3000)
    given, heard = practice_records(load_content(), 6, seed=1), list[Told]()

    async def records() -> AsyncIterator[CaseRecord]:
        for record in given:
            yield record

    ended = await NightProcesses(tmp_path, None, None).run(write_plan(plan), records(), heard.append)
    assert isinstance(ended, Outcome), ended
    assert ended.end is End.REFUSED
    assert ended.headline is not None
    assert heard[0].stage is Stage.COLLECT
    dataset = load_dataset(plan.folder / "dataset")
    assert {*dataset.manifest.sides} == {record.id for record in given}


async def test_a_process_never_begins_with_a_part_of_the_cases(tmp_path: Path) -> None:
    """Where the database fails in between, it is killed before it took the part for the whole."""
    behave(tmp_path, end="ready")
    folder = await a_folder(tmp_path)
    with pytest.raises(ConnectionError):
        await processes(tmp_path).run(folder, broken_records(), lambda _: None)
    assert not (folder / CASES).exists()


async def test_a_process_that_was_told_to_stop_by_somebody_else_goes_on_later(tmp_path: Path) -> None:
    """SIGTERM from outside is no failure."""
    behave(tmp_path, tell=[STEP, STEP], waits=True, end="ready")
    folder = await a_folder(tmp_path)

    def stop(_: Told) -> None:
        os.kill(int((folder / STARTS).read_text()), signal.SIGTERM)

    assert await processes(tmp_path).run(folder, no_records(), stop) == Broken("was told to stop")
