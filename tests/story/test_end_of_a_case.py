"""The end of a case in the bot as it runs in service: deleted while its note is still owed, killed in between, certified."""

import asyncio
import contextlib
import csv
import json
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.slack.audit_texts import audit_texts
from bot.slack.deletion_texts import deletion_texts
from bot.slack.deletion_views import CODE, DELETION_VIEW
from bot.slack.texts import texts
from bot.store.heads import HEADS_FILE
from bot.workflow.ports import Sign
from deploy.bot_process import running_bot_process, sandbox_settings
from deploy.sandbox.faults import Faults
from deploy.sandbox.model import BOT_USER_ID
from deploy.sandbox.seed import Seed
from deploy.sandbox.server import Sandbox, running_sandbox
from inference.note import Language
from tests.support.model_server import a_free_port

CASE = "case-001"
PLANTED = "zephyrinella"
PATIENCE_S = 120.0
WORDS = deletion_texts(Language.ENGLISH)


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """A workspace."""
    async with running_sandbox(seed=Seed(cases=1, bot_in_cases=True)) as sandbox:
        sandbox.desk.people.delivery.timing = type(sandbox.desk.people.delivery.timing)(ack_s=60.0)
        yield sandbox


def deletions(path: Path) -> list[str]:
    """The stages of all deletions, as another process reads them."""
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return [row[0] for row in connection.execute("SELECT stage FROM deletion")]


async def test_a_case_is_deleted_and_what_is_left_says_so(sandbox: Sandbox, tmp_path: Path) -> None:
    """Without a model server, which no deletion waits for; killed while Slack fails, the bot goes on at its next start."""
    home, client = tmp_path / "home", sandbox.client
    settings = sandbox_settings(
        sandbox, home, f"http://127.0.0.1:{a_free_port()}/v1", slack__supervisor_users="U0SOL", slack__admin_users="U0ADA"
    )
    async with running_bot_process(settings, tmp_path / "logs" / "bot.log") as bot:
        await client.wait_connected()
        post = await client.say("anna", CASE, f"She says {PLANTED}.")
        await client.wait_for(CASE, texts(Language.ENGLISH).signs[Sign.WAITING], thread_ts=post.ts, timeout=PATIENCE_S)
        await client.command("sol", CASE, "/phyassist case delete")
        view = await client.wait_for_view("sol", DELETION_VIEW, timeout=PATIENCE_S)
        code = json.loads(view["private_metadata"])["code"]
        await client.set_faults(Faults(server_error_every=1, only_methods=("conversations.history",)))
        assert (await client.submit_view("sol", view["id"], {CODE: code})).ok
        async with asyncio.timeout(PATIENCE_S):
            while deletions(home / "phyassist.db") == []:
                await asyncio.sleep(0.05)
        bot.kill()
        await bot.wait()
    await client.set_faults()
    assert deletions(home / "phyassist.db") == ["removed"]
    assert not any(WORDS.certificate in message.everything for message in await client.messages(CASE))
    async with running_bot_process(settings, tmp_path / "logs" / "bot.log"):
        certificate = await client.wait_for(CASE, WORDS.certificate, timeout=PATIENCE_S)
        assert code in certificate.everything
        left = [message for message in await client.messages(CASE, post.ts) if message.user == BOT_USER_ID]
        assert left == []
        await client.command("ada", "general", "/phyassist audit")
        await client.wait_for_ephemeral("ada", audit_texts(Language.ENGLISH).sent, timeout=PATIENCE_S)
    dm = next(channel for channel in sandbox.workspace.channels.values() if channel.is_im and "U0ADA" in channel.members)
    table = next(sandbox.workspace.files[file] for message in dm.messages.values() for file in message.files)
    actions = [(row["action"], row["user_id"]) for row in csv.DictReader(table.content.decode().splitlines())]
    assert actions == [("opened", "U0ANNA"), ("described", "U0ANNA"), ("deleted", "U0SOL"), ("audit_exported", "U0ADA")]
    assert (home / HEADS_FILE).read_text().count("\n") >= 1
    everywhere = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert code.encode() in everywhere
    for way in (PLANTED.encode(), PLANTED.encode("utf-16-le"), PLANTED.encode().hex().encode()):
        assert way not in everywhere
