"""The bot as a process of its own through a night: asked for by an admin, killed in the middle, gone on with, told once."""

import asyncio
import contextlib
import os
from pathlib import Path

from bot.slack.night_views import PROMOTE_ACTION
from deploy.bot_process import sandbox_settings, start_bot, stop_bot
from deploy.model import DEMO_MODEL
from deploy.sandbox.server import Sandbox
from tests.support.fake_night import STARTS, an_interpreter, behave

PATIENCE_S = 240.0
ADMINS = "phyassist-admin"
STEP = {"stage": "train", "done": 3, "of": 9, "loss": 1.25, "seconds_left": 600.0}


async def test_a_killed_bot_goes_on_with_its_night(workspace: Sandbox, tmp_path: Path) -> None:
    """kill -9 ends the night's process too; the next start goes on by itself, in the same message, and ends the night once."""
    client, home = workspace.client, tmp_path / "home"
    channel = next(each["id"] for each in (await client.state())["channels"] if each["name"] == ADMINS)
    behave(home, tell=[STEP, STEP], waits=True, end="ready")
    given = {
        "slack__admin_users": "U0ADA",
        "slack__admin_channel": channel,
        "inference__context_tokens": "1024",
        "night__base": str(DEMO_MODEL),
        "night__python": str(an_interpreter(tmp_path / "bin")),
        "night__cron": "0 0 30 2 *",  # never
    }
    settings = sandbox_settings(workspace, home, "http://127.0.0.1:9/v1", **given)
    bot = await start_bot(settings, tmp_path / "bot.log")
    try:
        await client.wait_connected(timeout=PATIENCE_S)
        assert (await client.command("ada", "general", "/phyassist retrain")).ok
        begun = await client.wait_for(ADMINS, "3 of 9", timeout=PATIENCE_S)
        (folder,) = (home / "nights").iterdir()
        night = int((folder / STARTS).read_text())
        bot.kill()
        await bot.wait()
        async with asyncio.timeout(PATIENCE_S):
            with contextlib.suppress(ProcessLookupError):
                while True:
                    os.kill(night, 0)
                    await asyncio.sleep(0.05)
        (home / "go").touch()
        bot = await start_bot(settings, tmp_path / "bot.log")
        ended = await client.wait_for(ADMINS, lambda message: PROMOTE_ACTION in message.action_ids, timeout=PATIENCE_S)
        assert ended.ts == begun.ts
        assert len((folder / STARTS).read_text().splitlines()) == 2
        assert len(await client.messages(ADMINS)) == 1
        await asyncio.sleep(1)
        assert bot.returncode is None
    finally:
        await stop_bot(bot)
    assert "Traceback" not in (tmp_path / "bot.log").read_text()
