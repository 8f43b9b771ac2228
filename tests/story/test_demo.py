"""`phyassist demo` as a newcomer starts it: a process of its own, its output, its end."""

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from pathlib import Path

import psutil
import pytest

from tests.support.model_server import a_free_port

pytestmark = pytest.mark.server

PATIENCE_S = 300.0
LAST_LINE = "Ctrl-C stops everything."


async def demo(port: int, cwd: Path, *options: str) -> Process:
    """Starts the demo at `port`, in a terminal session of its own."""
    code = "from deploy.cli import main; main()"
    environment = {**os.environ, "COLUMNS": "160", "TERM": "dumb"}
    command = [sys.executable, "-c", code, "demo", "--port", str(port), *options]
    return await asyncio.create_subprocess_exec(*command, cwd=cwd, env=environment, stdout=PIPE, stderr=STDOUT, start_new_session=True)


async def lines_until(process: Process, last: str) -> list[str]:
    """Everything printed up to a line that holds `last`, or to the end."""
    assert process.stdout is not None
    lines: list[str] = []
    while not (lines and last in lines[-1]) and (line := await asyncio.wait_for(process.stdout.readline(), PATIENCE_S)):
        lines.append(line.decode())
    return lines


async def test_the_story_plays_and_ctrl_c_leaves_nothing_running(tmp_path: Path) -> None:
    """The whole story is told; it stays up until Ctrl-C; then every process has ended and both ports are free."""
    port = a_free_port()
    process = await demo(port, tmp_path)
    told = "".join(await lines_until(process, LAST_LINE))
    for part in ("anna posts a description", "edited answer", "enters /phyassist summarize", "presses Approve", "The story is complete"):
        assert part in told, told
    assert f"--url http://127.0.0.1:{port}" in told
    started = psutil.Process(process.pid).children(recursive=True)
    assert len(started) >= 2, "a bot and a model server"
    process.send_signal(signal.SIGINT)
    rest = "".join(await lines_until(process, "never"))
    assert await asyncio.wait_for(process.wait(), PATIENCE_S) == 0, rest
    assert "Everything is stopped" in rest
    assert "Traceback" not in rest
    _, alive = psutil.wait_procs(started, timeout=10)
    assert not alive
    for each in (port, port + 1):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", each))


async def test_a_second_demo_says_which_port_is_taken(tmp_path: Path) -> None:
    """Where another program listens on one of its ports, the demo names the port, says what to do, and ends with an error."""
    for offset in (0, 1):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = int(taken.getsockname()[1])
            process = await demo(port - offset, tmp_path, "--once")
            told = "".join(await lines_until(process, "never"))
            assert await asyncio.wait_for(process.wait(), PATIENCE_S) == 1, told
            assert f"port {port}" in told
            assert "another port" in told
            assert "Traceback" not in told
