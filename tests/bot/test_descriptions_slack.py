"""Descriptions as counselors meet them: edited, deleted, in several messages, in files; real workspace, Bolt connection and database."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from bot.slack.change_texts import change_texts
from bot.slack.change_views import REMOVE_NOTE_ACTION, SEPARATE_ACTION, WRITE_AGAIN_ACTION
from bot.slack.downloads import SlackDownloads
from bot.slack.views import EDIT_ACTION
from bot.store.database import Database
from bot.store.engine import make_engine
from bot.store.vault import new_key
from bot.workflow.attachments import NotGiven
from bot.workflow.incoming import FileRef
from bot.workflow.ports import Sign
from deploy.sandbox.seed import Seed
from deploy.sandbox.seen import Posted
from deploy.sandbox.server import running_sandbox
from inference.note import Language
from tests.bot.test_conversation import FIRST, MORE, flat
from tests.support.databases import make_schema
from tests.support.documents import a_docx, a_pdf
from tests.support.fakes import ScriptedModel
from tests.support.working_bot import WorkingBot, working_bot

CASE = "case-001"
PATIENCE_S = 120.0
WORDS = change_texts(Language.ENGLISH)
CHINESE = change_texts(Language.CHINESE)


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[WorkingBot]:
    """A bot at work in two cases, with patience for a busy machine; messages within ten minutes of each other are one description."""
    url = f"sqlite+aiosqlite:///{tmp_path / 'phyassist.db'}"
    await make_schema(url)
    database = Database(make_engine(url), new_key())
    await database.prepare()
    async with running_sandbox(seed=Seed(cases=2, bot_in_cases=True)) as sandbox:
        sandbox.desk.people.delivery.timing = type(sandbox.desk.people.delivery.timing)(ack_s=60.0)
        async with working_bot(sandbox, database, ScriptedModel([]), join_seconds=600.0) as bot:
            yield bot
    await database.close()


async def note(bot: WorkingBot, thread_ts: str, containing: str = "", lacking: str = "\0") -> Posted:
    """The newest complete note in a thread that shows one text and not the other."""

    def fits(message: Posted) -> bool:
        return EDIT_ACTION in message.action_ids and containing in message.plain and lacking not in message.plain

    return await bot.sandbox.client.wait_for(CASE, fits, thread_ts=thread_ts, timeout=PATIENCE_S)


async def said(bot: WorkingBot, text: str, *answers: object, **what: object) -> tuple[Posted, Posted]:
    """A description and its note."""
    bot.model.answers.extend(answers)  # type: ignore[arg-type]  # tests script freely
    post = await bot.sandbox.client.say("anna", CASE, text, **what)  # type: ignore[arg-type]  # as the caller wants it
    return post, await note(bot, post.ts)


async def settled(bot: WorkingBot) -> None:
    """Returns when nothing is left to do."""
    channel = bot.sandbox.workspace.channel(CASE).id
    async with asyncio.timeout(PATIENCE_S):
        while bot.sandbox.desk.delivery.in_flight or await bot.database.count_waiting(channel):
            await asyncio.sleep(0.02)


async def test_an_edited_description_offers_to_write_again(bot: WorkingBot) -> None:
    """The note says that its description was edited, and is written anew, where it stands, when somebody presses the button."""
    client = bot.sandbox.client
    post, first = await said(bot, "She sleeps badly.", FIRST, MORE)
    await client.edit_message("anna", CASE, post.ts, "She sleeps badly, and works nights.")
    changed = await note(bot, post.ts, WORDS.changed["edited", "description"])  # type: ignore[index]  # enum members are their values
    assert changed.ts == first.ts
    assert "Write again with the changes" in changed.plain
    assert len(bot.model.prompts) == 1
    assert (await client.click("li", CASE, changed.ts, WRITE_AGAIN_ACTION)).ok
    again = await note(bot, post.ts, "Leave the phone outside.", WORDS.write_again["edited"])  # type: ignore[index]  # as above
    assert again.ts == first.ts
    assert WRITE_AGAIN_ACTION not in again.action_ids
    assert "works nights" in flat(bot.model.prompts[1])
    await client.unfurl(CASE, post.ts)
    await settled(bot)
    assert WRITE_AGAIN_ACTION not in (await note(bot, post.ts)).action_ids, "a link preview is no edit"


async def test_a_deleted_description_leaves_its_note_with_a_choice(bot: WorkingBot) -> None:
    """The head of the thread becomes Slack's tombstone; the note says so, and goes when somebody removes it."""
    client = bot.sandbox.client
    post, first = await said(bot, "She sleeps badly.", FIRST)
    await client.delete_message("anna", CASE, post.ts)
    shown = await note(bot, post.ts, WORDS.changed["deleted", "description"])  # type: ignore[index]  # enum members are their values
    assert shown.ts == first.ts
    assert WORDS.nothing_left in shown.plain
    assert WRITE_AGAIN_ACTION not in shown.action_ids
    assert (await client.click("anna", CASE, shown.ts, REMOVE_NOTE_ACTION)).ok
    removed = await client.wait_for(CASE, WORDS.signs[Sign.NOTE_REMOVED], thread_ts=post.ts, timeout=PATIENCE_S)
    assert removed.ts == first.ts
    assert removed.action_ids == []
    assert "Keep a diary." not in removed.plain


