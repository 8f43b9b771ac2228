"""Messages out, against a real workspace and a real database: posted once whatever happens, and updated from then on."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.case import Case
from bot.domain.note import Note, Purpose
from bot.slack import calls
from bot.slack.calls import SlackRefused, call
from bot.slack.messenger import LIVE_UPDATES_A_MINUTE, LivePace, Messenger
from bot.slack.texts import texts
from bot.store.database import Database
from bot.store.engine import make_engine
from bot.store.vault import new_key
from bot.workflow.ports import NoteView, Notice, PartialNote, Sign
from deploy.sandbox.faults import Faults
from deploy.sandbox.seed import Seed
from deploy.sandbox.seen import Posted
from deploy.sandbox.server import Sandbox, running_sandbox
from inference.note import Kind, Language, NoteItem
from tests.deploy.sandbox_app import web_client
from tests.support.builders import NOW, a_revision, an_item
from tests.support.databases import make_schema

POST_ONLY = ("chat.postMessage",)


@dataclass
class Desk:
    """A messenger with a case and an answered description in a real channel."""

    sandbox: Sandbox
    database: Database
    messenger: Messenger
    case: Case
    note: Note

    def view(self, *texts: str) -> NoteView:
        """The note with these items."""
        return NoteView(replace(self.note, revisions=(a_revision(*[an_item(text) for text in texts]),)), Language.ENGLISH)

    async def show(self, *texts: str, slot: str = "act-1") -> None:
        """Shows the note with these items."""
        await self.messenger.show(self.case, self.note, slot, self.view(*texts))

    async def answers(self) -> list[Posted]:
        """The bot's messages in the channel."""
        return [each for each in await self.sandbox.client.messages("case-001") if each.user == "U0PHYASSIST" and each.blocks]

    async def calls(self, method: str) -> int:
        """How often a method was called."""
        return sum(each["method"] == method for each in await self.sandbox.client.calls())


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses which the code chooses itself are short here; those which Slack asks for are kept."""
    monkeypatch.setattr(calls, "PAUSES_S", (0.05, 0.1))
    monkeypatch.setattr("bot.slack.posting.PAUSES_S", (0.05, 0.1))


@asynccontextmanager
async def a_desk(folder: Path, summary: bool = False) -> AsyncIterator[Desk]:
    """A workspace, a database, a case with a note; a summary has no thread yet."""
    url = f"sqlite+aiosqlite:///{folder / 'phyassist.db'}"
    await make_schema(url)
    database = Database(make_engine(url), new_key())
    async with running_sandbox(seed=Seed(cases=1, bot_in_cases=True)) as sandbox:
        post = await sandbox.client.say("anna", "case-001", "Sleeps badly.")
        channel = str((await sandbox.client.channel("case-001"))["id"])
        async with database.begin() as uow:
            case = await uow.open_case(sandbox.team_id, channel, Language.ENGLISH, NOW)
            note = Note("note", case.id, Purpose.SUMMARY if summary else Purpose.ANSWER, None if summary else post.ts)
            await uow.add_note(note)
        yield Desk(sandbox, database, Messenger(web_client(sandbox, retry_handlers=[]), database), case, note)
    await database.close()


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """The usual desk."""
    async with a_desk(tmp_path) as desk:
        yield desk


async def test_a_note_is_posted_in_its_thread_and_then_updated(desk: Desk) -> None:
    """Live updates and the final note are one message, without case text in its notification or metadata."""
    partial = PartialNote((), (NoteItem(Kind.ANALYSIS, "Sleep is"),), Language.ENGLISH)
    await desk.messenger.show_partial(desk.case, desk.note, "act-1", partial)
    await desk.messenger.show_partial(desk.case, desk.note, "act-1", replace(partial, coming=(NoteItem(Kind.ANALYSIS, "Sleep is short"),)))
    await desk.show("Sleep is short.", "Eats little.")
    (answer,) = await desk.answers()
    assert answer.thread_ts == desk.note.thread_ts
    assert "Eats little." in answer.plain
    assert "writing" not in answer.plain
    assert "Sleep" not in f"{answer.text}{answer.raw.get('metadata')}"
    assert await desk.calls("chat.postMessage") == 1


async def test_a_long_note_takes_several_messages_in_order(desk: Desk) -> None:
    """Each page is posted once; shown again, each is updated in its place."""
    texts = [f"{number}: " + "word " * 100 for number in range(60)]
    await desk.show(*texts)
    first = await desk.answers()
    assert len(first) >= 3
    await desk.show(*texts)
    assert [each.ts for each in await desk.answers()] == [each.ts for each in first]


async def test_waiting_as_long_as_slack_asks(desk: Desk) -> None:
    """A 429 with Retry-After is waited out to the second, and the note is there once."""
    await desk.sandbox.client.set_faults(Faults(rate_limit_every=1, retry_after_s=1, only_methods=POST_ONLY))
    began = time.monotonic()
    task = asyncio.create_task(desk.show("Sleep is short."))
    await asyncio.sleep(1.5)
    assert not task.done()
    await desk.sandbox.client.set_faults()
    await task
    assert time.monotonic() - began >= 1.5
    assert await desk.calls("chat.postMessage") in {2, 3}  # two refusals on an idle machine
    assert len(await desk.answers()) == 1


async def test_a_post_that_slack_refused_for_the_moment_is_repeated(desk: Desk) -> None:
    """A server error before the post was taken delays the note and doesn't lose it."""
    await desk.sandbox.client.set_faults(Faults(server_error_every=1, only_methods=POST_ONLY))
    task = asyncio.create_task(desk.show("Sleep is short."))
    await asyncio.sleep(0.5)
    await desk.sandbox.client.set_faults()
    await task
    assert len(await desk.answers()) == 1


