"""The bot behind a public address: signed requests instead of a socket."""

import asyncio
import time
from pathlib import Path

import httpx

from deploy.bot_process import running_bot_process, sandbox_settings
from deploy.sandbox.server import Sandbox
from tests.support.model_server import a_free_port

CASE = "case-001"
NO_MODEL = "http://127.0.0.1:9/v1"


async def test_signed_requests_are_served_and_others_refused(workspace: Sandbox, tmp_path: Path) -> None:
    """In HTTP mode events and commands come by signed requests; a wrong signature gets 401 and does nothing."""
    port = a_free_port()
    more = {"slack__mode": "http", "slack__http_port": str(port)}
    settings = sandbox_settings(workspace, tmp_path / "home", NO_MODEL, **more)
    url = f"http://127.0.0.1:{port}/slack/events"
    async with running_bot_process(settings, tmp_path / "bot.log"):
        await _answers(url)
        await workspace.client.set_request_url(url)
        await workspace.client.invite(CASE)
        await workspace.client.wait_for(CASE, "/phyassist summarize", timeout=60)
        result = await workspace.client.command("anna", CASE, "/phyassist help")
        assert result.shown is not None
        assert "You are the author" in result.shown.text

        before = len(await workspace.client.messages(CASE))
        forged = {"x-slack-signature": "v0=" + "0" * 64, "x-slack-request-timestamp": str(int(time.time()))}
        event = {"type": "event_callback", "team_id": workspace.team_id, "event": {"type": "message", "channel": CASE, "text": "forged"}}
        async with httpx.AsyncClient(trust_env=False) as http:
            answer = await http.post(url, json=event, headers=forged)
        assert answer.status_code == 401
        assert len(await workspace.client.messages(CASE)) == before


async def _answers(url: str) -> None:
    async with httpx.AsyncClient(trust_env=False) as http, asyncio.timeout(60):
        while True:
            try:
                await http.get(url)
            except httpx.ConnectError:
                await asyncio.sleep(0.1)
            else:
                return
