"""HTTP mode: signed requests to the app's URL."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from slack_bolt.async_app import AsyncApp

from deploy.sandbox.delivery import Timing
from deploy.sandbox.errors import CannotDo
from deploy.sandbox.faults import Faults
from deploy.sandbox.seed import Seed
from deploy.sandbox.server import Sandbox, running_sandbox
from deploy.sandbox.signed import SignedHttp
from tests.deploy.sandbox_app import Json, a_modal, web_client

PATIENT = Timing(ack_s=30.0, retry_delays_s=(0.1, 0.5, 1.0), trigger_s=30.0)  # for busy machines: nothing here is about time


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """Return a running sandbox."""
    async with running_sandbox(seed=Seed(bot_in_cases=True), timing=PATIENT) as running:
        yield running


@asynccontextmanager
async def served(app: AsyncApp) -> AsyncIterator[str]:
    """Serve a Bolt app over HTTP and return its request URL."""
    runner = web.AppRunner(app.web_app(path="/slack/events"), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
    finally:
        await runner.cleanup()


async def test_signed_events_commands_and_modals_reach_an_http_app(sandbox: Sandbox) -> None:
    """The challenge, a message, a retry, a command and a modal with errors work as over sockets."""
    app = AsyncApp(client=web_client(sandbox), signing_secret=sandbox.signing_secret)
    seen: list[Any] = []

    @app.event("message")
    async def keep(event: Json, request: Any) -> None:
        seen.append((event["text"], request.headers.get("x-slack-retry-num")))

    @app.command("/phyassist")
    async def open_(ack: Any, body: Json, client: Any) -> None:
        await ack("Opening.")
        await client.views_open(trigger_id=body["trigger_id"], view=a_modal())

    @app.view("edit")
    async def refuse(ack: Any) -> None:
        await ack(response_action="errors", errors={"answer": "No."})

    async with served(app) as url:
        await sandbox.client.set_request_url(url)
        await sandbox.client.set_faults(Faults(drop_next_acks=1))
        await sandbox.client.say("anna", "case-001", "over http")
        result = await sandbox.client.command("anna", "case-001", "/phyassist edit")
        view = await sandbox.client.wait_for_view("anna", "edit")
        refused = await sandbox.client.submit_view("anna", view["id"], {"answer": "text"})
        async with asyncio.timeout(60):
            while len(seen) < 2:
                await asyncio.sleep(0.02)
    assert seen == [("over http", None), ("over http", ["1"])]
    assert result.shown is not None
    assert result.shown.text == "Opening."
    assert refused.errors == {"answer": "No."}


async def test_a_wrong_or_old_signature_is_refused_by_the_app(sandbox: Sandbox) -> None:
    """Another secret, a changed body and a stale time give 401, and the sandbox doesn't accept such a URL."""
    app = AsyncApp(client=web_client(sandbox), signing_secret="another-secret")
    async with served(app) as url:
        with pytest.raises(CannotDo, match="url_not_verified"):
            await sandbox.client.set_request_url(url)
    app = AsyncApp(client=web_client(sandbox), signing_secret=sandbox.signing_secret)
    async with served(app) as url, aiohttp.ClientSession() as session:
        signer = SignedHttp(url, session, sandbox.desk.mischief)
        body = json.dumps({"type": "event_callback", "event": {"type": "message"}}).encode()
        headers = signer.headers(body, "application/json")
        stale = {**headers, "X-Slack-Request-Timestamp": str(int(time.time()) - 600)}
        statuses = []
        for sent, used in ((body + b" ", headers), (body, stale)):
            async with session.post(url, data=sent, headers=used) as answer:
                statuses.append(answer.status)
    assert statuses == [401, 401]


async def test_an_unreachable_app_counts_as_failed_connection(sandbox: Sandbox) -> None:
    """Events to a dead URL are retried and then given up; people see the failure of a command."""
    await sandbox.client.set_request_url("http://127.0.0.1:9/slack/events", verify=False)
    result = await sandbox.client.command("anna", "case-001", "/phyassist help")
    assert result.failure == "connection_failed"
