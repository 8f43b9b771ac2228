"""Commands, buttons, modals, shortcuts and response URLs, through a real Bolt app."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError

from deploy.sandbox.delivery import Timing
from deploy.sandbox.errors import CannotDo
from deploy.sandbox.seed import Seed
from deploy.sandbox.server import Sandbox, running_sandbox
from tests.deploy.sandbox_app import Json, a_modal, button, connected_app, section, web_client

PATIENT = Timing(ack_s=30.0, retry_delays_s=(0.1, 0.5, 1.0), trigger_s=30.0)  # for busy machines: nothing here is about time


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """Return a running sandbox."""
    async with running_sandbox(seed=Seed(bot_in_cases=True), timing=PATIENT) as running:
        yield running


async def _channel_id(sandbox: Sandbox, name: str = "case-001") -> str:
    return str((await sandbox.client.channel(name))["id"])


async def _posted(sandbox: Sandbox, *blocks: Json) -> str:
    answer = await web_client(sandbox).chat_postMessage(channel=await _channel_id(sandbox), text="with buttons", blocks=list(blocks))
    return str(answer["ts"])


async def test_a_slash_command_is_answered_in_the_ack_and_by_its_response_url(sandbox: Sandbox) -> None:
    """The ack's text and later answers are seen by the caller only; an in_channel answer by everybody."""
    seen: list[Json] = []

    def register(app: AsyncApp) -> None:
        @app.command("/phyassist")
        async def help_(ack: Any, body: Json, respond: Any) -> None:
            seen.append(body)
            await ack("Here is help.")
            await respond("Later.")
            await respond("For all.", response_type="in_channel")

    async with connected_app(sandbox, register):
        result = await sandbox.client.command("anna", "case-001", "/phyassist help me")
        later = await sandbox.client.wait_for_ephemeral("anna", "Later.")
        for_all = await sandbox.client.wait_for("case-001", "For all.")
    assert result.ok
    assert result.shown is not None
    assert result.shown.text == "Here is help."
    assert (seen[0]["text"], seen[0]["user_id"], seen[0]["channel_name"]) == ("help me", "U0ANNA", "privategroup")
    assert later.raw["is_ephemeral"] is True
    assert "is_ephemeral" not in for_all.raw
    assert await sandbox.client.ephemerals("li") == []


async def test_a_command_is_impossible_in_threads_and_when_it_is_unknown(sandbox: Sandbox) -> None:
    """Slack's client itself refuses these."""
    with pytest.raises(CannotDo, match="unknown_command"):
        await sandbox.client.command("anna", "case-001", "/nothing")
    sent = await sandbox.client.say("anna", "case-001", "head")
    with pytest.raises(CannotDo, match="not_supported_in_threads"):
        await sandbox.client.command("anna", "case-001", "/phyassist help", thread_ts=sent.ts)


async def test_a_person_sees_when_the_app_doesnt_answer(sandbox: Sandbox) -> None:
    """Without a connection and without an ack, a command fails and isn't sent again."""
    sandbox.desk.delivery.timing = Timing(ack_s=0.2, wait_for_connection_s=0.2)
    result = await sandbox.client.command("anna", "case-001", "/phyassist help")
    assert (result.ok, result.failure) == (False, "connection_failed")

    def register(app: AsyncApp) -> None:
        @app.command("/phyassist")
        async def late(ack: Any) -> None:
            await asyncio.sleep(0.5)
            await ack()

    async with connected_app(sandbox, register):
        result = await sandbox.client.command("anna", "case-001", "/phyassist help")
        await asyncio.sleep(0.6)
    assert (result.ok, result.failure) == (False, "timeout")
    assert len(await sandbox.client.envelopes()) == 2


