"""Words planted in every way that text reaches PhyAssist are nowhere on its disks: not in a database, not in a log."""

from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import asyncpg
import pytest

from bot.slack.change_views import WRITE_AGAIN_ACTION
from bot.slack.edit_form import EDIT_VIEW
from bot.slack.texts import texts
from bot.slack.views import APPROVE_ACTION, EDIT_ACTION, SHORTCUT
from bot.workflow.ports import Sign
from deploy.demo.scene import items_of
from deploy.sandbox.faults import Faults
from deploy.sandbox.seen import Posted
from inference.note import Language
from tests.story.faults_support import PATIENCE_S, Ground, running_ground
from tests.support.model_server import BackgroundServer, a_free_port

pytestmark = pytest.mark.server

CASE, CHINESE_CASE = "case-001", "case-002"
WORDS = texts(Language.ENGLISH)
DESCRIBED, CORRECTED, WHILE_AWAY, REPLIED, EDITED, MODAL, SHORT, FINAL, TOO_LONG, REFUSED, NOT_READ, ATTACHED, NAMED = (
    "zephyrinella",
    "fennimorant",
    "marrowgately",
    "quixotarium",
    "brambleworthy",
    "ottercombian",
    "pellingtonic",
    "larkspurnish",
    "wobblecroftian",
    "thistledownic",
    "umberwickian",
    "snagglebrookish",
    "pomfretonian",
)
OBSERVED, ADDED = "nettlebranian", "cobblewhistic"
UNDISTURBED = ("apps.connections.open", "auth.test", "views.open")
"""What a person's click needs at once: where it fails, they click again."""
IN_CHINESE = "锦瑟无端五十弦"
PLANTED = (DESCRIBED, CORRECTED, WHILE_AWAY, REPLIED, EDITED, MODAL, SHORT, FINAL, TOO_LONG, REFUSED, NOT_READ, ATTACHED, NAMED, IN_CHINESE)


@pytest.fixture
async def ground(store_url: str, tmp_path: Path, model_server: BackgroundServer) -> AsyncIterator[Ground]:
    """Workspace, database and model server."""
    async with running_ground(store_url, tmp_path, model_server.url) as ground:
        yield ground


async def test_planted_words_are_in_no_file(ground: Ground, model_server: BackgroundServer) -> None:
    """Descriptions, replies, edits, summary, refused posts and the model's own words, with all that fails, leave no plain text."""
    client = ground.client
    async with ground.bot(log_level="debug", model_url=f"http://127.0.0.1:{a_free_port()}/v1"):
        for case in (CASE, CHINESE_CASE):
            await client.invite(case)
        await client.say("anna", CASE, f"She says {WHILE_AWAY} while the model is away.")
        await client.wait_for(CASE, WORDS.signs[Sign.WAITING], timeout=PATIENCE_S)
        await client.say("anna", CASE, f"{TOO_LONG} " * 7_000)
        await _scan(ground, model_server, ())
    async with ground.bot(log_level="debug"):
        await ground.settled(posts=2)
        await client.set_faults(Faults(server_error_every=6, lose_answer_every=7, spare_methods=UNDISTURBED))
        await _everything_said(ground)
        written = _written(await ground.by_bot(CASE) + await ground.by_bot(CHINESE_CASE))
        await _scan(ground, model_server, written)
    await _scan(ground, model_server, written)
    assert any(not any(word in item for word in PLANTED) for item in written), "no words of the model's own were looked for"


