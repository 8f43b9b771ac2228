"""Interactive elements and images inside blocks."""

from typing import Any

from deploy.sandbox.model import Json
from deploy.sandbox.validate.check import ANY_TEXT, ID_LENGTH, PLAIN, Check

ACCESSORY, ACTIONS, INPUT, CONTEXT, CONTEXT_ACTIONS = "section", "actions", "input", "context", "context_actions"

_SELECT = {"placeholder", "confirm", "focus_on_load"}
_MULTI = {"max_selected_items"}
_FILTERED = {"filter", "default_to_current_conversation"}
_TYPED = {"initial_value", "placeholder", "dispatch_action_config", "focus_on_load"}
_EVERYWHERE = frozenset({ACCESSORY, ACTIONS, INPUT})

# Element type → the blocks that may hold it, and the fields it may have besides type and action_id.
ELEMENTS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "button": (frozenset({ACCESSORY, ACTIONS}), frozenset({"text", "url", "value", "style", "confirm", "accessibility_label"})),
    "workflow_button": (frozenset({ACCESSORY, ACTIONS}), frozenset({"text", "workflow", "style", "accessibility_label"})),
    "overflow": (frozenset({ACCESSORY, ACTIONS}), frozenset({"options", "confirm"})),
    "checkboxes": (_EVERYWHERE, frozenset({"options", "initial_options", "confirm", "focus_on_load"})),
    "radio_buttons": (_EVERYWHERE, frozenset({"options", "initial_option", "confirm", "focus_on_load"})),
    "datepicker": (_EVERYWHERE, frozenset({"initial_date", *_SELECT})),
    "timepicker": (_EVERYWHERE, frozenset({"initial_time", "timezone", *_SELECT})),
    "datetimepicker": (frozenset({ACTIONS, INPUT}), frozenset({"initial_date_time", "confirm", "focus_on_load"})),
    "static_select": (_EVERYWHERE, frozenset({"options", "option_groups", "initial_option", *_SELECT})),
    "external_select": (_EVERYWHERE, frozenset({"initial_option", "min_query_length", *_SELECT})),
    "users_select": (_EVERYWHERE, frozenset({"initial_user", *_SELECT})),
    "channels_select": (_EVERYWHERE, frozenset({"initial_channel", "response_url_enabled", *_SELECT})),
    "conversations_select": (_EVERYWHERE, frozenset({"initial_conversation", "response_url_enabled", *_FILTERED, *_SELECT})),
    "multi_static_select": (frozenset({ACCESSORY, INPUT}), frozenset({"options", "option_groups", "initial_options", *_SELECT, *_MULTI})),
    "multi_external_select": (frozenset({ACCESSORY, INPUT}), frozenset({"initial_options", "min_query_length", *_SELECT, *_MULTI})),
    "multi_users_select": (frozenset({ACCESSORY, INPUT}), frozenset({"initial_users", *_SELECT, *_MULTI})),
    "multi_channels_select": (frozenset({ACCESSORY, INPUT}), frozenset({"initial_channels", *_SELECT, *_MULTI})),
    "multi_conversations_select": (frozenset({ACCESSORY, INPUT}), frozenset({"initial_conversations", *_FILTERED, *_SELECT, *_MULTI})),
    "plain_text_input": (frozenset({INPUT}), frozenset({"multiline", "min_length", "max_length", *_TYPED})),
    "email_text_input": (frozenset({INPUT}), frozenset(_TYPED)),
    "url_text_input": (frozenset({INPUT}), frozenset(_TYPED)),
    "number_input": (frozenset({INPUT}), frozenset({"is_decimal_allowed", "min_value", "max_value", *_TYPED})),
    "rich_text_input": (frozenset({INPUT}), frozenset(_TYPED)),
    "file_input": (frozenset({INPUT}), frozenset({"filetypes", "max_files"})),
    "image": (frozenset({ACCESSORY, CONTEXT}), frozenset({"image_url", "slack_file", "alt_text"})),
    "feedback_buttons": (frozenset({CONTEXT_ACTIONS}), frozenset({"positive_button", "negative_button"})),
    "icon_button": (
        frozenset({CONTEXT_ACTIONS}),
        frozenset({"icon", "text", "value", "confirm", "accessibility_label", "visible_to_user_ids"}),
    ),
}

REQUIRED: dict[str, tuple[str, ...]] = {
    "button": ("text",),
    "workflow_button": ("text", "workflow"),
    "overflow": ("options",),
    "checkboxes": ("options",),
    "radio_buttons": ("options",),
    "number_input": ("is_decimal_allowed",),
    "image": ("alt_text",),
    "feedback_buttons": ("positive_button", "negative_button"),
    "icon_button": ("icon", "text"),
}
MOST_OPTIONS = {"overflow": 5, "checkboxes": 10, "radio_buttons": 10}


