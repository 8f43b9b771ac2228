"""`phyassist model serve` and the doctor's look at a model server, both with the real one."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from bot.settings import InferenceSettings
from deploy.checks.finding import Finding, Health
from deploy.checks.model import check_model
from tests.model_fixtures import ADAPTER
from tests.support.model_server import BackgroundServer, a_free_port

pytestmark = pytest.mark.server

START_S = 600
STOP_S = 60


async def findings(**settings: object) -> list[Finding]:
    """What the doctor finds with these settings."""
    return [finding async for finding in check_model(InferenceSettings.model_validate(settings))]


async def test_the_doctor_gets_a_real_token(model_server: BackgroundServer) -> None:
    """A server that has the model is confirmed with its models, its context length and the time of a first token."""
    found = await findings(url=model_server.url, model=ADAPTER)
    assert [finding.health for finding in found] == [Health.OK] * 3
    assert "wrote a token" in found[-1].text


async def test_the_doctor_names_the_models_that_there_are(model_server: BackgroundServer) -> None:
    """Where the model is unknown, the report lists the names that the server would accept."""
    (found,) = await findings(url=model_server.url, model="another")
    assert found.health is Health.PROBLEM
    assert ADAPTER in found.text
    assert "PHYASSIST_INFERENCE__MODEL" in found.mend


async def test_the_doctor_notices_a_context_that_is_too_long(model_server: BackgroundServer) -> None:
    """More context than the server takes is a problem; an answer that leaves no room for the case is worth a note."""
    too_long = await findings(url=model_server.url, model=ADAPTER, context_tokens=1_000_000)
    assert [finding.health for finding in too_long] == [Health.OK, Health.PROBLEM, Health.OK]
    no_room = await findings(url=model_server.url, model=ADAPTER, context_tokens=1024, max_tokens=800)
    assert [finding.health for finding in no_room] == [Health.OK, Health.NOTE, Health.OK]


async def test_serve_answers_and_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`phyassist model serve` serves the demo model, and Ctrl-C ends it with all its processes, even where a shell had SIGINT ignored."""
    monkeypatch.chdir(tmp_path)
    port = a_free_port()
    command = [sys.executable, "-c", "from deploy.cli import main; main()", "model", "serve", "--port", str(port)]
    ignored = signal.signal(signal.SIGINT, signal.SIG_IGN)  # a child inherits this, as after a script's `&`
    try:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=None)  # noqa: ASYNC220  # starting takes no time
    finally:
        signal.signal(signal.SIGINT, ignored)
    try:
        line = await asyncio.wait_for(asyncio.to_thread(_last_line_until, process, "Serving "), START_S)
        assert f"127.0.0.1:{port}" in line
        assert ADAPTER in line
        assert (await findings(url=f"http://127.0.0.1:{port}/v1", model=ADAPTER))[-1].health is Health.OK
        family = psutil.Process(process.pid).children(recursive=True)
        assert family
        process.send_signal(signal.SIGINT)
        assert await asyncio.to_thread(process.wait, STOP_S) == 0
        assert [member for member in family if member.is_running() and member.status() != psutil.STATUS_ZOMBIE] == []
    finally:
        process.kill()
        process.communicate()


def _last_line_until(process: subprocess.Popen[str], start: str) -> str:
    """The first line that begins so; the last line of all where none does."""
    line = ""
    for line in process.stdout or ():
        if line.startswith(start):
            break
    return line
