"""`phyassist demo` as a newcomer starts it: a process of its own, its output, its end."""

import asyncio
import contextlib
import os
import random
import signal
import socket
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from pathlib import Path

import psutil
import pytest

from training.night.told import read_told

pytestmark = pytest.mark.server

PATIENCE_S = 300.0
NIGHT_S = 1800.0
LAST_LINE = "Ctrl-C stops everything."
DAY = (
    "Set up this case",
    "anna posts a description",
    "link to the description",
    "edited answer",
    "enters /phyassist summarize",
    "presses Approve",
    "The day is complete",
)
NIGHT = (
    "anna works on three more cases",
    "records consent for training",
    "practice cases are there",
    "enters /phyassist retrain",
    "Its report card",
    "presses Promote",
    "enters /phyassist adapters",
    "Before the night",
    "After it",
    "enters /phyassist rollback",
    "word for word",
    "The story is complete",
)


async def demo(port: int, cwd: Path, *options: str) -> Process:
    """Starts the demo at `port`, in a terminal session of its own."""
    code = "from deploy.cli import main; main()"
    environment = {**os.environ, "COLUMNS": "160", "TERM": "dumb"}
    command = [sys.executable, "-c", code, "demo", "--port", str(port), *options]
    return await asyncio.create_subprocess_exec(
        *command, cwd=cwd, env=environment, stdout=PIPE, stderr=STDOUT, start_new_session=True, preexec_fn=_hear_ctrl_c
    )


def _hear_ctrl_c() -> None:
    """Tests that a script started with `&` ignore it, and so would what they start."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


async def lines_until(process: Process, last: str | None, patience_s: float = PATIENCE_S) -> list[str]:
    """Everything printed up to a line that holds `last`, or, with None, to the end."""
    assert process.stdout is not None
    lines: list[str] = []
    while not (last and lines and last in lines[-1]) and (line := await asyncio.wait_for(process.stdout.readline(), patience_s)):
        lines.append(line.decode())
    return lines


def assert_in_order(parts: tuple[str, ...], told: str) -> None:
    """Each part is told after the one before."""
    place = 0
    for part in parts:
        found = told.find(part, place)
        assert found >= 0, f"{part!r} is not told, or too early:\n{told}"
        place = found


def two_free_ports() -> int:
    """The first of two ports in a row that nobody listens on; below those that systems give to outgoing connections meanwhile."""
    while True:
        port = random.randrange(20_000, 32_000, 2)
        with contextlib.suppress(OSError):
            assert_free(port)
            return port


def assert_free(port: int) -> None:
    """Nobody listens on the demo's two ports any more."""
    for each in (port, port + 1):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", each))


async def test_the_day_plays_and_ctrl_c_leaves_nothing_running(tmp_path: Path) -> None:
    """The first half is told; it stays up until Ctrl-C; then every process has ended and both ports are free."""
    port = two_free_ports()
    process = await demo(port, tmp_path, "--only-day")
    told = "".join(await lines_until(process, LAST_LINE))
    assert_in_order(DAY, told)
    assert "three more cases" not in told
    assert f"--url http://127.0.0.1:{port}" in told
    started = psutil.Process(process.pid).children(recursive=True)
    assert len(started) >= 2, "a bot and a model server"
    process.send_signal(signal.SIGINT)
    rest = "".join(await lines_until(process, None))
    assert await asyncio.wait_for(process.wait(), PATIENCE_S) == 0, rest
    assert "Everything is stopped" in rest
    assert "Traceback" not in rest
    _, alive = psutil.wait_procs(started, timeout=10)
    assert not alive
    assert_free(port)


@pytest.mark.night
@pytest.mark.timeout(NIGHT_S + PATIENCE_S)
async def test_both_halves_play(tmp_path: Path) -> None:
    """The night learns, the gate lets the new adapter pass, it writes shorter notes, and a rollback brings the old ones back."""
    process = await demo(two_free_ports(), tmp_path, "--once")
    told = "".join(await lines_until(process, None, NIGHT_S))
    assert await asyncio.wait_for(process.wait(), PATIENCE_S) == 0, told
    assert_in_order((*DAY, *NIGHT), told)
    assert "Traceback" not in told


@pytest.mark.night
@pytest.mark.timeout(NIGHT_S + PATIENCE_S)
async def test_ctrl_c_ends_a_training_too(tmp_path: Path) -> None:
    """In the middle of the night: the training, its guardian, the night, the bot and the model server have ended; the data is gone."""
    port = two_free_ports()
    process = await demo(port, tmp_path)
    reading = asyncio.create_task(lines_until(process, None, NIGHT_S))
    started: list[psutil.Process] = []
    async with asyncio.timeout(NIGHT_S):
        while not any("training.qlora" in command(each) for each in started):
            assert process.returncode is None, "".join(await reading)
            await asyncio.sleep(0.5)
            started = psutil.Process(process.pid).children(recursive=True)
        training = next(part for each in started for part in command(each).split() if "/nights/" in part)
        home = Path(training.partition("/nights/")[0])
        night = home / "nights" / training.partition("/nights/")[2].split("/")[0]
        while (told := read_told(night)) is None or not told.done:
            await asyncio.sleep(0.2)
    process.send_signal(signal.SIGINT)
    assert await asyncio.wait_for(process.wait(), PATIENCE_S) == 130
    _, alive = psutil.wait_procs(started, timeout=10)  # the dead among them may still wait to be buried by their parents
    assert not alive
    assert not home.exists()
    said = "".join(await reading)
    assert "Everything is stopped" in said
    assert "Traceback" not in said
    assert_free(port)


async def test_a_second_demo_says_which_port_is_taken(tmp_path: Path) -> None:
    """Where another program listens on one of its ports, the demo names the port, says what to do, and ends with an error."""
    for offset in (0, 1):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = int(taken.getsockname()[1])
            process = await demo(port - offset, tmp_path, "--once")
            told = "".join(await lines_until(process, None))
            assert await asyncio.wait_for(process.wait(), PATIENCE_S) == 1, told
            assert f"port {port}" in told
            assert "another port" in told
            assert "Traceback" not in told


def command(process: psutil.Process) -> str:
    """A process's command line; empty where it has ended."""
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""
