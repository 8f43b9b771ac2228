"""The entrance: few at a time, in order, and nobody who is slow keeps the others out."""

import asyncio

import pytest

from bot.workflow import entrance
from bot.workflow.entrance import Entrance


async def test_in_order_and_few_at_a_time() -> None:
    """A task that leaves lets the next one in before its own block ends."""
    door, order, inside = Entrance(places=2), list[int](), list[int]()
    done = asyncio.Event()

    async def act(number: int) -> None:
        async with door.entered():
            order.append(number)
            inside.append(len(inside))
            await asyncio.sleep(0)
            door.leave()
            door.leave()  # once more changes nothing
            await done.wait()

    tasks = [asyncio.create_task(act(number)) for number in range(6)]
    async with asyncio.timeout(10):
        while len(order) < 6:
            await asyncio.sleep(0)
    assert order == [0, 1, 2, 3, 4, 5]
    done.set()
    await asyncio.gather(*tasks)


async def test_never_more_than_there_are_places() -> None:
    """Also where tasks fail or are cancelled inside or while they wait."""
    door = Entrance(places=2)
    now = most = 0

    async def act(number: int) -> None:
        nonlocal now, most
        async with door.entered():
            now += 1
            most = max(most, now)
            try:
                await asyncio.sleep(0.001)
                if number % 3 == 0:
                    raise ValueError(number)
            finally:
                now -= 1

    tasks = [asyncio.create_task(act(number)) for number in range(20)]
    await asyncio.sleep(0)
    for task in tasks[1::4]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert most == 2
    async with asyncio.timeout(10), door.entered():  # every place was given back
        await asyncio.create_task(act(1))


async def test_who_takes_long_leaves_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that Slack doesn't hand out holds up its own case only."""
    monkeypatch.setattr(entrance, "LONGEST_S", 0.01)
    door = Entrance(places=1)
    came = asyncio.Event()

    async def slow() -> None:
        async with door.entered():
            await came.wait()

    waiting = asyncio.create_task(slow())
    await asyncio.sleep(0)
    async with asyncio.timeout(10), door.entered():
        came.set()
    await waiting
