"""What happened to channels while the bot was down is found out at its next start."""

from pathlib import Path

from bot.slack.case_card_texts import card_texts
from bot.workflow.ports import Sign
from deploy.bot_process import running_bot_process, sandbox_settings
from deploy.sandbox.server import Sandbox
from inference.note import Language

CASE, ADMINS = "case-001", "phyassist-admin"
PATIENCE_S = 120.0
NO_MODEL = "http://127.0.0.1:9/v1"


async def test_a_channel_made_public_while_the_bot_was_down_is_found(workspace: Sandbox, tmp_path: Path) -> None:
    """The opener and the admins are told, by the bot as it is put together and run; the channel is not."""
    client = workspace.client
    admins = str((await client.channel(ADMINS))["id"])
    settings = sandbox_settings(workspace, tmp_path / "home", NO_MODEL, slack__admin_channel=admins)
    async with running_bot_process(settings, tmp_path / "bot.log"):
        await client.invite(CASE)
        await client.wait_for(CASE, "/phyassist summarize", timeout=PATIENCE_S)
    await client.change_channel(CASE, is_private=False)
    start, _, end = card_texts(Language.ENGLISH).signs[Sign.SUSPENDED_PUBLIC].partition("{code}")
    async with running_bot_process(settings, tmp_path / "bot.log"):
        for channel in (ADMINS, "im-U0ANNA"):
            warning = await client.wait_for(channel, end, timeout=PATIENCE_S)
            assert warning.text.startswith(start)
    assert end not in "".join(message.text for message in await client.messages(CASE))
