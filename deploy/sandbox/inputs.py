"""What a person can enter in a layout: values of inputs and selects, as view.state.values shows them."""

from collections.abc import Iterator
from typing import Any

from deploy.sandbox.errors import CannotDo
from deploy.sandbox.model import Json

Values = dict[str, dict[str, Json]]

# Element type → (the field of its state, the field of its initial value).
_SINGLE = {
    "plain_text_input": ("value", "initial_value"),
    "email_text_input": ("value", "initial_value"),
    "url_text_input": ("value", "initial_value"),
    "number_input": ("value", "initial_value"),
    "rich_text_input": ("rich_text_value", "initial_value"),
    "file_input": ("files", "initial_files"),
    "static_select": ("selected_option", "initial_option"),
    "external_select": ("selected_option", "initial_option"),
    "radio_buttons": ("selected_option", "initial_option"),
    "checkboxes": ("selected_options", "initial_options"),
    "multi_static_select": ("selected_options", "initial_options"),
    "multi_external_select": ("selected_options", "initial_options"),
    "users_select": ("selected_user", "initial_user"),
    "multi_users_select": ("selected_users", "initial_users"),
    "channels_select": ("selected_channel", "initial_channel"),
    "multi_channels_select": ("selected_channels", "initial_channels"),
    "conversations_select": ("selected_conversation", "initial_conversation"),
    "multi_conversations_select": ("selected_conversations", "initial_conversations"),
    "datepicker": ("selected_date", "initial_date"),
    "timepicker": ("selected_time", "initial_time"),
    "datetimepicker": ("selected_date_time", "initial_date_time"),
}
_MANY = {kind for kind, (state, _) in _SINGLE.items() if state.endswith("s")}
INPUT_LENGTH = 3000


def stateful(blocks: list[Json]) -> Iterator[tuple[Json, Json]]:
    """Yield each block with each of its elements that keeps a value."""
    for block in blocks:
        candidates = [block.get("element"), block.get("accessory"), *(block.get("elements") or [])]
        for element in candidates:
            if isinstance(element, dict) and element.get("type") in _SINGLE:
                yield block, element


def state_of(blocks: list[Json], entered: Values) -> Values:
    """Return the state of a layout: what was entered, else initial values, else empty ones."""
    values: Values = {}
    for block, element in stateful(blocks):
        known = entered.get(block["block_id"], {}).get(element["action_id"])
        values.setdefault(block["block_id"], {})[element["action_id"]] = known or _initial(element)
    return values


def enter(element: Json, value: Any) -> Json:
    """Return an element's state after a person entered `value`: a text, an option's value, an id, or a list of those."""
    kind = str(element["type"])
    field = _SINGLE[kind][0]
    if kind in {"plain_text_input", "email_text_input", "url_text_input", "number_input"}:
        return {"type": kind, field: None if value in (None, "") else str(value)}
    if kind == "rich_text_input" and isinstance(value, str):
        section = {"type": "rich_text_section", "elements": [{"type": "text", "text": value}]}
        return {"type": kind, field: {"type": "rich_text", "elements": [section]}}
    if kind in _MANY:
        chosen = value if isinstance(value, list) else [value]
        return {"type": kind, field: [_option(element, each) if field == "selected_options" else each for each in chosen]}
    return {"type": kind, field: _option(element, value) if field == "selected_option" else value}


def complaints(blocks: list[Json], values: Values) -> dict[str, str]:
    """Return what Slack's client itself refuses before it sends anything: block_id → sentence."""
    found: dict[str, str] = {}
    for block, element in stateful(blocks):
        if block.get("type") == "input":
            problem = _complaint(element, values[block["block_id"]][element["action_id"]], optional=bool(block.get("optional")))
            if problem:
                found[block["block_id"]] = problem
    return found


def _complaint(element: Json, state: Json, *, optional: bool) -> str | None:
    value = state.get(_SINGLE[element["type"]][0])
    if value in (None, "", []):
        return None if optional else "Please complete this required field."
    if isinstance(value, str) and element["type"] == "plain_text_input":
        if len(value) < element.get("min_length", 0):
            return f"Please enter at least {element['min_length']} characters."
        longest = element.get("max_length", INPUT_LENGTH)
        if len(value) > longest:
            return f"Please enter no more than {longest} characters."
    return None


def _initial(element: Json) -> Json:
    field, initial = _SINGLE[element["type"]]
    return {"type": element["type"], field: element.get(initial, [] if field == "selected_options" else None)}


def _option(element: Json, value: Any) -> Json | None:
    if value is None or isinstance(value, dict):
        return value
    groups = element.get("option_groups") or []
    options = [*(element.get("options") or []), *(option for group in groups for option in group["options"])]
    for option in options:
        if value in {option["value"], option["text"]["text"]}:
            return dict(option)
    raise CannotDo("option_not_found")
