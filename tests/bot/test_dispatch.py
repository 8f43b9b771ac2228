"""The queue: strict order in a channel, channels in parallel, nothing lost and nothing done twice."""

import asyncio
import logging
import random
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from bot.store.database import LEASE, Database
from bot.store.engine import make_engine
from bot.store.vault import new_key
from bot.workflow import dispatch
from bot.workflow.dispatch import MOST_TRIES, Dispatcher
from bot.workflow.incoming import Posted, Stage
from bot.workflow.ports import Work
from tests.support.builders import NOW, a_post
from tests.support.databases import make_schema

KEY = new_key()


@dataclass
class Desk:
    """Works acts off: each takes `slow_s`, waits for `gate`, and is done in two stages, as answers are."""

    database: Database
    slow_s: float = 0.0
    gate: asyncio.Event | None = None
    poison: str = "poison"
    handled: list[str] = field(default_factory=list)
    given_up: list[str] = field(default_factory=list)
    at_once: int = 0
    busy_channels: set[str] = field(default_factory=set)

    async def handle(self, work: Work) -> Work:
        act = work.act
        assert isinstance(act, Posted)
        assert act.channel_id not in self.busy_channels, "two acts of one channel at once"
        self.busy_channels.add(act.channel_id)
        self.at_once += 1
        try:
            await asyncio.sleep(self.slow_s)
            if self.gate:
                await self.gate.wait()
            if act.text == self.poison:
                raise ValueError(act.text)
            stage = Stage.ACCEPTED if work.stage is Stage.PENDING else Stage.DONE
            async with self.database.begin() as uow:
                further = await uow.advance(work, stage)
            if stage is Stage.DONE:
                self.handled.append(act.text)
            return further
        finally:
            self.at_once -= 1
            self.busy_channels.discard(act.channel_id)

    async def give_up(self, work: Work) -> None:
        assert isinstance(work.act, Posted)
        self.given_up.append(work.act.text)


@pytest.fixture
async def database(store_url: str) -> AsyncIterator[Database]:
    """A new database."""
    await make_schema(store_url)
    database = Database(make_engine(store_url), KEY)
    await database.prepare()
    yield database
    await database.close()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sweeps and second tries come soon."""
    monkeypatch.setattr(dispatch, "SWEEP_S", 0.1)
    monkeypatch.setattr(dispatch, "FIRST_PAUSE_S", 0.01)


@asynccontextmanager
async def at_work(desk: Desk) -> AsyncIterator[Dispatcher]:
    """A dispatcher that runs for as long as the block lasts."""
    dispatcher = Dispatcher(desk.database, desk.handle, desk.give_up)
    task = asyncio.create_task(dispatcher.run())
    try:
        yield dispatcher
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def until(true: Callable[[], bool | Awaitable[bool]], seconds: float = 30.0) -> None:
    """Waits until something is true."""
    async with asyncio.timeout(seconds):
        while True:
            value = true()
            if value if isinstance(value, bool) else await value:
                return
            await asyncio.sleep(0.02)


async def test_acts_of_a_channel_are_handled_in_slacks_order(database: Database) -> None:
    """However acts arrive, those that wait are taken by Slack's time, one after the other."""
    posts = [a_post(f"{number}", f"17000000{number:02d}.000100") for number in range(12)]
    shuffled = random.Random(3).sample(posts, len(posts))
    for post in shuffled:
        await database.receive(post)
    desk = Desk(database)
    async with at_work(desk) as dispatcher:
        dispatcher.notify("C1")
        await until(lambda: len(desk.handled) == 12)
    assert desk.handled == [post.text for post in posts]