async def test_a_deleted_reply_can_be_left_out(bot: WorkingBot) -> None:
    """Written again without it, the note rests on the description alone."""
    client = bot.sandbox.client
    post, _ = await said(bot, "She sleeps badly.", FIRST, MORE, FIRST)
    reply = await client.say("anna", CASE, "The neighbour is Quillfeather.", thread_ts=post.ts)
    await note(bot, post.ts, "Leave the phone outside.")
    await client.delete_message("anna", CASE, reply.ts)
    shown = await note(bot, post.ts, "A reply was deleted.")
    assert (await client.click("anna", CASE, shown.ts, WRITE_AGAIN_ACTION)).ok
    await settled(bot)
    again = await client.message(CASE, shown.ts)
    assert "Keep a diary." in again.plain
    assert "A reply was deleted." not in again.plain
    assert "Quillfeather" not in flat(bot.model.prompts[-1])


async def test_a_deleted_note_button_of_long_ago_does_nothing(bot: WorkingBot) -> None:
    """A click on what a person still has on the screen is answered with a sentence, as is one that says nothing."""
    client = bot.sandbox.client
    post, _ = await said(bot, "She sleeps badly.", FIRST, MORE)
    await client.edit_message("anna", CASE, post.ts, "She sleeps well.")
    shown = await note(bot, post.ts, "Write again")
    await client.click("anna", CASE, shown.ts, WRITE_AGAIN_ACTION)
    await note(bot, post.ts, "Leave the phone outside.")
    message = bot.sandbox.workspace.channel(CASE).messages[shown.ts]
    for block in (block for layout in message.former_blocks for block in layout if block["type"] == "actions"):
        for element in block["elements"]:
            if element["action_id"] == WRITE_AGAIN_ACTION:
                element["value"] = json.dumps([json.loads(element["value"])[0], "seen long ago"])
    await client.click("li", CASE, shown.ts, WRITE_AGAIN_ACTION, stale=True)
    await client.wait_for_ephemeral("li", "The note has changed in the meantime", timeout=PATIENCE_S)