@pytest.mark.parametrize("summary", [False, True])
async def test_a_post_whose_answer_was_lost_is_not_repeated(tmp_path: Path, summary: bool) -> None:
    """Slack took the post and then answered 500: the message is found by its id, in a thread or in the channel."""
    async with a_desk(tmp_path, summary) as desk:
        await desk.sandbox.client.set_faults(Faults(lose_answer_every=1, only_methods=POST_ONLY))
        await desk.show("Sleep is short.")
        await desk.sandbox.client.set_faults()
        assert len(await desk.answers()) == 1
        await desk.show("Sleep is short.", "Eats little.")
        (answer,) = await desk.answers()
        assert "Eats little." in answer.plain


@pytest.mark.parametrize("summary", [False, True])
async def test_killed_between_post_and_record(tmp_path: Path, summary: bool) -> None:
    """After a restart the message of the killed process is found by its metadata and updated, not posted again."""
    async with a_desk(tmp_path, summary) as desk:

        class Killed(Exception):
            """The process ends here."""

        class Dying:
            """An outbox whose process dies before the timestamp is recorded."""

            slots = staticmethod(desk.database.slots)
            sources = staticmethod(desk.database.sources)

            async def posted(self, *_: object, **__: object) -> None:
                raise Killed

        dying = Messenger(web_client(desk.sandbox, retry_handlers=[]), Dying())
        with pytest.raises(Killed):
            await dying.show(desk.case, desk.note, "act-1", desk.view("Sleep is short."))
        for number in range(3):  # others go on posting
            await desk.sandbox.client.say("anna", "case-001", f"{number}", thread_ts=desk.note.thread_ts)
        await desk.show("Sleep is short.", "Eats little.")
        (answer,) = await desk.answers()
        assert "Eats little." in answer.plain
        assert (await desk.database.slot("note", "act-1", 0)).ts == answer.ts


async def test_killed_before_the_post(desk: Desk) -> None:
    """Where a post was about to be tried and never left, it is posted after the restart."""
    await desk.database.slot("note", "act-1", 0)
    await desk.show("Sleep is short.")
    assert len(await desk.answers()) == 1


async def test_a_deleted_message_is_posted_anew(desk: Desk) -> None:
    """Somebody deleted the note: its next version is a new message, which is updated from then on."""
    await desk.show("Sleep is short.")
    (answer,) = await desk.answers()
    await _delete(desk, answer.ts)
    await desk.show("Eats little.")
    (anew,) = await desk.answers()
    assert anew.ts != answer.ts
    await desk.show("Eats little.", "Walks.")
    (updated,) = await desk.answers()
    assert updated.ts == anew.ts
    assert "Walks." in updated.plain


async def _delete(desk: Desk, ts: str) -> None:
    await web_client(desk.sandbox).chat_delete(channel=desk.case.channel_id, ts=ts)


async def test_a_summary_opens_a_thread_of_its_own(tmp_path: Path) -> None:
    """The final note stands in the channel, and replies in its thread belong to it."""
    async with a_desk(tmp_path, summary=True) as desk:
        await desk.show("Sleep is short.")
        (answer,) = await desk.answers()
        assert answer.thread_ts is None
        async with desk.database.begin() as uow:
            note = await uow.note_in_thread(desk.case.id, answer.ts)
        assert note
        assert note.id == "note"