async def _everything_said(ground: Ground) -> None:
    """A case in which text comes by every way that there is, and a few things fail."""
    client = ground.client
    post = await client.say("anna", CASE, f"She says {DESCRIBED} in her sleep.")
    await client.say("li", CHINESE_CASE, f"来访者反复说{IN_CHINESE}，睡不好。")
    note = await ground.note(CASE, post.ts)
    for text in (f"She also says {REPLIED} at work.", f"Advice:\n- Ask her what {EDITED} means."):
        reply = await client.say("anna", CASE, text, thread_ts=post.ts)
        note = await ground.note(CASE, post.ts, after=reply.ts)
    await client.edit_message("anna", CASE, post.ts, f"She says {CORRECTED} in her sleep.")
    changed = await client.wait_for(CASE, lambda message: WRITE_AGAIN_ACTION in message.action_ids, timeout=PATIENCE_S)
    await client.click("anna", CASE, changed.ts, WRITE_AGAIN_ACTION)
    note = await client.wait_for(CASE, lambda message: message.ts == changed.ts and _is_as_it_should_be(message), timeout=PATIENCE_S)
    await client.click("anna", CASE, note.ts, EDIT_ACTION)
    view = await client.wait_for_view("anna", EDIT_VIEW, timeout=PATIENCE_S)
    await client.submit_view("anna", view["id"], {"advice:add": f"Write down when {MODAL} is said."})
    note = await ground.note(CASE, post.ts, after=note.ts)
    draft = await client.say("li", CASE, f"- Why {SHORT}?", thread_ts=post.ts)
    await ground.note(CASE, post.ts, after=draft.ts)
    await client.shortcut("li", CASE, draft.ts, SHORTCUT)
    await client.say("anna", CASE, f"@li what does {NOT_READ} mean?")
    for channel in ("with-guest", "with-partner"):
        await client.invite(channel)
        await client.say("anna", channel, f"She says {REFUSED}.")
    await client.command("anna", CASE, f"/phyassist {NOT_READ}")
    await client.command("anna", CASE, "/phyassist summarize")
    final = await client.wait_for(CASE, lambda message: APPROVE_ACTION in message.action_ids, timeout=PATIENCE_S)
    await client.click("anna", CASE, final.ts, EDIT_ACTION)
    view = await client.wait_for_view("anna", EDIT_VIEW, timeout=PATIENCE_S)
    await client.submit_view("anna", view["id"], {"question:add": f"What became of {FINAL}?"})
    await client.wait_for(CASE, lambda message: FINAL in message.plain, timeout=PATIENCE_S)
    final = await client.wait_for(CASE, lambda message: APPROVE_ACTION in message.action_ids, timeout=PATIENCE_S)
    await client.click("anna", CASE, final.ts, "approve_summary")
    attached = await client.say("anna", CASE, "", files=[(f"{NAMED}.md", f"She says {ATTACHED} on the phone.".encode())])
    await ground.note(CASE, attached.ts)
    await client.say("anna", CASE, "", files=[(f"{NAMED}.docx", b"broken")])
    await client.wait_for_ephemeral("anna", "can't be opened", timeout=PATIENCE_S)
    await client.wait_for(CASE, "Approved by", timeout=PATIENCE_S)
    await ground.settled(posts=10)


def _is_as_it_should_be(message: Posted) -> bool:
    """Whether a note is complete and nothing about it has changed."""
    return EDIT_ACTION in message.action_ids and WRITE_AGAIN_ACTION not in message.action_ids


def _written(messages: Iterable[Posted]) -> tuple[str, ...]:
    """The items that the model and the counselors wrote, as people see them; short ones could be in a log by chance."""
    found: set[str] = set()
    for message in messages:
        if EDIT_ACTION in message.action_ids:
            found |= {item.text for item in items_of(message)}
    return tuple(text for text in found if len(text.encode()) >= 12)


async def _scan(ground: Ground, server: BackgroundServer, written: Iterable[str]) -> None:
    """Looks for all planted and `written` words in all files and tables, in every encoding that a writer might choose."""
    wanted = {encoded: text for text in (*PLANTED, *written) for encoded in _encodings(text)}
    places = {str(path): path.read_bytes() for path in ground.folder.rglob("*") if path.is_file()}
    places[str(server.log_file)] = server.log_file.read_bytes()
    if ground.store_url.startswith("postgresql"):
        places |= await _postgres(ground.store_url)
    case_id = ground.sandbox.workspace.channel(CASE).id.encode()
    assert any(case_id in content for content in places.values()), "the scan does not see what is in the database"
    assert b"connected and at work" in places[str(ground.log_file)]
    found = {(place, text) for place, content in places.items() for encoded, text in wanted.items() if encoded in content}
    assert not found


def _encodings(text: str) -> set[bytes]:
    escaped = text.encode("unicode_escape")
    return {text.encode(), text.encode("utf-16-le"), text.encode("utf-16-be"), escaped, text.encode().hex().encode()}


async def _postgres(url: str) -> dict[str, bytes]:
    """All tables as PostgreSQL's binary copy, and the files of its data directory, where they are here and can be read."""
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        await connection.execute("CHECKPOINT")
        folder = Path(await connection.fetchval("SHOW data_directory"))
        tables = [row[0] for row in await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
        places = {}
        for table in tables:
            pieces: list[bytes] = []

            async def keep(piece: bytes, pieces: list[bytes] = pieces) -> None:
                pieces.append(piece)

            await connection.copy_from_table(table, output=keep, format="binary")
            places[f"table {table}"] = b"".join(pieces)
    finally:
        await connection.close()
    return places | _readable(folder)


def _readable(folder: Path) -> dict[str, bytes]:
    files = {}
    for part in ("base", "pg_wal", "log"):
        for path in (folder / part).rglob("*"):
            try:
                files[str(path)] = path.read_bytes()
            except OSError:  # a folder, a file of others, or one that is gone by now
                continue
    return files