async def test_messages_in_a_row_get_one_note_that_can_be_taken_apart(bot: WorkingBot) -> None:
    """Two messages, of which the second came before the note was there; then the other reading, by the button."""
    client = bot.sandbox.client
    waiting = asyncio.Event()
    stream = bot.model.stream

    async def slow(*given: object, **more: object) -> AsyncIterator[object]:
        await waiting.wait()
        async for event in stream(*given, **more):  # type: ignore[arg-type]  # as they came
            yield event

    bot.model.stream = slow  # type: ignore[assignment]  # a model that takes its time
    bot.model.answers.extend([FIRST, MORE, FIRST, MORE])
    first = await client.say("anna", CASE, "She sleeps badly.")
    second = await client.say("anna", CASE, "His father drinks.")
    while bot.sandbox.desk.delivery.in_flight:
        await asyncio.sleep(0.02)
    waiting.set()
    joined = await note(bot, first.ts, WORDS.joined.format(number=2))
    assert "Leave the phone outside." in joined.plain
    assert [message.ts for message in await client.messages(CASE, first.ts) if message.user != first.user] == [joined.ts]
    assert (await client.click("anna", CASE, joined.ts, SEPARATE_ACTION)).ok
    other = await note(bot, second.ts)
    kept = await note(bot, first.ts, "Keep a diary.", WORDS.separate)
    assert kept.ts == joined.ts
    assert "Leave the phone outside." in other.plain
    assert [flat(prompt).count("His father") for prompt in bot.model.prompts] == [0, 1, 0, 1]


async def test_a_description_after_a_finished_note_is_another_one(bot: WorkingBot) -> None:
    """Who has a note before them and goes on writes a new description."""
    first, _ = await said(bot, "She sleeps badly.", FIRST)
    second, other = await said(bot, "She works nights.", MORE)
    assert other.thread_ts == second.ts != first.ts
    assert SEPARATE_ACTION not in other.action_ids


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("words.txt", "来访者睡眠不好。".encode("gb18030")),
        ("words.md", "# Session\n\n来访者睡眠不好。".encode()),
        ("words.docx", a_docx("来访者睡眠不好。")),
        ("words.pdf", a_pdf("She sleeps badly.")),
    ],
)
async def test_a_description_in_a_file_gets_a_note(bot: WorkingBot, name: str, content: bytes) -> None:
    """Text and file are one description; the file itself is not kept."""
    _, shown = await said(bot, "About our client:", FIRST, files=[(name, content)])
    assert "Keep a diary." in shown.plain
    asked = flat(bot.model.prompts[0])
    assert asked.index("About our client:") < max(asked.find("来访者睡眠不好。"), asked.find("She sleeps badly."))
    async with bot.database.begin() as uow:
        case = await uow.case_of(bot.sandbox.team_id, bot.sandbox.workspace.channel(CASE).id)
        assert case
        (only,) = await uow.notes(case.id)
        (report,) = await uow.reports_of(only.id)
    assert report.text.startswith("About our client:\n\n")


async def test_a_reply_may_be_a_file(bot: WorkingBot) -> None:
    """What a file below a note says is read as any reply."""
    post, _ = await said(bot, "She sleeps badly.", FIRST, MORE)
    await bot.sandbox.client.say("li", CASE, "", thread_ts=post.ts, files=[("more.txt", b"She works nights.")])
    await note(bot, post.ts, "added information")
    assert "She works nights." in flat(bot.model.prompts[1])


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ([("table.xlsx", b"PK")], "I read .txt, .md, .docx and .pdf files"),
        ([("scan.pdf", a_pdf())], "If it is a scan or a picture, please post the text itself."),
        ([("old.docx", b"broken")], "can't be opened"),
        ([("empty.txt", b"  ")], "I found no text in “empty.txt”"),
        ([("big.txt", b"x" * (10 * 1024 * 1024 + 1))], "A file may have up to 10 MB"),
        ([(f"{number}.txt", b"x") for number in range(6)], "I read up to 5 files at once"),
        ([("good.txt", b"Fine."), ("<!channel>.bin", b"x")], "“&lt;!channel&gt;.bin”"),
        ([("long.txt", b"She sleeps badly. " * 2000)], "it has about 36,0"),
    ],
    ids=["kind", "scan", "broken", "empty", "large", "many", "one of two", "long"],
)
async def test_a_file_that_cant_be_read_is_answered_with_what_can(bot: WorkingBot, files: list[tuple[str, bytes]], sentence: str) -> None:
    """Each is told to whoever sent it, alone, and nothing of the message is taken up."""
    await bot.sandbox.client.say("anna", CASE, "About our client:", files=files)
    told = await bot.sandbox.client.wait_for_ephemeral("anna", lambda message: sentence in message.text, timeout=PATIENCE_S)
    assert told.thread_ts is None
    assert bot.model.prompts == []


