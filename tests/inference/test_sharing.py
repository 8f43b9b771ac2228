"""The GPUs change hands in order, and a process that dies gives them back."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from inference.sharing import Gpus

TRAINING = """
import asyncio, sys
from pathlib import Path
from inference.sharing import Gpus

async def main():
    async with Gpus(Path(sys.argv[1])).for_training():
        print("trains", flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""
LONG_S = 30.0


async def test_a_server_goes_before_a_training_and_comes_back_after_it(tmp_path: Path) -> None:
    """The training waits until the server let go; the server, until the training is over."""
    gpus, order = Gpus(tmp_path), []

    async def serve() -> None:
        for _ in range(2):
            async with gpus.for_serving():
                order.append("serves")
                if len(order) == 1:
                    await gpus.until_wanted()
                order.append("stops")

    async def train() -> None:
        async with gpus.for_training():
            order.append("trains")
            await asyncio.sleep(0.5)
            order.append("trained")

    serving = asyncio.create_task(serve())
    while not order:
        await asyncio.sleep(0.01)
    assert not gpus.wanted
    await asyncio.wait_for(asyncio.gather(serving, train()), LONG_S)
    assert order == ["serves", "stops", "trains", "trained", "serves", "stops"]
    assert not gpus.wanted


async def test_one_training_at_a_time(tmp_path: Path) -> None:
    """Two trainings never hold the GPUs together."""
    holding = 0

    async def train() -> None:
        nonlocal holding
        async with Gpus(tmp_path).for_training():
            holding += 1
            assert holding == 1
            await asyncio.sleep(0.05)
            holding -= 1

    await asyncio.wait_for(asyncio.gather(*(train() for _ in range(5))), LONG_S)


@pytest.mark.parametrize("signal_number", [signal.SIGKILL, signal.SIGTERM])
async def test_a_training_that_dies_gives_the_gpus_back(tmp_path: Path, signal_number: signal.Signals) -> None:
    """However the training's process ends, the server may start at once."""
    gpus = Gpus(tmp_path)
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", TRAINING, str(tmp_path), stdout=asyncio.subprocess.PIPE)
    assert process.stdout
    assert await asyncio.wait_for(process.stdout.readline(), LONG_S) == b"trains\n"
    assert gpus.wanted
    os.kill(process.pid, signal_number)
    await process.wait()
    async with asyncio.timeout(LONG_S), gpus.for_serving():
        assert not gpus.wanted


async def test_a_training_that_gives_up_waiting_is_forgotten(tmp_path: Path) -> None:
    """Cancelled while the server still holds the GPUs, a training wants them no more."""
    gpus = Gpus(tmp_path)
    async with gpus.for_serving():

        async def train() -> None:
            async with gpus.for_training():
                raise AssertionError("the server never let go")

        waiting = asyncio.create_task(train())
        await asyncio.wait_for(gpus.until_wanted(), LONG_S)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert not gpus.wanted


def test_an_urgent_matter(tmp_path: Path) -> None:
    """It is asked for, seen, and taken back; twice does no harm."""
    gpus = Gpus(tmp_path)
    assert not gpus.urgent
    gpus.ask_back()
    gpus.ask_back()
    assert Gpus(tmp_path).urgent
    gpus.answered()
    gpus.answered()
    assert not gpus.urgent
