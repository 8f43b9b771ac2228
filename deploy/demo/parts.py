"""The demo's real parts: a local workspace, the model server, the bot; and the end of all that they started."""

import asyncio
import contextlib
import json
import os
import signal
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from deploy.bot_process import running_bot_process, sandbox_settings
from deploy.demo.night import ADMINS
from deploy.model import DEMO_ADAPTER, DEMO_MODEL, DEMO_NAME
from deploy.sandbox.seed import ADMIN_GROUP, Seed
from deploy.sandbox.server import Sandbox, running_sandbox
from inference.errors import PortTaken
from inference.profiles import ProfileName, make_profile
from inference.registry import ADAPTERS_DIRECTORY, Registry
from inference.server import model_server
from training.demo.content import Content, load_content
from training.demo.night_recipe import MIXING, RECIPE
from training.simulation.counselors import write_base_set

CASES = 6
"""Channels: one of the day, three that are learned from, two to look at what came of it."""
CONNECT_S = 60.0
NEVER = "0 0 30 2 *"
"""The thirtieth of February: a night begins when the admin says so, not while the demo happens to be up at half past two."""
AT_ONCE = 16
LEFT_S = 60.0
"""For a training to end its step and to write its checkpoint, after everything else has ended."""
MODULES = (b"training.night", b"training.qlora")


@dataclass(frozen=True)
class Parts:
    """What runs, and where its data is."""

    sandbox: Sandbox
    home: Path
    url: str
    """The model server's."""
    store_url: str
    key_file: Path
    content: Content


async def start_parts(stack: AsyncExitStack, home: Path, port: int, say: Callable[[str], None]) -> Parts:
    """Workspace, model server and bot, in this order; `stack` ends them in the other. The adapter in service is the demo model's own.

    Raises:
        PortTaken: another program listens on one of the two ports.
    """
    try:
        sandbox = await stack.enter_async_context(running_sandbox(port, seed=Seed(CASES)))
    except OSError:
        raise PortTaken(f"port {port} is taken, most likely by another demo: stop it first, or choose another port with --port") from None
    say(f"workspace: a local Slack-compatible server at {sandbox.base_url}")
    registry = Registry(home / ADAPTERS_DIRECTORY)
    registry.add(DEMO_ADAPTER, DEMO_NAME)
    registry.promote(DEMO_NAME)
    server = model_server(make_profile(ProfileName.CPU, DEMO_MODEL, port + 1), home, {}, lambda line: say(f"model: {line}"))
    preparing = asyncio.create_task(asyncio.to_thread(_prepare, home))  # the server takes longer
    stack.push_async_callback(asyncio.wait, [preparing])  # Ctrl-C ends no thread
    await stack.enter_async_context(server)
    content = await preparing
    parts = Parts(sandbox, home, server.url, f"sqlite+aiosqlite:///{home / 'phyassist.db'}", home / "master.key", content)
    await stack.enter_async_context(running_bot_process(await _settings(parts), home / "logs" / "bot.log"))
    await sandbox.client.wait_connected(timeout=CONNECT_S)
    say("bot: connected by Socket Mode")
    return parts


def _prepare(home: Path) -> Content:
    """Writes what a night mixes in; all that the demo's grammar knows."""
    content = load_content()
    write_base_set(_base_set(home), content)
    return content


def _base_set(home: Path) -> Path:
    return home / "base.jsonl"


async def _settings(parts: Parts) -> dict[str, str]:
    return sandbox_settings(
        parts.sandbox,
        parts.home,
        parts.url,
        store__url=parts.store_url,
        store__key_file=str(parts.key_file),
        inference__model=DEMO_NAME,
        slack__update_seconds="1.0",
        slack__admin_usergroup=ADMIN_GROUP.id,
        slack__admin_channel=str((await parts.sandbox.client.channel(ADMINS))["id"]),
        night__cron=NEVER,
        night__gpu="dedicated",
        night__base=str(DEMO_MODEL),
        night__begin=str(DEMO_ADAPTER),
        night__base_set=str(_base_set(parts.home)),
        night__recipe=json.dumps(RECIPE),
        night__mixing=json.dumps(MIXING),
        night__at_once=str(AT_ONCE),
    )


async def until_nothing_runs(home: Path) -> None:
    """Returns when no night and no training works in `home` any more. The bot ends them when it ends; what takes too long is killed."""
    deadline = time.monotonic() + LEFT_S
    while left := await asyncio.to_thread(_trainings, home):
        if time.monotonic() > deadline:
            for process in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
        await asyncio.sleep(0.2)


def _trainings(home: Path) -> list[int]:
    """The living processes of nights in `home`, and those of their trainings; where there is no /proc, none."""
    folder = f"{home}/nights/".encode()
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            _, *arguments = path.read_bytes().split(b"\0")
            if any(name in arguments for name in MODULES) and any(one.startswith(folder) for one in arguments):
                found.append(int(path.parent.name))
    return found