async def test_a_button_opens_a_modal_whose_errors_are_shown_until_it_is_right(sandbox: Sandbox) -> None:
    """Click, modal, refused by the client, refused by the app, accepted and closed."""
    submitted: list[Json] = []

    def register(app: AsyncApp) -> None:
        @app.action("edit")
        async def open_(ack: Any, body: Json, client: Any) -> None:
            await ack()
            assert body["container"]["channel_id"] == body["channel"]["id"]
            await client.views_open(trigger_id=body["trigger_id"], view=a_modal(private_metadata=body["actions"][0]["value"]))

        @app.view("edit")
        async def save(ack: Any, view: Json) -> None:
            submitted.append(view)
            text = view["state"]["values"]["answer"]["text"]["value"]
            if "bad" in text:
                await ack(response_action="errors", errors={"answer": "Please write it differently."})
            else:
                await ack()

    async with connected_app(sandbox, register):
        ts = await _posted(sandbox, section("A note"), {"type": "actions", "elements": [button("edit", value="note-7")]})
        assert (await sandbox.client.click("anna", "case-001", ts, "edit")).ok
        view = await sandbox.client.wait_for_view("anna", "edit")
        empty = await sandbox.client.submit_view("anna", view["id"], {"answer": ""})
        too_long = await sandbox.client.submit_view("anna", view["id"], {"answer": "x" * 3001})
        bad = await sandbox.client.submit_view("anna", view["id"], {"answer": {"text": "bad"}})
        good = await sandbox.client.submit_view("anna", view["id"], {"answer": "good"})
    assert empty.errors == {"answer": "Please complete this required field."}
    assert "3000" in too_long.errors["answer"]
    assert bad.errors == {"answer": "Please write it differently."}
    assert (good.ok, good.action) == (True, "close")
    assert [view["private_metadata"] for view in submitted] == ["note-7", "note-7"]
    assert (await sandbox.client.views("anna")).top is None
    with pytest.raises(CannotDo, match="view_not_found"):
        await sandbox.client.submit_view("anna", view["id"])


async def test_a_modal_can_be_updated_pushed_and_cleared_by_acks(sandbox: Sandbox) -> None:
    """response_action update replaces, push stacks up to three, clear closes all."""
    actions = iter(["update", "push", "push", "push", "clear"])

    def register(app: AsyncApp) -> None:
        @app.shortcut("use_as_edited_answer")
        async def open_(ack: Any, body: Json, client: Any) -> None:
            await ack()
            await client.views_open(trigger_id=body["trigger_id"], view=a_modal())

        @app.view("edit")
        async def next_(ack: Any) -> None:
            action = next(actions)
            await ack(response_action=action, **({} if action == "clear" else {"view": a_modal()}))

    async with connected_app(sandbox, register):
        sent = await sandbox.client.say("anna", "case-001", "my own words")
        assert (await sandbox.client.shortcut("anna", "case-001", sent.ts, "use_as_edited_answer")).ok
        await sandbox.client.wait_for_view("anna", "edit")
        results = []
        for _ in range(5):
            top = (await sandbox.client.views("anna")).top
            assert top is not None
            results.append(await sandbox.client.submit_view("anna", top["id"], {"answer": "text"}))
    assert [(result.ok, result.action) for result in results[:3]] == [(True, "update"), (True, "push"), (True, "push")]
    assert results[3].failure == "push_limit_reached"
    assert results[4].action == "clear"
    assert (await sandbox.client.views("anna")).modals == []


async def test_a_message_shortcut_carries_the_message(sandbox: Sandbox) -> None:
    """The payload has the callback id, the message and the channel."""
    bodies: list[Json] = []

    def register(app: AsyncApp) -> None:
        @app.shortcut("use_as_edited_answer")
        async def keep(ack: Any, body: Json) -> None:
            await ack()
            bodies.append(body)

    async with connected_app(sandbox, register):
        sent = await sandbox.client.say("li", "case-001", "Analysis: …")
        await sandbox.client.shortcut("anna", "case-001", sent.ts, "use_as_edited_answer")
    assert bodies[0]["type"] == "message_action"
    assert bodies[0]["message"]["user"] == "U0LI"
    assert bodies[0]["message_ts"] == sent.ts
    assert bodies[0]["user"]["id"] == "U0ANNA"


