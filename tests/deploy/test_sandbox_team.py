"""People, channels, reactions, big texts and many connections in the sandbox."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError

from deploy.sandbox.delivery import Timing
from deploy.sandbox.errors import CannotDo
from deploy.sandbox.faults import Faults
from deploy.sandbox.manifest import ALL_SCOPES, load_manifest
from deploy.sandbox.seed import Seed
from deploy.sandbox.server import Sandbox, running_sandbox
from tests.deploy.sandbox_app import Json, connected_app, web_client


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """Return a running sandbox whose app has every scope."""
    manifest = replace(load_manifest(), scopes=ALL_SCOPES)
    async with running_sandbox(seed=Seed(bot_in_cases=True), timing=Timing(ack_s=30.0), manifest=manifest) as running:
        yield running


async def test_guests_and_strangers_can_be_made_and_join(sandbox: Sandbox) -> None:
    """A changed user is told to the app, a new one can be invited, and the app sees the flags."""
    events: list[Json] = []

    def register(app: AsyncApp) -> None:
        async def keep(event: Json) -> None:
            events.append(event)

        app.event("user_change")(keep)
        app.event("member_joined_channel")(keep)
        app.event("message")(keep)

    async with connected_app(sandbox, register):
        await sandbox.client.set_user("li", is_ultra_restricted=True)
        new = await sandbox.client.set_user("zoe", is_stranger=True, team_id="T0FOREIGN")
        await sandbox.client.invite("case-001", "zoe")
        async with asyncio.timeout(60):
            while len(events) < 3:
                await asyncio.sleep(0.02)
    client = web_client(sandbox)
    assert {event["type"] for event in events} == {"user_change", "member_joined_channel", "message"}
    assert (await client.users_info(user="U0LI"))["user"]["is_ultra_restricted"] is True
    assert (await client.users_info(user=new))["user"]["is_stranger"] is True
    assert "locale" not in (await client.users_info(user="U0LI"))["user"]
    assert (await client.users_info(user="U0LI", include_locale=True))["user"]["locale"] == "zh-CN"
    assert new in (await client.conversations_members(channel=(await sandbox.client.channel("case-001"))["id"]))["members"]


async def test_channels_are_created_joined_left_and_converted(sandbox: Sandbox) -> None:
    """The bot joins public channels only; a conversion to public is seen by asking, and has no event."""
    client = web_client(sandbox)
    public = await sandbox.client.create_channel("open", is_private=False)
    private = await sandbox.client.create_channel("closed", members=["li"])
    assert (await client.conversations_join(channel=public))["channel"]["is_member"] is True
    with pytest.raises(SlackApiError, match="channel_not_found"):
        await client.conversations_join(channel=private)
    await client.conversations_invite(channel=public, users="U0SOL")
    await client.conversations_leave(channel=public)
    with pytest.raises(CannotDo, match="name_taken"):
        await sandbox.client.create_channel("open")
    before = len(await sandbox.client.envelopes())
    await sandbox.client.change_channel("case-002", is_private=False)
    case = (await sandbox.client.channel("case-002"))["id"]
    assert (await client.conversations_info(channel=case))["channel"]["is_private"] is False
    assert len(await sandbox.client.envelopes()) == before
    listed = {channel["name"] for channel in (await client.conversations_list(types="public_channel"))["channels"]}
    assert listed == {"general", "open", "case-002"}


async def test_channels_get_other_ids_and_are_deleted(sandbox: Sandbox) -> None:
    """Messages stay under the new id, and nothing is found under the old one; the app is told of both."""
    client = web_client(sandbox)
    old, gone = [str((await sandbox.client.channel(name))["id"]) for name in ("case-001", "case-002")]
    events: dict[str, Json] = {}

    def register(app: AsyncApp) -> None:
        async def keep(event: Json) -> None:
            events[event["type"]] = event

        for kind in ("channel_id_changed", "group_deleted", "message"):
            app.event(kind)(keep)

    async with connected_app(sandbox, register):
        sent = await sandbox.client.say("anna", "case-001", "x")
        new = await sandbox.client.move_channel("case-001")
        await sandbox.client.delete_channel("case-002")
        async with asyncio.timeout(60):
            while len(events) < 3:
                await asyncio.sleep(0.02)
    assert (events["channel_id_changed"]["old_channel_id"], events["channel_id_changed"]["new_channel_id"]) == (old, new)
    assert events["group_deleted"]["channel"] == gone
    assert [message["ts"] for message in (await client.conversations_history(channel=new))["messages"]] == [sent.ts]
    for channel in (old, gone):
        with pytest.raises(SlackApiError, match="channel_not_found"):
            await client.conversations_info(channel=channel)


async def test_reactions_come_from_people_and_from_the_bot(sandbox: Sandbox) -> None:
    """They are shown on the message; doing one twice is refused by name."""
    client, sent = web_client(sandbox), await sandbox.client.say("anna", "case-001", "x")
    case = (await sandbox.client.channel("case-001"))["id"]
    await client.reactions_add(channel=case, timestamp=sent.ts, name="eyes")
    with pytest.raises(SlackApiError, match="already_reacted"):
        await client.reactions_add(channel=case, timestamp=sent.ts, name="eyes")
    await sandbox.client.react("li", "case-001", sent.ts, "eyes")
    shown = (await sandbox.client.message("case-001", sent.ts)).raw["reactions"]
    assert shown == [{"name": "eyes", "users": ["U0PHYASSIST", "U0LI"], "count": 2}]
    await client.reactions_remove(channel=case, timestamp=sent.ts, name="eyes")
    await sandbox.client.react("li", "case-001", sent.ts, "eyes", remove=True)
    with pytest.raises(CannotDo, match="no_reaction"):
        await sandbox.client.react("li", "case-001", sent.ts, "eyes", remove=True)
    assert "reactions" not in (await sandbox.client.message("case-001", sent.ts)).raw


async def test_the_workspace_describes_itself(sandbox: Sandbox) -> None:
    """users.list, bots.info, team.info and files.info answer as Slack's do."""
    client = web_client(sandbox)
    assert {user["name"] for user in (await client.users_list())["members"]} >= {"anna", "li", "sol", "ada", "gus", "phyassist"}
    assert (await client.bots_info(bot="B0SANDBOX"))["bot"]["user_id"] == "U0PHYASSIST"
    assert (await client.team_info())["team"]["id"] == "T0SANDBOX"
    hidden = await sandbox.client.say("anna", "with-guest", "", files=[("a.txt", b"a")])
    with pytest.raises(SlackApiError, match="file_not_found"):
        await client.files_info(file=hidden.files[0]["id"])
    seen = await sandbox.client.say("anna", "case-001", "", files=[("b.txt", b"bb")])
    assert (await client.files_info(file=seen.files[0]["id"]))["file"]["size"] == 2


