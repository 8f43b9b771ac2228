"""Joins the sandbox's parts and runs them: `async with running_sandbox() as sandbox:`."""

import asyncio
import signal
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import aiohttp
from aiohttp import web

from deploy.sandbox.client import SandboxClient
from deploy.sandbox.control import Control, Desk
from deploy.sandbox.delivery import Delivery, Timing
from deploy.sandbox.faults import Faults, Mischief
from deploy.sandbox.guard import guard
from deploy.sandbox.interact import People
from deploy.sandbox.limits import RateLimits
from deploy.sandbox.log import WireLog
from deploy.sandbox.manifest import Manifest, load_manifest
from deploy.sandbox.methods import Parts
from deploy.sandbox.modals import ModalPeople
from deploy.sandbox.model import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET, TEAM_ID
from deploy.sandbox.reading import Reading
from deploy.sandbox.seed import Seed, seeded_workspace
from deploy.sandbox.sockets import SocketHub
from deploy.sandbox.stage import Stage
from deploy.sandbox.state import Workspace
from deploy.sandbox.triggers import ResponseUrls, Triggers
from deploy.sandbox.webapi import CLIENT_MAX_SIZE, WebApi

DEFAULT_PORT = 8765


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A running sandbox: where it is, what opens it, and a client that acts for its people."""

    base_url: str
    client: SandboxClient
    workspace: Workspace
    desk: Desk
    bot_token: str = BOT_TOKEN
    app_token: str = APP_TOKEN
    signing_secret: str = SIGNING_SECRET
    team_id: str = TEAM_ID

    @property
    def api_url(self) -> str:
        """The base URL for slack_sdk's AsyncWebClient."""
        return f"{self.base_url}/api/"


@asynccontextmanager
async def running_sandbox(
    port: int = 0,
    *,
    host: str = "127.0.0.1",
    seed: Seed | None = None,
    timing: Timing | None = None,
    faults: Faults | None = None,
    rate_limits: bool = False,
    manifest: Manifest | None = None,
    extra_hosts: Collection[str] = (),
) -> AsyncIterator[Sandbox]:
    """Run a sandbox while the block runs; port 0 takes any free one. Raises OSError when the port is taken."""
    workspace, timing = seeded_workspace(seed), timing or Timing()
    async with aiohttp.ClientSession() as session:
        desk, app = _built(workspace, timing, Mischief(faults), RateLimits(rate_limits), manifest or load_manifest(), session, extra_hosts)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        saboteur = asyncio.create_task(desk.sockets.keep_disconnecting())
        try:
            await web.TCPSite(runner, host, port).start()
            workspace.base_url = f"http://{host}:{runner.addresses[0][1]}"
            workspace.changes.subscribe(desk.delivery.on_change)
            async with SandboxClient(workspace.base_url) as client:
                yield Sandbox(workspace.base_url, client, workspace, desk)
        finally:
            saboteur.cancel()
            await desk.delivery.stop()
            await desk.sockets.stop()
            await runner.cleanup()


def _built(
    workspace: Workspace,
    timing: Timing,
    mischief: Mischief,
    limits: RateLimits,
    manifest: Manifest,
    session: aiohttp.ClientSession,
    extra_hosts: Collection[str],
) -> tuple[Desk, web.Application]:
    log, stage, sockets = WireLog(), Stage(workspace.changes), SocketHub(mischief)
    delivery = Delivery(workspace, sockets, mischief, log, timing, manifest.events)
    triggers, responses = Triggers(timing.trigger_s), ResponseUrls(workspace, timing.response_url_s)
    people = People(workspace, delivery, triggers, responses, manifest)
    desk = Desk(workspace, stage, people, ModalPeople(people, stage), delivery, sockets, mischief, limits, log, session)
    api = WebApi(Parts(workspace, stage, triggers, sockets), responses, log, mischief, limits, manifest)
    app = web.Application(middlewares=[guard(extra_hosts)], client_max_size=CLIENT_MAX_SIZE)
    app.add_routes([*api.routes(), *Control(desk).routes(), *Reading(desk).routes(), web.get("/link", sockets.handle)])
    return desk, app


async def serve(port: int, *, seed: Seed, rate_limits: bool, host: str = "127.0.0.1", extra_hosts: Collection[str] = ()) -> None:
    """Run a sandbox in the foreground until SIGINT or SIGTERM."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):
            loop.add_signal_handler(number, stop.set)
    async with running_sandbox(port, host=host, seed=seed, rate_limits=rate_limits, extra_hosts=extra_hosts) as sandbox:
        print(_welcome(sandbox), flush=True)
        await stop.wait()


def _welcome(sandbox: Sandbox) -> str:
    say = f"curl {sandbox.base_url}/sandbox/say -d user=anna -d channel=case-001 --data-urlencode text='Trouble sleeping for two weeks.'"
    return "\n".join([
        f"Sandbox workspace: {sandbox.base_url}  (Web API: {sandbox.api_url}, tokens {sandbox.bot_token} and {sandbox.app_token})",
        "People: anna, li (counselors), sol (supervisor), ada (admin), gus (guest). Channels: case-001 …, general.",
        "Invite the bot, post, and read:",
        f"  curl {sandbox.base_url}/sandbox/invite -d channel=case-001 -d user=phyassist",
        f"  {say}",
        f"  curl '{sandbox.base_url}/sandbox/messages?channel=case-001'",
        "Ctrl-C ends it.",
    ])  # fmt: skip


def main(port: int = DEFAULT_PORT, seed: Seed | None = None, *, rate_limits: bool = False) -> None:
    """Run a sandbox in the foreground until Ctrl-C. Raises OSError when the port is taken."""
    asyncio.run(serve(port, seed=seed or Seed(), rate_limits=rate_limits))
