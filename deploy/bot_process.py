"""The bot as a process of its own, as it runs in service: for the demo, the benchmark and the end-to-end tests."""

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from deploy.sandbox.server import Sandbox
from inference.guardian import die_with_parent
from training.demo import LIMITS

GRACE_S = 15.0
"""For the bot to end by itself after SIGTERM."""


def sandbox_settings(sandbox: Sandbox, home: Path, model_url: str, **more: str) -> dict[str, str]:
    """The environment that points a bot at a local workspace and a server with the demo model; `more` in lower case, without the prefix."""
    settings = {
        "inference__items_per_kind": str(LIMITS.items_per_kind),
        "inference__item_chars": str(LIMITS.item_chars),
        "home": str(home),
        "slack__bot_token": sandbox.bot_token,
        "slack__app_token": sandbox.app_token,
        "slack__signing_secret": sandbox.signing_secret,
        "slack__api_url": sandbox.api_url,
        "inference__url": model_url,
        **more,
    }
    return {f"PHYASSIST_{name.upper()}": value for name, value in settings.items()}


async def start_bot(settings: Mapping[str, str], log_file: Path) -> Process:
    """Starts the bot with `settings` only: neither this process's PHYASSIST variables nor a `.env` file play a part."""
    log_file.parent.mkdir(parents=True, exist_ok=True)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PHYASSIST_")}
    with log_file.open("ab") as log:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bot",
            cwd=log_file.parent,
            env={**inherited, **settings},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=die_with_parent(),
            start_new_session=True,  # Ctrl-C in a terminal is for us to pass on, in order
        )


async def stop_bot(process: Process) -> None:
    """Ends the bot: SIGTERM, and SIGKILL if it takes too long."""
    if process.returncode is None:
        process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), GRACE_S)
        except TimeoutError:
            process.kill()
            await process.wait()


@asynccontextmanager
async def running_bot_process(settings: Mapping[str, str], log_file: Path) -> AsyncIterator[Process]:
    """The bot's process for as long as the block lasts."""
    process = await start_bot(settings, log_file)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            await stop_bot(process)
