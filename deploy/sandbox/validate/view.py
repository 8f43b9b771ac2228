"""Modals and home tabs."""

import json
from typing import Any

from deploy.sandbox.errors import SlackRefusal
from deploy.sandbox.model import Json
from deploy.sandbox.validate.blocks import check_block
from deploy.sandbox.validate.check import ID_LENGTH, PLAIN, Check, Surface, with_ids

MOST_BLOCKS = 100
WHOLE_BYTES = 250_000
_COMMON = {"blocks", "private_metadata", "callback_id", "external_id"}
_FIELDS = {
    Surface.HOME: _COMMON,
    Surface.MODAL: _COMMON | {"title", "submit", "close", "clear_on_close", "notify_on_close", "submit_disabled"},
}


def checked_view(value: Any, surface: Surface | None = None) -> Json:
    """Return a view with ids filled in; `surface` is the type it must have.

    Raises SlackRefusal: invalid_arguments, view_too_large.
    """
    if not isinstance(value, dict):
        raise SlackRefusal("invalid_arguments", ["missing required field: view"])
    if value.get("type") not in {Surface.MODAL, Surface.HOME} or (surface and value["type"] != surface):
        raise SlackRefusal("invalid_arguments", ["invalid view type [json-pointer:/view/type]"])
    check = Check(Surface(value["type"]))
    check.fields(value, "/view", _FIELDS[check.surface], {"blocks", "title"} if check.surface is Surface.MODAL else {"blocks"})
    for name in ("title", "submit", "close"):
        check.text(value, name, "/view", 24, PLAIN)
    check.string(value, "private_metadata", "/view", 3000, 0)
    for name in ("callback_id", "external_id"):
        check.string(value, name, "/view", ID_LENGTH, 0)
    for name in ("clear_on_close", "notify_on_close", "submit_disabled"):
        check.flag(value, name, "/view")
    _check_blocks(check, value)
    if check.problems:
        raise SlackRefusal("invalid_arguments", check.problems)
    if len(json.dumps(value).encode()) > WHOLE_BYTES:
        raise SlackRefusal("view_too_large")
    return {**value, "blocks": with_ids(value["blocks"])}


def _check_blocks(check: Check, view: Json) -> None:
    blocks = check.items(view, "blocks", "/view", MOST_BLOCKS, 0)
    for index, block in enumerate(blocks):
        check_block(check, block, f"/view/blocks/{index}")
    has_inputs = any(isinstance(block, dict) and block.get("type") == "input" for block in blocks)
    if has_inputs and check.surface is Surface.MODAL and view.get("submit") is None:
        check.fail("/view", "missing required field: submit")
    if not check.problems:
        check.unique_ids(blocks)
