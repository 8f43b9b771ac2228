"""Killed, cut off, told everything three times: no post is lost and none is answered twice."""

import asyncio
import time
from collections.abc import AsyncIterator
from enum import StrEnum
from pathlib import Path

import pytest

from bot.slack.texts import texts
from bot.workflow.ports import Sign
from deploy.sandbox.delivery import Envelope
from deploy.sandbox.faults import Farewell, Faults
from deploy.sandbox.model import BOT_USER_ID, Change, ChangeKind
from deploy.sandbox.seen import Posted
from inference.note import Language
from tests.story.faults_support import (
    DESCRIPTION,
    PATIENCE_S,
    Death,
    Ground,
    is_answer,
    is_complete,
    is_final,
    running_ground,
    told_of_acks,
)
from tests.support.model_server import BackgroundServer

pytestmark = [pytest.mark.server, pytest.mark.faults]

CASE, OTHER_CASE = "case-001", "case-002"
CASES, POSTS = 30, 10
LONG_NOTES = {"inference__items_per_kind": "3", "inference__item_chars": "160"}
"""Long enough to be killed, or to be watched, in mid-stream."""
WORDS = texts(Language.ENGLISH)


class Moment(StrEnum):
    """When the bot dies: after each step that others can see."""

    ACKED = "acked"
    WORKING = "working"
    POSTED = "posted"
    GROWING = "growing"
    SHOWN = "shown"


def is_moment(moment: Moment, change: Change) -> bool:
    """Whether a change in the workspace is the one after which the bot dies."""
    match moment:
        case Moment.ACKED:
            return False  # leaves no trace in the workspace
        case Moment.WORKING:
            return change.kind is ChangeKind.STATUS_SET
        case Moment.POSTED:
            return is_answer(change, ChangeKind.MESSAGE_POSTED)
        case Moment.GROWING:
            return is_answer(change, ChangeKind.MESSAGE_CHANGED) and not is_final(change)
        case Moment.SHOWN:
            return is_final(change)


@pytest.fixture
async def ground(store_url: str, tmp_path: Path, model_server: BackgroundServer) -> AsyncIterator[Ground]:
    """Workspace, database and model server."""
    async with running_ground(store_url, tmp_path, model_server.url) as ground:
        yield ground


on_sqlite = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)


@pytest.mark.parametrize(
    ("store_url", "moment"),
    [*(("sqlite", moment) for moment in Moment), ("postgres", Moment.POSTED), ("postgres", Moment.SHOWN)],
    indirect=["store_url"],
)
async def test_a_killed_bot_goes_on_where_it_was(ground: Ground, moment: Moment) -> None:
    """Killed with -9 at any point and started again, the bot gives each description exactly one note; nothing half is left."""
    death = Death(await ground.start(**LONG_NOTES))
    await ground.client.invite(CASE)
    await ground.client.invite(OTHER_CASE)

    def on_change(change: Change) -> None:
        if is_moment(moment, change):
            death.strike()

    def on_ack(envelope: Envelope) -> None:
        if moment is Moment.ACKED and envelope.payload.get("event", {}).get("text") == DESCRIPTION:
            death.strike()

    ground.sandbox.workspace.changes.subscribe(on_change)
    with told_of_acks(ground.sandbox, on_ack):
        first = await ground.client.say("anna", CASE, DESCRIPTION)
        await death.came()
    second = await ground.client.say("li", OTHER_CASE, "She has had two panic attacks on the train since Monday.")
    async with ground.bot():
        await ground.settled(posts=2)
    for case, post in ((CASE, first), (OTHER_CASE, second)):
        answers = await ground.by_bot(case, post.ts)
        assert [is_complete(answer) for answer in answers] == [True], [answer.plain for answer in answers]
        assert WORDS.writing not in answers[0].plain
    assert await ground.rows("SELECT number FROM revision") == [(1,), (1,)]
    assert sorted(await ground.rows("SELECT kind FROM turn")) == [("answer",), ("answer",), ("description",), ("description",)]