async def test_a_long_summary_goes_on_in_its_own_thread(tmp_path: Path) -> None:
    """The first page opens the thread, the others stand in it, in order, at once and when it is shown again."""
    async with a_desk(tmp_path, summary=True) as desk:
        long = [f"{number}. {'Long words here. ' * 60}" for number in range(20)]
        await desk.show(*long)
        first, *others = await _everywhere(desk)
        assert others
        assert first.thread_ts in {None, first.ts}
        assert {page.thread_ts for page in others} == {first.ts}
        await desk.show(*long, "One line more.")
        assert [page.ts for page in await _everywhere(desk)] == [first.ts, *(page.ts for page in others)]


async def _everywhere(desk: Desk) -> list[Posted]:
    """The bot's messages in the channel and in the threads that it opened."""
    tops = [each for each in await desk.answers() if each.thread_ts in {None, each.ts}]
    below = [each for top in tops for each in await desk.sandbox.client.messages("case-001", top.ts) if each.ts != top.ts]
    return [*tops, *below]


@pytest.mark.parametrize("shown_before", [False, True])
async def test_blocks_that_slack_refuses_become_plain_text(
    desk: Desk, shown_before: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The counselor gets every word, in messages that Slack takes, new or in the place of what stood there; the log gets no word of it."""
    if shown_before:
        await desk.show("Short.")
    before = [each.ts for each in await desk.answers()]
    monkeypatch.setattr("bot.slack.views.SECTION_CHARS", 20_000)  # Slack takes 3,000 characters a section
    said = [f"Line {number}: @channel " + "word " * 30 for number in range(50)]
    await desk.show(*said)
    messages = [each for each in await desk.sandbox.client.messages("case-001") if each.user == "U0PHYASSIST"]
    assert len(messages) >= 2
    assert [each.ts for each in messages][: len(before)] == before
    assert not any(each.blocks for each in messages)
    plain = "\n".join(each.text for each in messages)
    assert all(line.strip() in plain for line in said)
    assert plain.endswith(texts(Language.ENGLISH).without_buttons)
    assert "invalid_blocks" in caplog.text
    assert "Line 1" not in caplog.text
    monkeypatch.undo()
    await desk.show("Short.")
    (answer,) = await desk.answers()
    assert answer.ts == messages[0].ts


async def test_a_channel_that_is_gone_does_not_hold_the_queue_up(desk: Desk) -> None:
    """Without a channel to show it in, a note is logged and left."""
    await desk.sandbox.client.kick("case-001")
    await desk.show("Sleep is short.")
    await desk.messenger.tell(desk.case.channel_id, "U0ANNA", Notice(Sign.EMPTY, Language.ENGLISH))
    await desk.messenger.greet(desk.case.channel_id, "joined-1", Notice(Sign.WELCOME, Language.ENGLISH))
    await desk.messenger.working(desk.case.channel_id, desk.note.thread_ts, Language.ENGLISH)


async def test_a_sentence_is_for_one_person(desk: Desk) -> None:
    """Notices are ephemeral."""
    await desk.messenger.tell(desk.case.channel_id, "U0ANNA", Notice(Sign.EMPTY, Language.CHINESE))
    assert len(await desk.sandbox.client.ephemerals("anna")) == 1
    assert await desk.sandbox.client.ephemerals("li") == []


async def greetings(desk: Desk) -> list[Posted]:
    """The welcomes in the channel."""
    return [each for each in await desk.sandbox.client.messages("case-001") if "Hello, I am PhyAssist" in each.text]


async def test_the_welcome_is_for_everybody_and_comes_once(desk: Desk) -> None:
    """A bot killed after the post asks again under the same id, and the channel has it; a later invitation is another."""
    notice = Notice(Sign.WELCOME, Language.ENGLISH)
    for _ in range(3):
        await desk.messenger.greet(desk.case.channel_id, "joined-1", notice)
        await desk.sandbox.client.say("anna", "case-001", "Thank you.")
    (greeting,) = await greetings(desk)
    assert await desk.calls("chat.postMessage") == 1
    assert greeting.thread_ts is None
    await desk.messenger.greet(desk.case.channel_id, "joined-2", notice)
    assert len(await greetings(desk)) == 2


async def test_a_welcome_whose_answer_was_lost_is_not_repeated(desk: Desk) -> None:
    """Slack took it and then answered 500."""
    await desk.sandbox.client.set_faults(Faults(lose_answer_every=1, only_methods=POST_ONLY))
    await desk.messenger.greet(desk.case.channel_id, "joined-1", Notice(Sign.WELCOME, Language.ENGLISH))
    assert len(await greetings(desk)) == 1


async def test_a_live_update_never_waits(desk: Desk) -> None:
    """An update that Slack doesn't take at once is left out, and the following ones rest for as long as Slack asks."""
    partial = PartialNote((), (NoteItem(Kind.ANALYSIS, "Sleep"),), Language.ENGLISH)
    await desk.messenger.show_partial(desk.case, desk.note, "act-1", partial)
    await desk.sandbox.client.set_faults(Faults(rate_limit_every=1, retry_after_s=30, only_methods=("chat.update",)))
    began = time.monotonic()
    for _ in range(5):
        await desk.messenger.show_partial(desk.case, desk.note, "act-1", partial)
    assert time.monotonic() - began < 5
    assert await desk.calls("chat.update") == 1


def test_live_updates_leave_room_for_final_notes() -> None:
    """All cases together send so many live updates a minute and no more."""
    now = 1000.0
    pace = LivePace(lambda: now)
    assert [pace.allows() for _ in range(LIVE_UPDATES_A_MINUTE + 5)].count(True) == LIVE_UPDATES_A_MINUTE
    now += 61
    assert pace.allows()
    pace.rest(10)
    assert not pace.allows()
    now += 11
    assert pace.allows()


@asynccontextmanager
async def a_failing_server(*answers: web.Response | None) -> AsyncIterator[tuple[str, list[str]]]:
    """A server that gives these answers in turn, then a good one; None cuts the connection after the request was taken."""
    taken: list[str] = []
    left = list(answers)

    async def handle(request: web.Request) -> web.Response:
        taken.append(request.path)
        answer = left.pop(0) if left else web.json_response({"ok": True, "ts": "1.1"})
        if answer is None:
            assert request.transport
            request.transport.close()
            return web.Response()
        return answer

    app = web.Application()
    app.router.add_route("*", "/api/{method}", handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/api/", taken
    finally:
        await runner.cleanup()


def a_page(status: int, text: str = "<html>Bad gateway</html>", kind: str = "text/html") -> web.Response:
    """What a proxy in between answers."""
    return web.Response(status=status, text=text, content_type=kind)


@pytest.mark.parametrize(
    "answer",
    [
        lambda: a_page(502), lambda: a_page(503, "", "text/plain"), lambda: a_page(500, "{", "application/json"), lambda: None,
        lambda: web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers={"Retry-After": "0"}),
        lambda: web.json_response({"ok": False, "error": "internal_error"}), lambda: a_page(429, "slow down", "text/plain"),
    ],
)  # fmt: skip
async def test_what_passes_is_waited_out(answer: object) -> None:
    """Proxies' error pages, half answers, cut connections and rate limits lead to another try, never to an exception."""
    async with a_failing_server(answer(), answer()) as (url, taken):  # type: ignore[operator]  # a lambda from the list above
        client = AsyncWebClient(token="xoxb-x", base_url=url, retry_handlers=[])
        async with asyncio.timeout(20):
            assert (await call("auth.test", client.auth_test))["ok"]
        assert len(taken) == 3


async def test_a_refusal_is_final() -> None:
    """What would be refused again is not asked again."""
    async with a_failing_server(web.json_response({"ok": False, "error": "channel_not_found"})) as (url, taken):
        client = AsyncWebClient(token="xoxb-x", base_url=url, retry_handlers=[])
        with pytest.raises(SlackRefused, match="channel_not_found"):
            await call("conversations.info", client.auth_test)
        assert len(taken) == 1


async def test_a_slack_that_nobody_reaches_is_waited_for() -> None:
    """Without a network the call goes on trying until it is cancelled."""
    client = AsyncWebClient(token="xoxb-x", base_url="http://127.0.0.1:9/api/", retry_handlers=[])
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(call("auth.test", client.auth_test), 1)


async def test_a_cut_connection_posts_once(desk: Desk) -> None:
    """Slack took the post and the connection broke before the answer: the message is found, not posted again."""
    cut = True

    async def forward(request: web.Request) -> web.Response:
        nonlocal cut
        async with aiohttp.ClientSession() as session:
            url = f"{desk.sandbox.base_url}{request.path_qs}"
            headers = {name: request.headers[name] for name in ("Authorization", "Content-Type") if name in request.headers}
            async with session.request(request.method, url, data=await request.read(), headers=headers) as answer:
                body = await answer.read()
        if cut and request.path.endswith("chat.postMessage"):
            cut = False
            assert request.transport
            request.transport.close()
        return web.Response(body=body, content_type="application/json")

    app = web.Application()
    app.router.add_route("*", "/api/{method}", forward)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    client = AsyncWebClient(token=desk.sandbox.bot_token, base_url=f"http://127.0.0.1:{runner.addresses[0][1]}/api/", retry_handlers=[])
    await Messenger(client, desk.database).show(desk.case, desk.note, "act-1", desk.view("Sleep is short."))
    await runner.cleanup()
    assert not cut
    assert len(await desk.answers()) == 1
