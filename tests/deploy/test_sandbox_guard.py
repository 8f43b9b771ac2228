"""The sandbox is for this machine's own programs; its command line and control API answer clearly."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from slack_bolt.async_app import AsyncApp
from typer.testing import CliRunner

from deploy.sandbox.commands import app as command_line
from deploy.sandbox.errors import CannotDo
from deploy.sandbox.server import Sandbox, running_sandbox
from deploy.sandbox.validate import checked_view
from tests.deploy.sandbox_app import a_modal, connected_app


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """Return a running sandbox."""
    async with running_sandbox() as running:
        yield running


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
    ids=str,
)
async def test_foreign_pages_are_refused(sandbox: Sandbox, headers: dict[str, str]) -> None:
    """Requests that a foreign web page could cause get 403, also for the websocket and the Web API."""
    async with aiohttp.ClientSession(headers=headers) as session:
        async with session.post(f"{sandbox.base_url}/sandbox/say", data={"user": "anna", "channel": "case-001", "text": "x"}) as answer:
            assert answer.status == 403
        async with session.get(f"{sandbox.base_url}/api/api.test") as answer:
            assert answer.status == 403
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(f"{sandbox.base_url}/sandbox/events")
    assert await sandbox.client.messages("case-001") == []


async def test_plain_curl_is_enough(sandbox: Sandbox) -> None:
    """A form without any special header posts a message."""
    form = {"user": "anna", "channel": "case-001", "text": "by hand"}
    async with aiohttp.ClientSession() as session, session.post(f"{sandbox.base_url}/sandbox/say", data=form) as answer:
        assert (await answer.json())["ok"] is True
    assert [message.text for message in await sandbox.client.messages("case-001")] == ["by hand"]


async def test_refusals_name_the_reason_and_no_text(sandbox: Sandbox) -> None:
    """Unknown verbs, fields and people are told apart; a refused request isn't repeated in the answer."""
    with pytest.raises(CannotDo, match="user_not_found"):
        await sandbox.client.say("nobody", "case-001", "x")
    with pytest.raises(CannotDo, match="no_text"):
        await sandbox.client.say("anna", "case-001", "   ")
    async with aiohttp.ClientSession() as session:
        async with session.post(f"{sandbox.base_url}/sandbox/say", json={"user": 7, "text": "planted-sentence"}) as answer:
            body = await answer.json()
            assert (body["error"], "planted-sentence" in str(body)) == ("invalid_request", False)
        json_header = {"Content-Type": "application/json"}
        async with session.post(f"{sandbox.base_url}/sandbox/say", data="planted-sentence", headers=json_header) as answer:
            assert (await answer.json()) == {"ok": False, "error": "invalid_request", "details": []}
        async with session.post(f"{sandbox.base_url}/sandbox/fly", json={}) as answer:
            assert (await answer.json())["error"] == "unknown_verb"


async def test_changes_are_streamed_over_a_websocket(sandbox: Sandbox) -> None:
    """A front end sees each change once, numbered, in order."""
    async with aiohttp.ClientSession() as session, session.ws_connect(f"{sandbox.base_url}/sandbox/events?since=0") as socket:
        await sandbox.client.say("anna", "case-001", "seen live")
        numbers = []
        async with asyncio.timeout(60):
            while True:
                change = await socket.receive_json()
                numbers.append(change["seq"])
                if change["kind"] == "message_posted":
                    break
    assert change["data"]["text"] == "seen live"
    assert numbers == list(range(1, len(numbers) + 1))


async def test_the_command_line_acts_in_a_running_sandbox(sandbox: Sandbox) -> None:
    """say, reply, edit, messages and faults work from a terminal; refusals end with a sentence."""
    runner = CliRunner()

    async def run(*arguments: str) -> tuple[int, str]:
        result = await asyncio.to_thread(runner.invoke, command_line, [*arguments, "--url", sandbox.base_url])
        return result.exit_code, result.output.strip()

    _, ts = await run("say", "anna", "case-001", "Trouble sleeping.")
    await run("reply", "li", "case-001", ts, "Since when?")
    assert (await run("edit", "anna", "case-001", ts, "Trouble sleeping for two weeks."))[0] == 0
    _, shown = await run("messages", "case-001")
    assert shown.splitlines()[0].startswith("anna")
    assert "(edited)" in shown
    assert "    Since when?" in shown
    assert "rate_limit_every=3" in (await run("faults", "rate_limit_every=3"))[1]
    assert "rate_limit_every=0" in (await run("faults", "none"))[1]
    assert (await run("invite", "with-guest"))[0] == 0
    assert "U0PHYASSIST" in (await sandbox.client.channel("with-guest"))["members"]
    code, refusal = await run("say", "gus", "case-001", "x")
    assert (code, refusal) == (1, "The sandbox refuses: not_in_channel")


async def test_a_form_is_shown_and_submitted_from_the_command_line(sandbox: Sandbox) -> None:
    """form prints the open modal and the names of its inputs, submit sends them, each mistake is a sentence."""
    runner = CliRunner()

    async def run(*arguments: str) -> tuple[int, str]:
        result = await asyncio.to_thread(runner.invoke, command_line, [*arguments, "--url", sandbox.base_url])
        return result.exit_code, result.output.strip()

    def register(app: AsyncApp) -> None:
        @app.view("edit")
        async def save(ack: Any) -> None:
            await ack()

    assert (await run("form", "anna")) == (1, "No form is open.")
    async with connected_app(sandbox, register):
        sandbox.desk.stage.open("U0ANNA", checked_view(a_modal()))
        _, shown = await run("form", "anna")
        assert shown.splitlines()[0] == "━━ Edit ━━"
        assert shown.splitlines()[-1] == "inputs: answer"
        code, problem = await run("submit", "anna")
        assert (code, problem.splitlines()[0]) == (1, "answer: Please complete this required field.")
        assert (await run("submit", "anna", "answer=a = b"))[0] == 0
    assert (await run("form", "anna"))[0] == 1


def test_no_sandbox_and_a_taken_port_are_said_plainly() -> None:
    """The command line says where it looked and what to do."""
    result = CliRunner().invoke(command_line, ["messages", "case-001", "--url", "http://127.0.0.1:9"])
    assert result.exit_code == 1
    assert "No sandbox answers at http://127.0.0.1:9" in result.output


async def test_a_second_sandbox_says_which_port_is_taken(sandbox: Sandbox) -> None:
    """Serving on a taken port ends with a sentence that names it."""
    port = sandbox.base_url.rpartition(":")[2]
    process = await _serve("--port", port)
    _, errors = await process.communicate()
    assert process.returncode == 1
    assert f"Port {port}" in errors.decode()


async def test_ctrl_c_ends_the_sandbox_cleanly() -> None:
    """In the foreground it prints where it is, and an interrupt ends it with status 0."""
    process = await _serve("--port", "0")
    assert process.stdout is not None
    async with asyncio.timeout(60):
        assert b"Sandbox workspace: http://127.0.0.1:" in await process.stdout.readline()
    process.send_signal(signal.SIGINT)
    async with asyncio.timeout(60):
        _, errors = await process.communicate()
    assert (process.returncode, errors) == (0, b"")


async def _serve(*options: str) -> asyncio.subprocess.Process:
    """Start the sandbox in the foreground of a process of its own."""
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(sys.executable, "-m", "deploy.sandbox", "serve", *options, stdout=pipe, stderr=pipe)
