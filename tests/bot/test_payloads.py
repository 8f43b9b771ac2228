"""Slack's payloads as typed acts: what is read, what is passed over, and how text arrives."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from slack_bolt.response import BoltResponse

from bot.slack.payloads import parse_event, plain_text, talks_to_somebody_else
from bot.workflow.incoming import Deleted, Incoming, Joined, Posted
from deploy.sandbox.seed import Seed
from deploy.sandbox.server import Sandbox, running_sandbox
from tests.deploy.sandbox_app import connected_app

BOT = "U0PHYASSIST"


def an_event(**event: Any) -> dict[str, Any]:
    """An `event_callback` body with a message of anna's."""
    message = {"type": "message", "channel": "C1", "user": "U0ANNA", "ts": "1.1", "text": "Sleeps badly.", **event}
    return {"type": "event_callback", "team_id": "T1", "event": {key: value for key, value in message.items() if value is not None}}


def a_change(**message: Any) -> dict[str, Any]:
    """An edit of anna's message."""
    inner = {"type": "message", "user": "U0ANNA", "ts": "1.1", "text": "New.", "edited": {"user": "U0ANNA", "ts": "2.2"}, **message}
    return an_event(subtype="message_changed", hidden=True, user=None, text=None, ts="2.3", message=inner)


def test_a_message_becomes_a_post() -> None:
    """Team, channel, person, time, thread and text are taken over."""
    assert parse_event(an_event(thread_ts="0.9"), BOT) == Posted(
        team_id="T1", channel_id="C1", user_id="U0ANNA", at="1.1", ts="1.1", thread_ts="0.9", text="Sleeps badly."
    )


def test_an_edit_is_a_new_version_of_the_same_message() -> None:
    """It keeps the message's time as its name, and stands in order by the time of the edit."""
    act = parse_event(a_change(thread_ts="0.9"), BOT)
    assert isinstance(act, Posted)
    assert (act.ts, act.edited_ts, act.at, act.text, act.thread_ts) == ("1.1", "2.2", "2.2", "New.", "0.9")


@pytest.mark.parametrize(
    "body",
    [
        an_event(bot_id="B1"),
        an_event(user=None),
        an_event(subtype="channel_join"),
        an_event(subtype="group_topic"),
        an_event(subtype="message_deleted", deleted_ts="1.0"),
        a_change(edited=None),
        a_change(bot_id="B1"),
        a_change(subtype="tombstone"),
        an_event(text="<@U0LI> have you seen this?"),
        an_event(type="app_mention"),
        an_event(type="reaction_added"),
        an_event(type="member_joined_channel", user="U0LI"),
        {"type": "event_callback", "event": None},
        {},
    ],
)
def test_the_rest_is_passed_over(body: dict[str, Any]) -> None:
    """Bots' posts, joins, deletions, unfurls, talk between colleagues and unknown events are no acts."""
    assert parse_event(body, BOT) is None


def test_files_and_broadcasts_are_posts_too() -> None:
    """A post with a file, and a reply that was sent to the channel as well, are read; the file is noted."""
    act = parse_event(an_event(subtype="file_share", files=[{"id": "F1"}], text=""), BOT)
    assert isinstance(act, Posted)
    assert (act.has_files, act.text) == (True, "")
    assert parse_event(an_event(subtype="thread_broadcast", thread_ts="0.9"), BOT)


PREVIOUS = {"type": "message", "user": "U0ANNA", "ts": "1.1", "text": "Sleeps badly."}


@pytest.mark.parametrize(
    "body",
    [
        an_event(
            subtype="message_deleted",
            hidden=True,
            user=None,
            text=None,
            ts="2.3",
            event_ts="2.3",
            deleted_ts="1.1",
            previous_message=PREVIOUS,
        ),
        a_change(subtype="tombstone", user="USLACKBOT", edited=None),
        a_change(text="", edited=None, files=[{"id": "F1", "mode": "tombstone"}]),
    ],
    ids=["alone", "head of a thread", "nothing but a file"],
)
def test_a_message_that_is_gone_is_an_act_of_its_author(body: dict[str, Any]) -> None:
    """Deleted alone, as the head of a thread, or with its only file: it is named, and nothing of it is in the act."""
    files = [{"id": "F1", "mode": "hosted"}] if "files" in (body["event"].get("message") or {}) else None
    body["event"] |= {"event_ts": "2.3", "previous_message": {**PREVIOUS, **({"files": files, "text": ""} if files else {})}}
    assert parse_event(body, BOT) == Deleted(team_id="T1", channel_id="C1", user_id="U0ANNA", at="2.3", ts="1.1")


@pytest.mark.parametrize("author", [{"bot_id": "B1"}, {"user": None}])
def test_a_message_of_a_bot_that_is_gone_is_nothing(author: dict[str, Any]) -> None:
    """Neither ours nor another's was a description."""
    body = an_event(subtype="message_deleted", deleted_ts="1.1", user=None, previous_message={**PREVIOUS, **author})
    assert parse_event(body, BOT) is None


