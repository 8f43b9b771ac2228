"""Events of the sandbox workspace reach a real Bolt app over a real socket, as Slack's do."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest

from deploy.sandbox.delivery import Timing
from deploy.sandbox.errors import CannotDo
from deploy.sandbox.faults import Farewell, Faults
from deploy.sandbox.seed import Seed
from deploy.sandbox.server import Sandbox, running_sandbox
from tests.deploy.sandbox_app import Json, connected_app, section, web_client


class Recorder:
    """Keeps every event's body, and answers people's messages."""

    def __init__(self) -> None:
        self.bodies: list[Json] = []
        self.retries: list[list[str]] = []

    @property
    def events(self) -> list[Json]:
        return [body["event"] for body in self.bodies]

    def kinds(self) -> list[str]:
        return [event.get("subtype") or event["type"] for event in self.events]

    def register(self, app: AsyncApp) -> None:
        for kind in ("message", "app_mention", "member_joined_channel", "member_left_channel", "group_left", "group_rename"):
            app.event(kind)(self.keep)
        for kind in ("channel_shared", "app_home_opened", "channel_id_changed", "subteam_members_changed"):
            app.event(kind)(self.keep)

    async def keep(self, body: Json, request: AsyncBoltRequest) -> None:
        self.bodies.append(body)
        self.retries.append(list(request.headers.get("x-slack-retry-num", [])))

    async def wait(self, count: int) -> None:
        async with asyncio.timeout(60):
            while len(self.bodies) < count:
                await asyncio.sleep(0.02)


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """Return a running sandbox that waits long for acks, so that a busy machine causes no retries."""
    async with running_sandbox(seed=Seed(bot_in_cases=True), timing=Timing(ack_s=30.0)) as running:
        yield running


async def test_a_message_gets_a_reply_in_its_thread(sandbox: Sandbox) -> None:
    """A counselor's message reaches the app, and the app's answer stands in the thread."""

    def register(app: AsyncApp) -> None:
        @app.event("message")
        async def answer(event: Json, say: object) -> None:
            if "bot_id" not in event:
                await say(text="short", blocks=[section(f"*heard* {event['text']}")], thread_ts=event["ts"])  # type: ignore[operator]

    async with connected_app(sandbox, register):
        sent = await sandbox.client.say("anna", "case-001", "She can't sleep & eats <little>")
        reply = await sandbox.client.wait_for("case-001", "heard", thread_ts=sent.ts)
    assert sent.text == "She can't sleep &amp; eats &lt;little&gt;"
    assert reply.thread_ts == sent.ts
    assert reply.plain == "*heard* She can't sleep & eats <little>"
    assert (await sandbox.client.message("case-001", sent.ts)).raw["reply_count"] == 1


async def test_a_message_event_has_slacks_shape(sandbox: Sandbox) -> None:
    """The event callback carries team, app, ids, authorizations and channel type."""
    recorder = Recorder()
    async with connected_app(sandbox, recorder.register):
        sent = await sandbox.client.say("li", "case-002", "hello @phyassist")
        await recorder.wait(2)
    message = next(body for body in recorder.bodies if body["event"]["type"] == "message")
    mention = next(body for body in recorder.bodies if body["event"]["type"] == "app_mention")
    assert message["type"] == "event_callback"
    assert message["team_id"] == "T0SANDBOX"
    assert message["authorizations"][0]["user_id"] == "U0PHYASSIST"
    assert message["is_ext_shared_channel"] is False
    assert message["event_id"] != mention["event_id"]
    assert message["event"]["channel_type"] == "group"
    assert message["event"]["ts"] == mention["event"]["ts"] == sent.ts
    assert "<@U0PHYASSIST>" in mention["event"]["text"]
    assert "client_msg_id" in message["event"]


async def test_edits_deletions_and_unfurls_are_told_apart(sandbox: Sandbox) -> None:
    """An edit has `edited`, an unfurl hasn't, a deletion names the message, a thread's head leaves a tombstone."""
    recorder = Recorder()
    async with connected_app(sandbox, recorder.register):
        client = sandbox.client
        plain = await client.say("anna", "case-001", "one")
        await client.edit_message("anna", "case-001", plain.ts, "two")
        await client.unfurl("case-001", plain.ts)
        await client.delete_message("anna", "case-001", plain.ts)
        head = await client.say("anna", "case-001", "head")
        await client.say("li", "case-001", "reply", thread_ts=head.ts)
        await client.delete_message("anna", "case-001", head.ts)
        await recorder.wait(7)
    by_number = sorted(recorder.events, key=lambda event: float(event["event_ts"]))
    edit, unfurl, deletion = by_number[1:4]
    assert edit["message"]["text"] == "two"
    assert edit["previous_message"]["text"] == "one"
    assert edit["message"]["edited"]["user"] == "U0ANNA"
    assert unfurl["message"]["attachments"]
    assert unfurl["message"]["edited"] == unfurl["previous_message"]["edited"]
    assert (deletion["subtype"], deletion["deleted_ts"]) == ("message_deleted", plain.ts)
    assert by_number[6]["message"]["subtype"] == "tombstone"


async def test_the_bots_own_posts_and_edits_come_back_as_events(sandbox: Sandbox) -> None:
    """The app sees its own messages with its bot_id, as on Slack."""

    def register(app: AsyncApp) -> None:
        @app.event("message")
        async def ignore() -> None: ...

    async with connected_app(sandbox, register):
        posted = await web_client(sandbox).chat_postMessage(channel=(await sandbox.client.channel("case-001"))["id"], text="mine")
        await web_client(sandbox).chat_update(channel=posted["channel"], ts=posted["ts"], text="mine, changed")
        async with asyncio.timeout(60):
            while (await sandbox.client.state())["in_flight"]:
                await asyncio.sleep(0.02)
    outcomes = await sandbox.client.envelopes()
    assert [outcome["type"] for outcome in outcomes] == ["message", "message"]


async def test_the_bot_hears_only_what_it_may(sandbox: Sandbox) -> None:
    """No event comes from channels without the bot; public channels send mentions only; joining and leaving are told."""
    recorder = Recorder()
    async with connected_app(sandbox, recorder.register):
        client = sandbox.client
        await client.say("anna", "with-guest", "not for the bot")
        await client.say("anna", "general", "public, not subscribed")
        await client.say("anna", "general", "public @phyassist")
        await client.invite("with-guest")
        await recorder.wait(2)
        await client.kick("with-guest")
        await recorder.wait(4)
        with pytest.raises(CannotDo, match="not_in_channel"):
            await client.say("gus", "case-001", "no")
    # Bolt itself drops the bot's own joining message, which Slack sends beside member_joined_channel.
    assert sorted(recorder.kinds()) == ["app_mention", "group_left", "member_joined_channel", "member_left_channel"]
    assert "message" in {envelope["type"] for envelope in await client.envelopes()}


async def test_channel_and_team_changes_are_told(sandbox: Sandbox) -> None:
    """Renaming, sharing, group membership and any emitted event reach the app."""
    recorder = Recorder()
    async with connected_app(sandbox, recorder.register):
        client = sandbox.client
        await client.change_channel("case-001", name="case-901")
        await client.change_channel("case-901", is_ext_shared=True)
        await client.set_usergroup("phyassist-admins", ["ada", "sol"])
        await client.emit({"type": "channel_id_changed", "old_channel_id": "C1", "new_channel_id": "C2"})
        await client.open_home("anna")
        await recorder.wait(5)
    assert set(recorder.kinds()) == {
        "group_rename", "channel_shared", "subteam_members_changed", "channel_id_changed", "app_home_opened",
    }  # fmt: skip


async def test_dropped_acks_bring_the_event_again(sandbox: Sandbox) -> None:
    """An event whose ack is lost comes again with the same event_id and the number of the retry."""
    recorder = Recorder()
    sandbox.desk.delivery.timing = Timing.quick()
    await sandbox.client.set_faults(Faults(drop_next_acks=2))
    async with connected_app(sandbox, recorder.register):
        await sandbox.client.say("anna", "case-001", "again and again")
        await recorder.wait(3)
    assert len({body["event_id"] for body in recorder.bodies}) == 1
    assert recorder.retries[:3] == [["0"], ["1"], ["2"]]
    assert [outcome["failure"] for outcome in await sandbox.client.envelopes()][:2] == ["timeout", "timeout"]


async def test_an_event_without_any_ack_is_given_up_after_three_retries(sandbox: Sandbox) -> None:
    """Four attempts in all, then no more."""
    await sandbox.client.set_faults(Faults(drop_acks_every=1))
    sandbox.desk.delivery.timing = Timing.quick()
    recorder = Recorder()
    async with connected_app(sandbox, recorder.register):
        await sandbox.client.say("anna", "case-001", "never acked")
        async with asyncio.timeout(60):
            while (await sandbox.client.state())["in_flight"]:
                await asyncio.sleep(0.05)
    attempts = [(outcome["attempt"], outcome["failure"]) for outcome in await sandbox.client.envelopes()]
    assert attempts == [(number, "timeout") for number in range(4)]


async def test_events_can_come_several_times_and_out_of_order(sandbox: Sandbox) -> None:
    """Copies come under one event_id and under others, and reordering mixes messages."""
    recorder = Recorder()
    await sandbox.client.set_faults(Faults(deliver_times=2, extra_event_ids=1, reorder_s=0.3))
    async with connected_app(sandbox, recorder.register):
        for number in range(5):
            await sandbox.client.say("anna", "case-001", f"number {number}")
        await recorder.wait(20)
    assert len({body["event_id"] for body in recorder.bodies}) == 10
    order = [event["ts"] for event in recorder.events]
    assert order != sorted(order)


@pytest.mark.parametrize("farewell", list(Farewell))
async def test_nothing_is_lost_when_the_socket_ends(sandbox: Sandbox, farewell: Farewell) -> None:
    """The app connects anew, after an announced end and after a cut, and gets what was posted meanwhile."""
    recorder = Recorder()
    sandbox.desk.delivery.timing = Timing(ack_s=1.0, retry_delays_s=(1.0, 3.0, 5.0), wait_for_connection_s=10.0)
    async with connected_app(sandbox, recorder.register):
        assert await sandbox.client.disconnect(farewell) == 1
        await sandbox.client.say("anna", "case-001", "in between")
        async with asyncio.timeout(60):
            while not recorder.bodies:
                await asyncio.sleep(0.05)
        await sandbox.client.wait_connected()
    assert recorder.events[0]["text"] == "in between"


async def test_two_apps_share_the_events(sandbox: Sandbox) -> None:
    """With two connections each event goes to one of them."""
    first, second = Recorder(), Recorder()
    async with connected_app(sandbox, first.register), connected_app(sandbox, second.register):
        await sandbox.client.wait_connected(2)
        for number in range(6):
            await sandbox.client.say("anna", "case-001", f"number {number}")
        async with asyncio.timeout(60):
            while len(first.bodies) + len(second.bodies) < 6:
                await asyncio.sleep(0.02)
    assert len(first.bodies) == len(second.bodies) == 3