@on_sqlite
async def test_a_killed_engine_takes_back_what_it_wrote(ground: Ground, model_server: BackgroundServer) -> None:
    """When the model server dies in mid-stream, a sentence says so in the note's place, and after its restart the note comes, once."""
    said: list[str] = []
    restarts = model_server.server.restarts

    def on_change(change: Change) -> None:
        if is_answer(change, ChangeKind.MESSAGE_POSTED) and not said:
            model_server.kill("EngineCore")
        if change.data.get("thread_ts") and change.data.get("user") == BOT_USER_ID:
            said.append(str(change.data.get("text")))

    ground.sandbox.workspace.changes.subscribe(on_change)
    async with ground.bot(**LONG_NOTES):
        await ground.client.invite(CASE)
        post = await ground.client.say("anna", CASE, DESCRIPTION)
        await ground.settled(posts=1)
        again = await ground.client.say("anna", CASE, "He also drinks more since then.", thread_ts=post.ts)
        await ground.note(CASE, post.ts, after=again.ts)
        await ground.settled(posts=2)
    await asyncio.to_thread(model_server.wait_for_restart, restarts + 1)
    assert WORDS.signs[Sign.INTERRUPTED] in said
    assert [is_complete(answer) for answer in await ground.by_bot(CASE, post.ts)] == [True, True]
    assert await ground.rows("SELECT number FROM revision ORDER BY number") == [(1,), (2,)]


@on_sqlite
async def test_three_hundred_posts_under_every_fault_at_once(ground: Ground) -> None:
    """Events come several times, every third call is refused, sockets drop: 300 posts in 30 cases get one answer each, in order."""
    names = [f"fault-{number:02d}" for number in range(CASES)]
    for name in names:
        await ground.client.create_channel(name, members=["li"])
    faults = Faults(deliver_times=2, extra_event_ids=1, rate_limit_every=3, disconnect_every_s=4.0, farewell=Farewell.CUT)
    arrived: set[str] = set()

    async with ground.bot(slack__update_seconds="5"):
        await ground.client.set_faults(faults)
        began = time.monotonic()
        watcher = asyncio.create_task(_watch_inbox(ground, arrived))
        posted = await asyncio.gather(*(_post_all(ground, name, arrived) for name in names))
        watcher.cancel()
        await ground.settled(posts=CASES * POSTS, patience_s=700)
        print(f"{CASES * POSTS} posts under faults: {time.monotonic() - began:.0f} s")
        calls = (await ground.client.statistics())["methods"]
        await ground.client.set_faults()
    assert sum(each["errors"].get("ratelimited", 0) for each in calls.values()) > CASES
    for name, posts in zip(names, posted, strict=True):
        await _check_case(ground, name, posts)
    assert (await ground.rows("SELECT count(*) FROM inbox WHERE key LIKE 'post:%'"))[0][0] == CASES * POSTS


async def _watch_inbox(ground: Ground, arrived: set[str]) -> None:
    """Keeps `arrived` up to date: the timestamps of the posts that the bot has committed, acknowledged or not."""
    while True:
        keys = await ground.rows("SELECT key FROM inbox WHERE key LIKE 'post:%'")
        arrived.update(key.split(":")[3] for (key,) in keys)
        await asyncio.sleep(0.3)


async def _post_all(ground: Ground, channel: str, arrived: set[str]) -> list[Posted]:
    """Two descriptions with four replies each, one after the other as people write: the bot has each before the next is sent."""
    await ground.client.invite(channel)
    posts: list[Posted] = []
    for number in range(POSTS):
        opening = posts[number - number % 5] if number % 5 else None
        text = f"Session {number}: slept {3 + number % 4} hours." if opening else DESCRIPTION
        post = await ground.client.say("anna", channel, text, thread_ts=opening.ts if opening else None)
        async with asyncio.timeout(PATIENCE_S):
            while post.ts not in arrived:
                await asyncio.sleep(0.05)
        posts.append(post)
    return posts


async def _check_case(ground: Ground, name: str, posts: list[Posted]) -> None:
    """Each post has one complete answer, in the order of the posts, in Slack as in the database."""
    channel_id = ground.sandbox.workspace.channel(name).id
    answers = [message for message in await ground.by_bot(name) if message.thread_ts]
    assert [is_complete(answer) for answer in answers] == [True] * POSTS, [answer.plain for answer in answers]
    of_channel = f"inbox.channel_id = '{channel_id}' AND inbox.key LIKE 'post:%'"
    joined = "SELECT inbox.at, message.ts FROM inbox JOIN message ON message.slot = 'act-' || inbox.id"
    pairs = await ground.rows(f"{joined} WHERE {of_channel} ORDER BY inbox.at")  # ids of our own
    assert pairs == list(zip([post.ts for post in posts], [answer.ts for answer in answers], strict=True))
    kinds = 'SELECT turn.kind FROM turn JOIN "case" ON "case".id = turn.case_id'
    turns = [kind for (kind,) in await ground.rows(f"{kinds} WHERE \"case\".channel_id = '{channel_id}' ORDER BY turn.position")]
    assert turns == [kind for number in range(POSTS) for kind in ("information" if number % 5 else "description", "answer")]