async def test_a_deleted_file_takes_its_description_along(bot: WorkingBot) -> None:
    """A message that was nothing but a file is as good as deleted when the file is."""
    client = bot.sandbox.client
    post, _ = await said(bot, "", FIRST, files=[("words.txt", b"The neighbour is Quillfeather.")])
    await client.delete_file("anna", post.files[0]["id"])
    await note(bot, post.ts, "The description was deleted.")
    async with bot.database.begin() as uow:
        case = await uow.case_of(bot.sandbox.team_id, bot.sandbox.workspace.channel(CASE).id)
        assert case
        assert "Quillfeather" not in str(await uow.turns(case.id))


async def test_a_file_that_is_gone_by_now_is_said_to_be(bot: WorkingBot) -> None:
    """Between the message and its turn somebody may delete the file."""
    workspace = bot.sandbox.workspace
    await bot.sandbox.client.kick(CASE)
    post = await bot.sandbox.client.say("anna", CASE, "", files=[("words.txt", b"Sleeps badly.")])
    shown = {**post.files[0]}
    workspace.files[shown["id"]].deleted = True
    await bot.sandbox.client.invite(CASE)
    channel = workspace.channel(CASE).id
    user = workspace.user("anna").id
    body = {"type": "message", "subtype": "file_share", "channel": channel, "user": user, "ts": post.ts, "text": "", "files": [shown]}
    await bot.sandbox.client.emit(body, channel=CASE)
    await bot.sandbox.client.wait_for_ephemeral("anna", "is no longer in Slack", timeout=PATIENCE_S)


async def test_without_the_scope_the_admin_is_to_be_told(tmp_path: Path) -> None:
    """Slack then redirects to a page to sign in: the token does not follow, and the sentence names the permission."""
    followed: list[str] = []

    async def sign_in(request: web.Request) -> web.Response:
        followed.append(request.headers.get("Authorization", ""))
        return web.Response(text="<html>Sign in</html>", content_type="text/html")

    async def away(request: web.Request) -> web.Response:
        raise web.HTTPFound("/signin")

    app = web.Application()
    app.add_routes([web.get("/signin", sign_in), web.get("/files/F1", away), web.get("/files/F2", sign_in)])
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        here = f"http://127.0.0.1:{runner.addresses[0][1]}"
        files = SlackDownloads(f"{here}/api/", "xoxb-secret")
        for number in (1, 2):
            with pytest.raises(NotGiven) as caught:
                await files.fetch(FileRef(id=f"F{number}", name="a.txt", url=f"{here}/files/F{number}"), 100)
            assert not caught.value.gone
        assert len(followed) == 1, "the redirect was not followed"
        with pytest.raises(NotGiven):
            await files.fetch(FileRef(id="F3", url="http://127.0.0.1:1/files/F3"), 100)
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("url", "ours"),
    [
        ("https://files.slack.com/files-pri/T1-F1/download/a.txt", True),
        ("https://team.slack.com/files/a.txt", True),
        ("http://files.slack.com/a.txt", False),
        ("https://files.slack.com:8443/a.txt", False),
        ("https://slack.com.evil.example/a.txt", False),
        ("https://evilslack.com/a.txt", False),
        ("https://files.slack.com@evil.example/a.txt", False),
        ("https://user:word@files.slack.com/a.txt", False),
        ("file:///etc/passwd", False),
        ("https://[bad/a.txt", False),
        ("", False),
    ],
)
def test_the_token_goes_to_slack_alone(url: str, ours: bool) -> None:
    """A message can name any address; the bot's token is for Slack's own."""
    assert SlackDownloads("https://slack.com/api/", "xoxb").is_ours(url) is ours
