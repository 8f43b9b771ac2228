"""Blocks and views are refused as Slack refuses them."""

from typing import Any

import pytest

from deploy.sandbox.errors import SlackRefusal
from deploy.sandbox.validate import checked_blocks, checked_view
from deploy.sandbox.validate.check import Surface
from tests.deploy.sandbox_app import Json, a_modal, button, section

PLAIN = {"type": "plain_text", "text": "x"}


def _actions(*elements: Json) -> Json:
    return {"type": "actions", "elements": list(elements)}


def _input(element: Json, **changes: Any) -> Json:
    return {"type": "input", "label": PLAIN, "element": element, **changes}


def _option(value: str = "a") -> Json:
    return {"text": PLAIN, "value": value}


FEEDBACK: Json = {
    "type": "feedback_buttons",
    "action_id": "f",
    "positive_button": {"text": PLAIN, "value": "up"},
    "negative_button": {"text": PLAIN, "value": "down"},
}
IMAGE: Json = {"type": "image", "image_url": "https://example.org/x.png", "alt_text": "x"}

GOOD: dict[str, list[Json]] = {
    "section": [section("x" * 3000)],
    "fields": [{"type": "section", "fields": [{"type": "mrkdwn", "text": "x" * 2000}] * 5}],
    "header": [{"type": "header", "text": {"type": "plain_text", "text": "x" * 150}}],
    "fifty": [section("x")] * 50,
    "buttons": [_actions(*(button(f"b{number}", "x" * 75, "v" * 300) for number in range(25)))],
    "feedback": [{"type": "context_actions", "elements": [FEEDBACK]}],
    "markdown": [{"type": "markdown", "text": "**x**" * 2000}],
    "context": [{"type": "context", "elements": [{"type": "mrkdwn", "text": "x"}, IMAGE]}],
    "divider": [{"type": "divider"}],
    "confirm": [_actions({**button("b"), "style": "danger", "confirm": {"title": PLAIN, "text": PLAIN, "confirm": PLAIN, "deny": PLAIN}})],
    "same action in two blocks": [_actions(button("b")), _actions(button("b"))],
    "overflow": [{**section("x"), "accessory": {"type": "overflow", "action_id": "o", "options": [_option()] * 5}}],
}

BAD: dict[str, tuple[list[Any], str]] = {
    "section too long": ([section("x" * 3001)], "must be less than 3001 characters [json-pointer:/blocks/0/text/text]"),
    "section empty": ([section("")], "must be more than 0 characters [json-pointer:/blocks/0/text/text]"),
    "section without text": ([{"type": "section"}], "missing required field: text [json-pointer:/blocks/0]"),
    "field too long": ([{"type": "section", "fields": [{"type": "mrkdwn", "text": "x" * 2001}]}], "[json-pointer:/blocks/0/fields/0/text]"),
    "eleven fields": ([{"type": "section", "fields": [PLAIN] * 11}], "no more than 10 items allowed [json-pointer:/blocks/0/fields]"),
    "header too long": ([{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}], "must be less than 151 characters"),
    "header in mrkdwn": ([{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}], "[json-pointer:/blocks/0/text/type]"),
    "51 blocks": ([section("x")] * 51, "no more than 50 items allowed [json-pointer:/blocks]"),
    "button text too long": ([_actions(button("b", "x" * 76))], "must be less than 76 characters"),
    "button value too long": ([_actions(button("b", value="x" * 2001))], "must be less than 2001 characters"),
    "action_id too long": ([_actions(button("b" * 256))], "must be less than 256 characters"),
    "block_id too long": ([{**section("x"), "block_id": "b" * 256}], "must be less than 256 characters"),
    "block_id twice": ([{**section("x"), "block_id": "b"}] * 2, "block_id already exists"),
    "action_id twice": ([_actions(button("b"), button("b"))], "action_id already exists in this block"),
    "26 buttons": ([_actions(*(button(f"b{number}") for number in range(26)))], "no more than 25 items allowed"),
    "unknown block": ([{"type": "carpet"}], "unsupported type: carpet"),
    "unknown field": ([{**section("x"), "color": "red"}], "invalid additional property: color"),
    "unknown style": ([_actions({**button("b"), "style": "blue"})], "must be one of danger, primary"),
    "input element in actions": ([_actions({"type": "plain_text_input", "action_id": "a"})], "unsupported type: plain_text_input"),
    "not an object": (["text"], "must be an object"),
    "markdown in sum": ([{"type": "markdown", "text": "x" * 7000}] * 2, "markdown text must be less than 12001 characters"),
    "six in overflow": (
        [{**section("x"), "accessory": {"type": "overflow", "action_id": "o", "options": [_option()] * 6}}],
        "no more than 5",
    ),
    "image without alt": ([{"type": "image", "image_url": "https://x"}], "missing required field: alt_text"),
}

