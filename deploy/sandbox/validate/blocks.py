"""Blocks: where each may stand, what it may hold, how long its texts may be."""

from collections.abc import Callable
from typing import Any

from deploy.sandbox.model import Json
from deploy.sandbox.validate.check import ID_LENGTH, PLAIN, Check, Surface
from deploy.sandbox.validate.elements import check_element, check_image

EVERYWHERE = frozenset(Surface)
MESSAGES = frozenset({Surface.MESSAGE})

SECTION_TEXT, FIELD_TEXT, HEADER_TEXT, LABEL_TEXT, MARKDOWN_TEXT = 3000, 2000, 150, 2000, 12_000


def check_block(check: Check, value: Any, path: str) -> None:
    """Check one block for the check's surface."""
    block = check.mapping(value, path)
    if block is None:
        return
    kind = str(block.get("type"))
    if kind not in BLOCKS:
        check.fail(f"{path}/type", f"unsupported type: {kind}")
        return
    surfaces, fields, required, inspect = BLOCKS[kind]
    if check.surface not in surfaces:
        check.fail(f"{path}/type", f"{kind} blocks are not allowed in {check.surface.value} surfaces")
        return
    if fields is not None:
        check.fields(block, path, {"block_id", *fields}, required)
    check.string(block, "block_id", path, ID_LENGTH)
    inspect(check, block, path)


def _section(check: Check, block: Json, path: str) -> None:
    check.text(block, "text", path, SECTION_TEXT)
    if "fields" in block:
        for index, each in enumerate(check.items(block, "fields", path, 10)):
            check.text_object(each, f"{path}/fields/{index}", FIELD_TEXT)
    elif block.get("text") is None:
        check.fail(path, "missing required field: text")
    if block.get("accessory") is not None:
        check_element(check, block["accessory"], f"{path}/accessory", "section")
    check.flag(block, "expand", path)


def _header(check: Check, block: Json, path: str) -> None:
    check.text(block, "text", path, HEADER_TEXT, PLAIN)


def _context(check: Check, block: Json, path: str) -> None:
    for index, element in enumerate(check.items(block, "elements", path, 10)):
        where = f"{path}/elements/{index}"
        if isinstance(element, dict) and element.get("type") == "image":
            check_element(check, element, where, "context")
        else:
            check.text_object(element, where, SECTION_TEXT)


def _actions(check: Check, block: Json, path: str) -> None:
    for index, element in enumerate(check.items(block, "elements", path, 25)):
        check_element(check, element, f"{path}/elements/{index}", "actions")


def _context_actions(check: Check, block: Json, path: str) -> None:
    for index, element in enumerate(check.items(block, "elements", path, 5)):
        check_element(check, element, f"{path}/elements/{index}", "context_actions")


def _input(check: Check, block: Json, path: str) -> None:
    check.text(block, "label", path, LABEL_TEXT, PLAIN)
    check.text(block, "hint", path, LABEL_TEXT, PLAIN)
    check.flag(block, "optional", path)
    check.flag(block, "dispatch_action", path)
    check_element(check, block.get("element"), f"{path}/element", "input")


def _image(check: Check, block: Json, path: str) -> None:
    check_image(check, block, path)
    check.text(block, "title", path, 2000, PLAIN)


def _markdown(check: Check, block: Json, path: str) -> None:
    check.string(block, "text", path, MARKDOWN_TEXT)
    check.markdown_length += len(str(block.get("text", "")))


def _rich_text(check: Check, block: Json, path: str) -> None:
    kinds = {"rich_text_section", "rich_text_list", "rich_text_preformatted", "rich_text_quote"}
    for index, value in enumerate(check.items(block, "elements", path, 1000, 0)):
        where = f"{path}/elements/{index}"
        element = check.mapping(value, where)
        if element is not None:
            check.one_of({"type": element.get("type") or ""}, "type", where, kinds)
            check.items(element, "elements", where, 10_000, 0)


def _table(check: Check, block: Json, path: str) -> None:
    for index, row in enumerate(check.items(block, "rows", path, 100)):
        if not isinstance(row, list) or not 1 <= len(row) <= 20:
            check.fail(f"{path}/rows/{index}", "a row has from 1 to 20 cells")


def _video(check: Check, block: Json, path: str) -> None:
    check.text(block, "title", path, 200, PLAIN)


def _unchecked(check: Check, block: Json, path: str) -> None:
    """Divider, and blocks that PhyAssist doesn't use: their place is checked, their inside isn't."""


_Inspect = Callable[[Check, Json, str], None]

# Block type → surfaces, fields besides type and block_id (None: not checked), required fields, inspection.
BLOCKS: dict[str, tuple[frozenset[Surface], frozenset[str] | None, tuple[str, ...], _Inspect]] = {
    "section": (EVERYWHERE, frozenset({"text", "fields", "accessory", "expand"}), (), _section),
    "header": (EVERYWHERE, frozenset({"text", "level"}), ("text",), _header),
    "divider": (EVERYWHERE, frozenset(), (), _unchecked),
    "context": (EVERYWHERE, frozenset({"elements"}), ("elements",), _context),
    "actions": (EVERYWHERE, frozenset({"elements"}), ("elements",), _actions),
    "input": (EVERYWHERE, frozenset({"label", "element", "hint", "optional", "dispatch_action"}), ("label", "element"), _input),
    "image": (EVERYWHERE, frozenset({"image_url", "slack_file", "alt_text", "title"}), ("alt_text",), _image),
    "rich_text": (EVERYWHERE, frozenset({"elements"}), ("elements",), _rich_text),
    "video": (EVERYWHERE, None, (), _video),
    "markdown": (MESSAGES, frozenset({"text"}), ("text",), _markdown),
    "context_actions": (MESSAGES, frozenset({"elements"}), ("elements",), _context_actions),
    "table": (MESSAGES, frozenset({"rows", "column_settings"}), ("rows",), _table),
    "file": (MESSAGES, frozenset({"external_id", "source", "file", "file_id"}), (), _unchecked),
    "call": (MESSAGES, None, (), _unchecked),
    "task_card": (MESSAGES, None, (), _unchecked),
    "plan": (MESSAGES, None, (), _unchecked),
    "alert": (EVERYWHERE, None, (), _unchecked),
    "card": (MESSAGES, None, (), _unchecked),
    "carousel": (MESSAGES, None, (), _unchecked),
    "container": (MESSAGES, None, (), _unchecked),
}