async def test_what_was_begun_is_finished_before_an_earlier_latecomer(database: Database) -> None:
    """An act that arrives late with an earlier time doesn't cut in between the stages of another one."""
    await database.receive(a_post("begun", "1700000005.000100"))
    work = await database.next_work("C1")
    assert work
    async with database.begin() as uow:
        await uow.advance(work, Stage.ACCEPTED)
    await database.receive(a_post("late", "1700000001.000100"))
    desk = Desk(database)
    async with at_work(desk) as dispatcher:
        dispatcher.notify("C1")
        await until(lambda: len(desk.handled) == 2)
    assert desk.handled == ["begun", "late"]


async def test_channels_do_not_wait_for_each_other(database: Database) -> None:
    """Ten cases are worked on at the same time."""
    desk = Desk(database, gate=asyncio.Event())
    assert desk.gate
    async with at_work(desk) as dispatcher:
        for number in range(10):
            post = a_post(f"{number}", channel=f"C{number}")
            await database.receive(post)
            dispatcher.notify(post.channel_id)
        await until(lambda: desk.at_once == 10)
        desk.gate.set()
        await until(lambda: len(desk.handled) == 10)


async def test_an_act_announced_while_another_is_handled_follows(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A post that comes during an answer is not forgotten, without waiting for a sweep."""
    monkeypatch.setattr(dispatch, "SWEEP_S", 3600.0)
    desk = Desk(database, slow_s=0.1)
    async with at_work(desk) as dispatcher:
        for number in range(3):
            await database.receive(a_post(f"{number}"))
            dispatcher.notify("C1")
            await asyncio.sleep(0.05)
        await until(lambda: len(desk.handled) == 3)
    assert desk.handled == ["0", "1", "2"]


@pytest.mark.usefixtures("quick")
async def test_a_poison_act_is_set_aside(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    """An act that fails each time is given up after some tries, its author is told once, and the next one is handled."""
    for text in ("before", "poison", "after"):
        await database.receive(a_post(text))
    desk = Desk(database)
    with caplog.at_level(logging.ERROR):
        async with at_work(desk) as dispatcher:
            dispatcher.notify("C1")
            await until(lambda: len(desk.handled) == 2)
    assert desk.handled == ["before", "after"]
    assert desk.given_up == ["poison"]
    assert sum("try" in record.getMessage() for record in caplog.records) == MOST_TRIES
    assert await database.count_waiting("C1") == 0
    assert await database.waiting() == []


@pytest.mark.usefixtures("quick")
async def test_what_nobody_announced_is_found(database: Database) -> None:
    """Acts that a crash left behind, or that another instance received, are found by the sweep."""
    await database.receive(a_post("left behind"))
    desk = Desk(database)
    async with at_work(desk):
        await until(lambda: desk.handled == ["left behind"])


@pytest.mark.usefixtures("quick")
async def test_a_database_that_fails_for_a_while_costs_nothing(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the database is back, work goes on by itself."""
    real, failing = database.take, True

    async def take(channel_id: str) -> Work | None:
        if failing:
            raise OSError("disk full")
        return await real(channel_id)

    monkeypatch.setattr(database, "take", take)
    await database.receive(a_post("patient"))
    desk = Desk(database)
    async with at_work(desk) as dispatcher:
        dispatcher.notify("C1")
        await asyncio.sleep(0.3)
        assert desk.handled == []
        failing = False
        await until(lambda: desk.handled == ["patient"])


async def test_after_the_stop_nothing_begins(database: Database) -> None:
    """A dispatcher that was stopped in the middle starts no further act, even if one was announced just before."""
    desk = Desk(database, gate=asyncio.Event())
    assert desk.gate
    for number in range(3):
        await database.receive(a_post(f"{number}"))
    async with at_work(desk) as dispatcher:
        dispatcher.notify("C1")
        await until(lambda: desk.at_once == 1)
        dispatcher.notify("C1")
    desk.gate.set()
    await asyncio.sleep(0.3)
    assert desk.at_once == 0
    assert desk.handled == []
    assert await database.count_waiting("C1") == 3


@pytest.mark.usefixtures("quick")
async def test_two_machines_handle_each_act_once(database: Database, store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two instances on one database share the channels, never one channel at the same time, and keep the order."""
    monkeypatch.setattr(socket, "gethostname", lambda: "another-machine")
    other = Database(make_engine(store_url), KEY)
    log: list[str] = []
    busy: set[str] = set()
    one, two = Desk(database, 0.01, handled=log, busy_channels=busy), Desk(other, 0.01, handled=log, busy_channels=busy)
    expected = {f"C{channel}": [f"{channel}-{number}" for number in range(4)] for channel in range(4)}
    try:
        async with at_work(one) as first, at_work(two) as second:
            for number in range(4):
                for channel in expected:
                    await random.Random(number).choice([database, other]).receive(a_post(f"{channel[1:]}-{number}", channel=channel))
                    first.notify(channel)
                    second.notify(channel)
            await until(lambda: len(log) >= 16)
            await asyncio.sleep(0.3)
    finally:
        await other.close()
    assert len(log) == 16
    for channel, texts in expected.items():
        assert [text for text in log if text.startswith(f"{channel[1:]}-")] == texts


async def test_a_living_machines_channel_is_left_alone(database: Database, store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lease of another machine holds until it runs out; released, it is free at once."""
    now = NOW
    monkeypatch.setattr(socket, "gethostname", lambda: "another-machine")
    other = Database(make_engine(store_url), KEY, lambda: now)
    monkeypatch.undo()
    here = Database(make_engine(store_url), KEY, lambda: now)
    try:
        assert await other.claim("C1")
        assert not await here.claim("C1")
        now = NOW + LEASE - timedelta(seconds=1)
        assert not await here.claim("C1")
        assert await other.claim("C1")  # renewed
        now = NOW + LEASE + timedelta(seconds=1)
        assert not await here.claim("C1")
        await here.release("C1")  # not its own: nothing happens
        assert not await here.claim("C1")
        await other.release("C1")
        assert await here.claim("C1")
        assert not await other.claim("C1")
        now += LEASE + timedelta(seconds=1)
        assert await other.claim("C1")
    finally:
        for each in (other, here):
            await each.close()


@pytest.mark.parametrize("stopped", [False, True])
async def test_a_channel_is_given_back(database: Database, store_url: str, monkeypatch: pytest.MonkeyPatch, stopped: bool) -> None:
    """With its work done, or stopped in the middle of it, an instance leaves the channel to others at once."""
    desk = Desk(database, slow_s=30.0 if stopped else 0.0)
    await database.receive(a_post("one"))
    async with at_work(desk) as dispatcher:
        dispatcher.notify("C1")
        await until(lambda: desk.at_once == 1 if stopped else desk.handled == ["one"])
        await asyncio.sleep(0 if stopped else 0.3)
    monkeypatch.setattr(socket, "gethostname", lambda: "another-machine")
    other = Database(make_engine(store_url), KEY)
    assert await other.claim("C1")
    await other.close()


CLAIM = """
import asyncio, sys
from bot.store.database import Database
from bot.store.engine import make_engine

async def main() -> None:
    database = Database(make_engine(sys.argv[1]), bytes(32))
    print(await database.claim("C1"), flush=True)
    await database.close()
    if sys.argv[2] == "stay":
        sys.stdin.read()

asyncio.run(main())
"""


async def test_the_lease_of_a_dead_process_is_taken_over(database: Database, store_url: str) -> None:
    """A restarted bot doesn't wait for the lease of its killed predecessor on this machine; a living one's it respects."""
    process = subprocess.Popen([sys.executable, "-c", CLAIM, store_url, "stay"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: ASYNC220
    try:
        assert process.stdout
        assert await asyncio.to_thread(process.stdout.readline) == b"True\n"
        assert not await database.claim("C1")
        process.kill()
        process.wait()
        assert await database.claim("C1")
    finally:
        process.kill()
        process.communicate()