def check_element(check: Check, value: Any, path: str, parent: str) -> None:
    """Check one element of a block of type `parent`."""
    element = check.mapping(value, path)
    if element is None:
        return
    kind = str(element.get("type"))
    if kind not in ELEMENTS or parent not in ELEMENTS[kind][0]:
        check.fail(f"{path}/type", f"unsupported type: {kind}")
        return
    fields = ELEMENTS[kind][1] | (frozenset() if kind == "image" else {"action_id"})
    check.fields(element, path, fields, REQUIRED.get(kind, ()))
    check.string(element, "action_id", path, ID_LENGTH)
    check.text(element, "placeholder", path, 150, PLAIN)
    check.flag(element, "focus_on_load", path)
    if element.get("confirm") is not None:
        _check_confirm(check, element["confirm"], f"{path}/confirm")
    if kind in {"button", "icon_button", "workflow_button"}:
        _check_button(check, element, path)
    elif kind == "image":
        check_image(check, element, path)
    elif kind == "feedback_buttons":
        _check_feedback(check, element, path)
    elif kind.endswith("_input"):
        _check_typed(check, element, path)
    else:
        _check_choices(check, element, path, kind)


def check_image(check: Check, image: Json, path: str) -> None:
    """Check an image's address and its alternative text."""
    check.string(image, "image_url", path, 3000)
    check.string(image, "alt_text", path, 2000)
    if image.get("image_url") is None and image.get("slack_file") is None:
        check.fail(path, "missing required field: image_url")


def _check_button(check: Check, button: Json, path: str) -> None:
    check.text(button, "text", path, 75, PLAIN)
    check.string(button, "value", path, 2000)
    check.string(button, "url", path, 3000)
    check.string(button, "accessibility_label", path, 75)
    check.one_of(button, "style", path, {"primary", "danger"})


def _check_feedback(check: Check, element: Json, path: str) -> None:
    for name in ("positive_button", "negative_button"):
        button = check.mapping(element.get(name), f"{path}/{name}")
        if button is not None:
            check.fields(button, f"{path}/{name}", {"text", "value", "accessibility_label"}, {"text", "value"})
            check.text(button, "text", f"{path}/{name}", 75, PLAIN)
            check.string(button, "value", f"{path}/{name}", 2000)


def _check_typed(check: Check, element: Json, path: str) -> None:
    for name in ("min_length", "max_length"):
        check.number(element, name, path, 0 if name == "min_length" else 1, 3000)
    longest = element.get("max_length")
    if isinstance(element.get("initial_value"), str):
        check.length(element["initial_value"], f"{path}/initial_value", longest if isinstance(longest, int) else 3000, 0)
    check.number(element, "max_files", path, 1, 10)


def _check_choices(check: Check, element: Json, path: str, kind: str) -> None:
    kinds = ANY_TEXT if kind in MOST_OPTIONS and kind != "overflow" else PLAIN
    most = MOST_OPTIONS.get(kind, 100)
    if "option_groups" in element:
        for index, group in enumerate(check.items(element, "option_groups", path, 100)):
            where = f"{path}/option_groups/{index}"
            check.text(group, "label", where, 75, PLAIN)
            _check_options(check, check.items(group, "options", where, most), f"{where}/options", kinds)
    elif "options" in element or kind in {"static_select", "multi_static_select"}:
        _check_options(check, check.items(element, "options", path, most), f"{path}/options", kinds)
    if "initial_options" in element:
        check.items(element, "initial_options", path, most)
    _check_initial(check, element, path)


def _check_initial(check: Check, element: Json, path: str) -> None:
    """An initial option must be exactly one of the options, or Slack refuses the whole layout."""
    groups = [group for group in element.get("option_groups") or [] if isinstance(group, dict)]
    options = [*(element.get("options") or []), *(option for group in groups for option in group.get("options") or [])]
    initial = element.get("initial_options") or ([element["initial_option"]] if element.get("initial_option") else [])
    if options and any(option not in options for option in initial):
        check.fail(path, "initial option not found in options")


def _check_options(check: Check, options: list[Any], path: str, kinds: frozenset[str]) -> None:
    for index, value in enumerate(options):
        where = f"{path}/{index}"
        option = check.mapping(value, where)
        if option is None:
            continue
        check.fields(option, where, {"text", "value", "description", "url"}, {"text", "value"})
        check.text(option, "text", where, 75, kinds)
        check.string(option, "value", where, 150)
        check.text(option, "description", where, 75, kinds)
        check.string(option, "url", where, 3000)


def _check_confirm(check: Check, value: Any, path: str) -> None:
    confirm = check.mapping(value, path)
    if confirm is None:
        return
    check.fields(confirm, path, {"title", "text", "confirm", "deny", "style"}, {"title", "text", "confirm", "deny"})
    check.text(confirm, "title", path, 100, PLAIN)
    check.text(confirm, "text", path, 300)
    check.text(confirm, "confirm", path, 30, PLAIN)
    check.text(confirm, "deny", path, 30, PLAIN)
    check.one_of(confirm, "style", path, {"primary", "danger"})
