"""Views by the Web API, all kinds of inputs, ephemeral messages, and people in a hurry."""

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

PLAIN = {"type": "plain_text", "text": "x"}
OPTIONS = [{"text": {"type": "plain_text", "text": name}, "value": name.lower()} for name in ("One", "Two", "Three")]
PATIENT = Timing(ack_s=30.0, retry_delays_s=(0.1, 0.5, 1.0), trigger_s=30.0)  # for busy machines: nothing here is about time


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """Return a running sandbox."""
    async with running_sandbox(seed=Seed(bot_in_cases=True), timing=PATIENT) as running:
        yield running


def _field(block_id: str, element: Json, **changes: Any) -> Json:
    return {"type": "input", "block_id": block_id, "label": PLAIN, "element": {**element, "action_id": "it"}, **changes}


async def _open(sandbox: Sandbox, view: Json, user: str = "U0ANNA") -> Json:
    """Open a modal for a user as an app does after an action."""
    answer = await web_client(sandbox).views_open(trigger_id=sandbox.desk.people.triggers.new(user), view=view)
    return dict(answer["view"])


async def test_every_kind_of_input_ends_in_the_state(sandbox: Sandbox) -> None:
    """Initial values, chosen options, users, dates, empty optional fields: view.state.values has them as Slack does."""
    submitted: list[Json] = []
    fields = [
        _field("text", {"type": "plain_text_input", "initial_value": "as it was"}),
        _field("note", {"type": "plain_text_input"}, optional=True),
        _field("one", {"type": "static_select", "options": OPTIONS, "initial_option": OPTIONS[0]}),
        _field("radio", {"type": "radio_buttons", "options": OPTIONS}),
        _field("many", {"type": "checkboxes", "options": OPTIONS}),
        _field("people", {"type": "multi_users_select"}),
        _field("day", {"type": "datepicker"}),
        _field("number", {"type": "number_input", "is_decimal_allowed": False}),
    ]

    def register(app: AsyncApp) -> None:
        @app.view("edit")
        async def keep(ack: Any, view: Json) -> None:
            submitted.append(view["state"]["values"])
            await ack()

    async with connected_app(sandbox, register):
        view = await _open(sandbox, a_modal(blocks=fields))
        entries = {"radio": "two", "many": ["one", "Three"], "people": ["U0LI"], "day": "2026-01-31", "number": 7}
        assert (await sandbox.client.submit_view("anna", view["id"], entries)).ok
    values = {block: next(iter(state.values())) for block, state in submitted[0].items()}
    assert values["text"] == {"type": "plain_text_input", "value": "as it was"}
    assert values["note"]["value"] is None
    assert values["one"]["selected_option"]["value"] == "one"
    assert values["radio"]["selected_option"]["value"] == "two"
    assert [option["value"] for option in values["many"]["selected_options"]] == ["one", "three"]
    assert values["people"]["selected_users"] == ["U0LI"]
    assert (values["day"]["selected_date"], values["number"]["value"]) == ("2026-01-31", "7")


async def test_wrong_entries_are_the_testers_mistake(sandbox: Sandbox) -> None:
    """An unknown block, option or view, and somebody else's modal, are named and nothing is sent."""
    view = await _open(sandbox, a_modal(blocks=[_field("one", {"type": "static_select", "options": OPTIONS})]))
    with pytest.raises(CannotDo, match="block_not_found"):
        await sandbox.client.submit_view("anna", view["id"], {"other": "x"})
    with pytest.raises(CannotDo, match="option_not_found"):
        await sandbox.client.submit_view("anna", view["id"], {"one": "four"})
    with pytest.raises(CannotDo, match="view_not_found"):
        await sandbox.client.submit_view("li", view["id"], {"one": "one"})
    assert await sandbox.client.envelopes() == []


async def test_a_modal_submitted_twice_reaches_the_app_twice(sandbox: Sandbox) -> None:
    """Two quick presses, and one more on a closed modal from an old screen."""
    submitted: list[str] = []

    def register(app: AsyncApp) -> None:
        @app.view("edit")
        async def keep(ack: Any, view: Json) -> None:
            submitted.append(view["id"])
            await asyncio.sleep(0.1)
            await ack()

    async with connected_app(sandbox, register):
        view = await _open(sandbox, a_modal())
        presses = (sandbox.client.submit_view("anna", view["id"], {"answer": "x"}) for _ in range(2))
        results = await asyncio.gather(*presses)
        again = await sandbox.client.submit_view("anna", view["id"], {"answer": "x"}, stale=True)
    assert [result.ok for result in results] == [True, True]
    assert again.ok
    assert submitted == [view["id"]] * 3


async def test_views_are_updated_by_id_and_hash_and_keep_what_was_entered(sandbox: Sandbox) -> None:
    """An old hash is refused, the text that the person had typed stays, a closed view is not found."""
    client = web_client(sandbox)
    view = await _open(sandbox, a_modal(external_id="mine"))
    await sandbox.client.click("anna", view_id=view["id"], block_id="answer", value="half a sentence")
    updated = await client.views_update(external_id="mine", hash=view["hash"], view=a_modal(title={"type": "plain_text", "text": "Next"}))
    assert updated["view"]["state"]["values"]["answer"]["text"]["value"] == "half a sentence"
    with pytest.raises(SlackApiError, match="hash_conflict"):
        await client.views_update(view_id=view["id"], hash=view["hash"], view=a_modal())
    await sandbox.client.close_view("anna", view["id"])
    with pytest.raises(SlackApiError, match="not_found"):
        await client.views_update(view_id=view["id"], view=a_modal())