async def test_a_response_url_replaces_and_deletes_its_original_five_times_at_most(sandbox: Sandbox) -> None:
    """respond() edits and deletes the clicked message; the sixth post is refused."""
    urls: list[str] = []

    def register(app: AsyncApp) -> None:
        @app.action("ok")
        async def done(ack: Any, respond: Any, body: Json) -> None:
            await ack()
            urls.append(body["response_url"])
            await respond(text="Replaced.", replace_original=True)

        @app.action("gone")
        async def gone(ack: Any, respond: Any) -> None:
            await ack()
            await respond(delete_original=True)

    async with connected_app(sandbox, register):
        ts = await _posted(sandbox, {"type": "actions", "elements": [button("ok")]})
        other = await _posted(sandbox, {"type": "actions", "elements": [button("gone")]})
        await sandbox.client.click("anna", "case-001", ts, "ok")
        assert (await sandbox.client.wait_for("case-001", "Replaced.")).ts == ts
        await sandbox.client.click("anna", "case-001", other, "gone")
        async with asyncio.timeout(60):
            while len(await sandbox.client.messages("case-001")) > 1:
                await asyncio.sleep(0.02)
    statuses = []
    async with sandbox.desk.session as session:
        for _ in range(5):
            async with session.post(urls[0], json={"text": "more"}) as answer:
                statuses.append((answer.status, await answer.text()))
    assert statuses == [*[(200, "ok")] * 4, (404, "used_url")]


async def test_old_screens_can_still_be_clicked(sandbox: Sandbox) -> None:
    """A button of a deleted message, and one that an update has removed, still reach the app from an old screen."""
    clicked: list[str] = []

    def register(app: AsyncApp) -> None:
        @app.action("old")
        async def keep(ack: Any, body: Json) -> None:
            await ack()
            clicked.append(body["message"]["ts"])

    async with connected_app(sandbox, register):
        ts = await _posted(sandbox, {"type": "actions", "elements": [button("old")]})
        await web_client(sandbox).chat_update(channel=await _channel_id(sandbox), ts=ts, text="no button", blocks=[section("no button")])
        with pytest.raises(CannotDo, match="action_not_found"):
            await sandbox.client.click("anna", "case-001", ts, "old")
        assert (await sandbox.client.click("anna", "case-001", ts, "old", stale=True)).ok
        await web_client(sandbox).chat_delete(channel=await _channel_id(sandbox), ts=ts)
        assert (await sandbox.client.click("anna", "case-001", ts, "old", stale=True)).ok
    assert clicked == [ts, ts]


async def test_a_trigger_is_good_once_and_for_three_seconds(sandbox: Sandbox) -> None:
    """The second use, a late use and an invented trigger get Slack's three names."""
    client, triggers = web_client(sandbox), sandbox.desk.people.triggers
    used = triggers.new("U0ANNA")
    await client.views_open(trigger_id=used, view=a_modal())
    late = triggers.new("U0ANNA")
    triggers._lasts_s = -1.0
    for trigger_id, name in ((used, "exchanged_trigger_id"), (late, "expired_trigger_id"), ("invented", "invalid_trigger_id")):
        with pytest.raises(SlackApiError) as caught:
            await client.views_open(trigger_id=trigger_id, view=a_modal())
        assert caught.value.response["error"] == name


async def test_selects_keep_their_value_in_the_state(sandbox: Sandbox) -> None:
    """A choice in a message's select comes with its option, and home tabs take actions too."""
    bodies: list[Json] = []
    options = [{"text": {"type": "plain_text", "text": name}, "value": name.lower()} for name in ("English", "Chinese")]
    select = {
        "type": "static_select",
        "action_id": "language",
        "placeholder": {"type": "plain_text", "text": "Language"},
        "options": options,
    }

    def register(app: AsyncApp) -> None:
        @app.action("language")
        async def keep(ack: Any, body: Json) -> None:
            await ack()
            bodies.append(body)

    async with connected_app(sandbox, register):
        ts = await _posted(sandbox, {"type": "actions", "block_id": "choices", "elements": [select]})
        await sandbox.client.click("anna", "case-001", ts, "language", value="chinese")
        home = {"type": "home", "blocks": [{"type": "actions", "block_id": "choices", "elements": [select]}]}
        await web_client(sandbox).views_publish(user_id="U0LI", view=home)
        shown = (await sandbox.client.views("li")).home
        assert shown is not None
        await sandbox.client.click("li", view_id=shown["id"], action_id="language", value="english")
    assert bodies[0]["actions"][0]["selected_option"]["value"] == "chinese"
    assert bodies[0]["state"]["values"]["choices"]["language"]["selected_option"]["value"] == "chinese"
    assert bodies[1]["container"] == {"type": "view", "view_id": shown["id"]}