async def test_a_text_of_100000_characters_and_any_script_arrives_whole(sandbox: Sandbox) -> None:
    """Long, right-to-left, emoji and empty texts reach the app unchanged."""
    texts: list[str] = []

    def register(app: AsyncApp) -> None:
        @app.event("message")
        async def keep(event: Json) -> None:
            texts.append(event["text"])

    sent = ["睡" * 100_000, "لا أستطيع النوم", "👩‍👩‍👧‍👦 🫠", ""]
    async with connected_app(sandbox, register):
        for text in sent:
            await sandbox.client.say("anna", "case-001", text, raw=True)
        async with asyncio.timeout(60):
            while len(texts) < len(sent):
                await asyncio.sleep(0.02)
    assert sorted(texts) == sorted(sent)


async def test_nothing_is_lost_while_sockets_end_every_second(sandbox: Sandbox) -> None:
    """Sixty posts through steady disconnects: each arrives, some more than once."""
    texts: set[str] = set()

    def register(app: AsyncApp) -> None:
        @app.event("message")
        async def keep(event: Json) -> None:
            texts.add(event["text"])

    sandbox.desk.delivery.timing = Timing(ack_s=2.0, retry_delays_s=(0.5, 1.0, 2.0), wait_for_connection_s=20.0)
    await sandbox.client.set_faults(Faults(disconnect_every_s=1.0))
    async with connected_app(sandbox, register):
        for number in range(60):
            await sandbox.client.say("anna", "case-001", f"number {number}")
            await asyncio.sleep(0.05)
        await sandbox.client.set_faults()
        async with asyncio.timeout(60):
            while len(texts) < 60:
                await asyncio.sleep(0.05)
    opened = (await sandbox.client.statistics())["methods"]["apps.connections.open"]["count"]
    assert opened >= 3


async def test_tickets_are_good_once_and_ten_sockets_are_the_most(sandbox: Sandbox) -> None:
    """A used ticket is refused; the eleventh socket is told that there are too many."""
    client = web_client(sandbox)

    async def address() -> str:
        return str((await client.apps_connections_open(app_token=sandbox.app_token))["url"])

    async with aiohttp.ClientSession() as session:
        used = await address()
        sockets = [await session.ws_connect(used)]
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(used)
        sockets += [await session.ws_connect(await address()) for _ in range(10)]
        greetings: list[Any] = [await socket.receive_json() for socket in sockets]
        for socket in sockets:
            await socket.close()
    assert [greeting["type"] for greeting in greetings] == [*["hello"] * 10, "disconnect"]
    assert greetings[10]["reason"] == "too_many_websockets"


async def test_changes_can_be_followed(sandbox: Sandbox) -> None:
    """A follower gets what happens after it began, and a wait in vain ends in TimeoutError."""
    follower = sandbox.client.follow()
    first = asyncio.ensure_future(anext(follower))
    await asyncio.sleep(0.2)
    await sandbox.client.say("anna", "case-001", "x")
    change = await asyncio.wait_for(first, 5)
    assert (change["kind"], change["user"]) == ("message_posted", "U0ANNA")
    with pytest.raises(TimeoutError):
        await sandbox.client.wait_for("case-001", "never", timeout=0.2)
    with pytest.raises(CannotDo, match="message_not_found"):
        await sandbox.client.message("case-001", "1.000001")