async def test_views_push_stacks_and_close_goes_back(sandbox: Sandbox) -> None:
    """A pushed view knows its root; closing it shows the one below, and the app hears of it when it asked to."""
    closed: list[Json] = []

    def register(app: AsyncApp) -> None:
        @app.view_closed("edit")
        async def keep(ack: Any, view: Json) -> None:
            await ack()
            closed.append(view)

    async with connected_app(sandbox, register):
        below = await _open(sandbox, a_modal())
        trigger_id = sandbox.desk.people.triggers.new("U0ANNA")
        top = (await web_client(sandbox).views_push(trigger_id=trigger_id, view=a_modal(notify_on_close=True)))["view"]
        assert (top["root_view_id"], top["previous_view_id"]) == (below["id"], below["id"])
        await sandbox.client.close_view("anna", top["id"])
        shown = (await sandbox.client.views("anna")).top
    assert shown is not None
    assert shown["id"] == below["id"]
    assert [view["id"] for view in closed] == [top["id"]]


async def test_bad_views_are_refused_wherever_they_come_from(sandbox: Sandbox) -> None:
    """views.open names the problem; an ack with a bad view or bad errors shows the person a failure."""
    too_long = a_modal(title={"type": "plain_text", "text": "x" * 25})
    with pytest.raises(SlackApiError) as caught:
        await _open(sandbox, too_long)
    assert caught.value.response["error"] == "invalid_arguments"
    assert "[json-pointer:/view/title/text]" in caught.value.response["response_metadata"]["messages"][0]
    answers = iter([{"response_action": "update", "view": too_long}, {"response_action": "errors", "errors": {"nowhere": "x"}}])

    def register(app: AsyncApp) -> None:
        @app.view("edit")
        async def wrong(ack: Any) -> None:
            await ack(**next(answers))

    async with connected_app(sandbox, register):
        view = await _open(sandbox, a_modal())
        results = [await sandbox.client.submit_view("anna", view["id"], {"answer": "x"}) for _ in range(2)]
    assert [(result.ok, result.failure) for result in results] == [(False, "invalid_arguments")] * 2
    assert all(result.details for result in results)


async def test_an_ephemeral_message_can_be_clicked_replaced_and_deleted(sandbox: Sandbox) -> None:
    """Its buttons work for the one who sees it, and response URLs change it."""

    def register(app: AsyncApp) -> None:
        @app.action("next")
        async def replace(ack: Any, respond: Any, body: Json) -> None:
            await ack()
            assert body["container"]["is_ephemeral"] is True
            await respond(
                text="Replaced.", blocks=[section("Replaced."), {"type": "actions", "elements": [button("last")]}], replace_original=True
            )

        @app.action("last")
        async def delete(ack: Any, respond: Any) -> None:
            await ack()
            await respond(delete_original=True)

    async with connected_app(sandbox, register):
        case = (await sandbox.client.channel("case-001"))["id"]
        blocks = [{"type": "actions", "elements": [button("next")]}]
        await web_client(sandbox).chat_postEphemeral(channel=case, user="U0ANNA", text="Only you", blocks=blocks)
        shown = await sandbox.client.wait_for_ephemeral("anna", "Only you")
        with pytest.raises(CannotDo, match="message_not_found"):
            await sandbox.client.click("li", "case-001", shown.ts, "next")
        await sandbox.client.click("anna", "case-001", shown.ts, "next")
        replaced = await sandbox.client.wait_for_ephemeral("anna", "Replaced.")
        assert replaced.ts == shown.ts
        await sandbox.client.click("anna", "case-001", shown.ts, "last")
        async with asyncio.timeout(60):
            while await sandbox.client.ephemerals("anna"):
                await asyncio.sleep(0.02)


async def test_overflow_menus_and_feedback_buttons_tell_what_was_chosen(sandbox: Sandbox) -> None:
    """The action carries the option or the value; what isn't there can't be chosen."""
    actions: list[Json] = []

    def register(app: AsyncApp) -> None:
        async def keep(ack: Any, action: Json) -> None:
            await ack()
            actions.append(action)

        app.action("more")(keep)
        app.action("rate")(keep)

    rate = {"type": "feedback_buttons", "action_id": "rate", "positive_button": {"text": PLAIN, "value": "up"}}
    rate["negative_button"] = {"text": PLAIN, "value": "down"}
    blocks = [
        {**section("x"), "accessory": {"type": "overflow", "action_id": "more", "options": OPTIONS}},
        {"type": "context_actions", "elements": [rate]},
    ]
    async with connected_app(sandbox, register):
        case = (await sandbox.client.channel("case-001"))["id"]
        posted = await web_client(sandbox).chat_postMessage(channel=case, text="x", blocks=blocks)
        await sandbox.client.click("anna", "case-001", posted["ts"], "more", value="two")
        await sandbox.client.click("anna", "case-001", posted["ts"], "rate", value="down")
        for action_id in ("more", "rate"):
            with pytest.raises(CannotDo, match="option_not_found"):
                await sandbox.client.click("anna", "case-001", posted["ts"], action_id, value="sideways")
    assert actions[0]["selected_option"]["value"] == "two"
    assert actions[1]["value"] == "down"