BAD_VIEWS: dict[str, tuple[Json, str]] = {
    "title too long": (a_modal(title={"type": "plain_text", "text": "x" * 25}), "[json-pointer:/view/title/text]"),
    "submit too long": (a_modal(submit={"type": "plain_text", "text": "x" * 25}), "[json-pointer:/view/submit/text]"),
    "no title": (a_modal(title=None), "missing required field: title"),
    "input without submit": (a_modal(submit=None), "missing required field: submit"),
    "metadata too long": (a_modal(private_metadata="x" * 3001), "[json-pointer:/view/private_metadata]"),
    "callback_id too long": (a_modal(callback_id="x" * 256), "[json-pointer:/view/callback_id]"),
    "101 blocks": (a_modal(blocks=[section("x")] * 101), "no more than 100 items allowed [json-pointer:/view/blocks]"),
    "markdown in a modal": (a_modal(blocks=[{"type": "markdown", "text": "x"}]), "not allowed in modal surfaces"),
    "initial value too long": (
        a_modal(blocks=[_input({"type": "plain_text_input", "action_id": "a", "initial_value": "x" * 3001})]),
        "[json-pointer:/view/blocks/0/element/initial_value]",
    ),
    "initial option unknown": (
        a_modal(blocks=[_input({"type": "static_select", "action_id": "a", "options": [_option("a")], "initial_option": _option("b")})]),
        "initial option not found in options",
    ),
    "label in mrkdwn": (
        a_modal(blocks=[_input({"type": "plain_text_input", "action_id": "a"}, label={"type": "mrkdwn", "text": "x"})]),
        "[json-pointer:/view/blocks/0/label/type]",
    ),
    "unknown field": (a_modal(colour="red"), "invalid additional property: colour"),
}


@pytest.mark.parametrize("blocks", GOOD.values(), ids=GOOD)
def test_blocks_within_the_limits_are_taken(blocks: list[Json]) -> None:
    """What Slack takes is taken, and every block gets an id."""
    taken = checked_blocks(blocks)
    assert len({block["block_id"] for block in taken}) == len(blocks)


@pytest.mark.parametrize(("blocks", "problem"), BAD.values(), ids=BAD)
def test_blocks_beyond_the_limits_are_refused(blocks: list[Any], problem: str) -> None:
    """invalid_blocks names the problem with a JSON pointer."""
    with pytest.raises(SlackRefusal, match="invalid_blocks") as caught:
        checked_blocks(blocks)
    assert any(problem in detail for detail in caught.value.details)


def test_too_much_json_and_no_list_have_their_own_names() -> None:
    """msg_blocks_too_long for about 13,200 characters, invalid_blocks_format for what is no list."""
    assert checked_blocks([section("x" * 3000)] * 4)
    with pytest.raises(SlackRefusal, match="msg_blocks_too_long"):
        checked_blocks([section("x" * 3000)] * 5)
    with pytest.raises(SlackRefusal, match="invalid_blocks_format"):
        checked_blocks({"type": "section"})


@pytest.mark.parametrize(("view", "problem"), BAD_VIEWS.values(), ids=BAD_VIEWS)
def test_views_beyond_the_limits_are_refused(view: Json, problem: str) -> None:
    """invalid_arguments names the problem with a JSON pointer."""
    view = {key: value for key, value in view.items() if value is not None}
    with pytest.raises(SlackRefusal, match="invalid_arguments") as caught:
        checked_view(view)
    assert any(problem in detail for detail in caught.value.details)


def test_a_home_tab_is_no_modal() -> None:
    """views.open takes modals only, and a home tab has no title."""
    home: Json = {"type": "home", "blocks": [section("x")]}
    assert checked_view(home, Surface.HOME)["blocks"][0]["block_id"]
    with pytest.raises(SlackRefusal, match="invalid_arguments"):
        checked_view(home, Surface.MODAL)
    with pytest.raises(SlackRefusal, match="invalid_arguments"):
        checked_view({**home, "title": PLAIN}, Surface.HOME)
