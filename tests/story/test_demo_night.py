"""The demo's night where it does not go as hoped; where it does, `test_demo.py` plays it on real parts from end to end."""

import asyncio
from pathlib import Path

import pytest

from deploy.bot_process import running_bot_process, sandbox_settings
from deploy.demo.day import Day
from deploy.demo.night import ADMINS, Night
from deploy.demo.scene import Bars, Scene, StoryFailed
from deploy.model import DEMO_ADAPTER, DEMO_MODEL
from deploy.sandbox.seed import Seed
from deploy.sandbox.server import Sandbox, running_sandbox
from inference.hotload import AdapterControl
from inference.registry import Registry
from tests.story.silent import Silent
from tests.support.fake_night import CASES, an_interpreter, behave
from tests.support.model_server import BackgroundServer

pytestmark = [pytest.mark.server, pytest.mark.night]

STEP = {"stage": "train", "done": 3, "of": 9, "loss": 1.25, "seconds_left": 600.0}


async def no_practice(show: Bars) -> int:
    """No cases beside those of the story."""
    show("Practice", 0, 0, "")
    return 0


async def test_a_refusal_is_told_with_its_reason(model_server: BackgroundServer, tmp_path: Path) -> None:
    """The night got the three cases with consent and no other; nothing is switched, and the note stays as it was."""
    behave(tmp_path / "home", tell=[STEP, STEP], end="refused")
    screen = Silent()
    assert await night_of(screen, model_server, tmp_path) is False
    told = " ".join(screen.told)
    assert "The gate refused the new adapter. The challenger is better." in told  # what the stand-in says, word for word
    assert "word for word" in told
    assert "presses Promote" not in told
    (cases,) = (tmp_path / "home" / "nights").glob(f"*/{CASES}")
    assert cases.read_text().count('"') == 2 * 3


async def test_a_night_that_fails_stops_the_story(model_server: BackgroundServer, tmp_path: Path) -> None:
    """Its card is shown, and where its log is."""
    behave(tmp_path / "home", end="failed", reason="no room on the disk")
    screen = Silent()
    with pytest.raises(StoryFailed, match=r"failed.*night\.log"):
        await night_of(screen, model_server, tmp_path)
    assert "no room on the disk" in screen.stood[-1].plain


async def test_an_adapter_that_changes_nothing_is_not_passed_off_as_learning(model_server: BackgroundServer, tmp_path: Path) -> None:
    """It passed and is put into service by the admin's click; its note is as long as before, and the story says so and stops."""
    home = tmp_path / "home"
    behave(home, tell=[STEP], waits=True, end="ready")
    copying = asyncio.create_task(a_copy_is_registered(home))
    screen = Silent()
    with pytest.raises(StoryFailed, match="8 lines, no fewer than before"):
        await night_of(screen, model_server, tmp_path)
    name = await copying
    assert Registry(home / "adapters").pointer().champion == name
    assert f"`{name}`" in screen.stood[-3].text  # the list of adapters, before the two notes
    assert name in screen.stood[-1].plain
    async with AdapterControl(model_server.url, None) as control:  # other tests get the shared server as it was
        await control.unload(name)


async def a_copy_is_registered(home: Path) -> str:
    """What a real night does at its end, with the adapter that it began with."""
    while not (folders := list((home / "nights").glob("*"))):
        await asyncio.sleep(0.2)
    Registry(home / "adapters").add(DEMO_ADAPTER, folders[0].name)
    (home / "go").touch()
    return folders[0].name


async def night_of(screen: Silent, model_server: BackgroundServer, folder: Path) -> bool:
    """Both halves with a real workspace, bot and model server; only the night's own process is a stand-in."""
    async with running_sandbox(seed=Seed(6)) as workspace:
        settings = await settings_of(workspace, model_server.url, folder)
        async with running_bot_process(settings, folder / "bot.log"):
            await workspace.client.wait_connected(timeout=60)
            scene = Scene(workspace.client, screen)
            seen = await Day(scene).play()
            return await Night(scene, folder / "home", seen[0].message, no_practice).play()


async def settings_of(workspace: Sandbox, url: str, folder: Path) -> dict[str, str]:
    """As the demo sets them, but for the interpreter."""
    return sandbox_settings(
        workspace,
        folder / "home",
        url,
        slack__admin_users="U0ADA",
        slack__admin_channel=str((await workspace.client.channel(ADMINS))["id"]),
        night__base=str(DEMO_MODEL),
        night__begin=str(DEMO_ADAPTER),
        night__python=str(an_interpreter(folder / "bin")),
        night__cron="0 0 30 2 *",
    )