@pytest.mark.parametrize(
    ("file", "url"),
    [
        (
            {"mode": "hosted", "url_private": "https://files.slack.com/a", "url_private_download": "https://files.slack.com/d/a"},
            "https://files.slack.com/d/a",
        ),
        ({"mode": "snippet", "url_private": "https://files.slack.com/a"}, "https://files.slack.com/a"),
        ({"mode": "external", "is_external": True, "url_private": "https://docs.example/a"}, ""),
        ({"mode": "hidden_by_limit"}, ""),
        ({"mode": "tombstone", "url_private": "https://files.slack.com/a"}, ""),
        ({"size": "large", "name": None}, ""),
    ],
)
def test_a_file_has_an_address_only_where_slack_keeps_it(file: dict[str, Any], url: str) -> None:
    """Links to other places, deleted files and those that the plan hides can't be fetched."""
    act = parse_event(an_event(subtype="file_share", files=[{"id": "F1", "name": "a.txt", "size": 3, **file}]), BOT)
    assert isinstance(act, Posted)
    (found,) = act.files
    assert found.url == url
    assert "a.txt" not in repr(act), "a file's name is case text"


def test_the_bots_own_arrival_is_an_act_of_whoever_invited_it() -> None:
    """The welcome can then be given, or refused, to the right person."""
    act = parse_event(an_event(type="member_joined_channel", user=BOT, inviter="U0ANNA", event_ts="3.3"), BOT)
    assert act == Joined(team_id="T1", channel_id="C1", user_id="U0ANNA", at="3.3")


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("a &lt; b &amp;&amp; c &gt; d", "a < b && c > d"),
        ("&amp;lt;b&amp;gt;", "&lt;b&gt;"),
        ("<@U0LI> and <@U0SOL|sol> came", "and  came"),
        ("<!channel> <!here|here> <!subteam^S1|@team>", "@channel here @team"),
        ("see <https://example.org/a|this page> and <https://example.org>", "see this page and https://example.org"),
        ("<mailto:a@example.org|a@example.org> <tel:123|123>", "a@example.org 123"),
        ("in <#C1|case-001> and <#C2>", "in #case-001 and"),
        ("&lt;!channel&gt;", "<!channel>"),
        ("  🙂 עברית 水族箱  ", "🙂 עברית 水族箱"),
        ('{"analysis": ["x"]}', '{"analysis": ["x"]}'),
        ("half \ud83d an emoji", "half \ufffd an emoji"),
        ("whole \ud83d\ude42 emoji", "whole 🙂 emoji"),
        ("<", "<"),
        ("<<@U1>>", "<>"),
    ],
)
def test_text_arrives_as_people_see_it(text: str, plain: str) -> None:
    """Escapes are undone once, tokens become words, ids of people vanish, what was typed stays."""
    assert plain_text(text) == plain


@pytest.mark.parametrize(
    ("text", "others"),
    [("<@U0LI> hi", True), (" \n<@U0LI|li>hi", True), (f"<@{BOT}> hi", False), ("hi <@U0LI>", False), ("", False), ("@li hi", False)],
)
def test_talk_between_colleagues_is_recognized(text: str, others: bool) -> None:
    """A message that begins with somebody else's name is for them; the bot's own name, or one in mid-sentence, changes nothing."""
    assert talks_to_somebody_else(text, BOT) is others


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """A workspace with the bot in its cases."""
    async with running_sandbox(seed=Seed(cases=1, bot_in_cases=True)) as sandbox:
        yield sandbox


async def test_what_people_do_in_a_workspace_arrives_as_they_did_it(sandbox: Sandbox) -> None:
    """Posts, replies, edits, uploads and an unfurl, through a real app on a real socket."""
    acts: list[Incoming] = []

    async def inbox(body: dict[str, Any], next: Any) -> BoltResponse:  # noqa: A002 (Bolt's name)
        act = parse_event(body, BOT)
        if act:
            acts.append(act)
        return BoltResponse(status=200)

    async with connected_app(sandbox, lambda app: app.use(inbox) and None):
        people = sandbox.client
        post = await people.say("anna", "case-001", '1 < 2 & <!channel> "quoted" 🙂')
        reply = await people.say("li", "case-001", "睡眠不足", thread_ts=post.ts)
        await people.edit_message("anna", "case-001", post.ts, "1 < 2, corrected")
        await people.unfurl("case-001", post.ts)
        await people.say("anna", "case-001", "", files=[("a.txt", b"x")])
        await people.say("anna", "case-001", "@li please look")
        await people.say("sol", "case-001", "last")
        async with asyncio.timeout(20):
            while not any(isinstance(act, Posted) and act.text == "last" for act in acts):
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.3)
    posts = [act for act in acts if isinstance(act, Posted)]
    by_text = {act.text: act for act in posts}
    assert by_text.keys() == {'1 < 2 & <!channel> "quoted" 🙂', "睡眠不足", "1 < 2, corrected", "", "last"}
    assert by_text["睡眠不足"].thread_ts == post.ts
    assert by_text["睡眠不足"].ts == reply.ts
    assert by_text["1 < 2, corrected"].ts == post.ts
    assert by_text[""].has_files
    # the edit, and the unfurl of the edited message, which is the same version and so has the same key
    assert len({act.key for act in posts}) == 5
