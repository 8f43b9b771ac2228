"""A check collects what is wrong with a layout, each with a JSON pointer, in Slack's wording."""

import secrets
from collections.abc import Collection
from enum import StrEnum
from typing import Any

from deploy.sandbox.model import Json

ID_LENGTH = 255


class Surface(StrEnum):
    """Where a layout is shown; not every block is allowed on each."""

    MESSAGE = "message"
    MODAL = "modal"
    HOME = "home"


PLAIN = frozenset({"plain_text"})
ANY_TEXT = frozenset({"plain_text", "mrkdwn"})


class Check:
    """Collects problems; methods report and never raise, so that one answer names every problem."""

    def __init__(self, surface: Surface) -> None:
        self.surface = surface
        self.problems: list[str] = []
        self.markdown_length = 0

    def fail(self, path: str, problem: str) -> None:
        """Note a problem at a JSON pointer."""
        self.problems.append(f"{problem} [json-pointer:{path}]")

    def mapping(self, value: Any, path: str) -> Json | None:
        """Return the value when it is an object."""
        if isinstance(value, dict):
            return value
        self.fail(path, "must be an object")
        return None

    def fields(self, value: Json, path: str, allowed: Collection[str], required: Collection[str] = ()) -> None:
        """Check that no field is unknown and none is missing."""
        for name in value.keys() - set(allowed) - {"type"}:
            self.fail(path, f"invalid additional property: {name}")
        for name in required:
            if value.get(name) is None:
                self.fail(path, f"missing required field: {name}")

    def string(self, value: Json, name: str, path: str, longest: int, shortest: int = 1) -> None:
        """Check an optional string field's length."""
        text = value.get(name)
        if text is None:
            return
        if not isinstance(text, str):
            self.fail(f"{path}/{name}", "must be a string")
        else:
            self.length(text, f"{path}/{name}", longest, shortest)

    def length(self, text: str, path: str, longest: int, shortest: int = 1) -> None:
        """Check a text's length in characters."""
        if len(text) < shortest:
            self.fail(path, f"must be more than {shortest - 1} characters")
        if len(text) > longest:
            self.fail(path, f"must be less than {longest + 1} characters")

    def flag(self, value: Json, name: str, path: str) -> None:
        """Check an optional true or false."""
        if value.get(name) is not None and not isinstance(value[name], bool):
            self.fail(f"{path}/{name}", "must be a boolean")

    def one_of(self, value: Json, name: str, path: str, allowed: Collection[str]) -> None:
        """Check an optional field with a fixed set of values."""
        if value.get(name) is not None and value[name] not in allowed:
            self.fail(f"{path}/{name}", "must be one of " + ", ".join(sorted(allowed)))

    def number(self, value: Json, name: str, path: str, smallest: int, largest: int) -> None:
        """Check an optional whole number."""
        number = value.get(name)
        if number is not None and (not isinstance(number, int) or isinstance(number, bool) or not smallest <= number <= largest):
            self.fail(f"{path}/{name}", f"must be an integer from {smallest} to {largest}")

    def items(self, value: Json, name: str, path: str, most: int, fewest: int = 1) -> list[Any]:
        """Return a list field's items after checking how many there are."""
        items = value.get(name)
        where = f"{path}/{name}"
        if not isinstance(items, list):
            self.fail(where, "must be an array")
            return []
        if len(items) < fewest:
            self.fail(where, f"no fewer than {fewest} items allowed")
        if len(items) > most:
            self.fail(where, f"no more than {most} items allowed")
        return items

    def text(self, value: Json, name: str, path: str, longest: int, kinds: Collection[str] = ANY_TEXT) -> None:
        """Check an optional text object."""
        if value.get(name) is not None:
            self.text_object(value[name], f"{path}/{name}", longest, kinds)

    def text_object(self, value: Any, path: str, longest: int, kinds: Collection[str] = ANY_TEXT) -> None:
        """Check a text object: its type, length and fields."""
        text = self.mapping(value, path)
        if text is None:
            return
        if text.get("type") not in kinds:
            self.fail(f"{path}/type", "must be one of " + ", ".join(sorted(kinds)))
        self.fields(text, path, {"text", "emoji"} if text.get("type") == "plain_text" else {"text", "verbatim"}, {"text"})
        self.string(text, "text", path, longest)

    def unique_ids(self, blocks: list[Json]) -> None:
        """Check block ids in the layout and action ids in each block."""
        seen: set[str] = set()
        for index, block in enumerate(blocks):
            block_id = block.get("block_id")
            if block_id in seen:
                self.fail(f"/blocks/{index}/block_id", "block_id already exists")
            if isinstance(block_id, str):
                seen.add(block_id)
            actions = [element["action_id"] for element in elements_of(block) if element.get("action_id")]
            if len(set(actions)) < len(actions):
                self.fail(f"/blocks/{index}", "action_id already exists in this block")


def elements_of(block: Json) -> list[Json]:
    """Return the elements of a block that people can act on or that it shows: elements, accessory, input element."""
    found = [*_list(block.get("elements")), block.get("accessory"), block.get("element")]
    return [element for element in found if isinstance(element, dict)]


def with_ids(blocks: list[Json]) -> list[Json]:
    """Return a copy in which every block and every interactive element has an id, as Slack gives them."""
    return [_with_id(block) for block in blocks]


def _with_id(block: Json) -> Json:
    named = {**block, "block_id": block.get("block_id") or _short_id()}
    if isinstance(block.get("elements"), list) and block.get("type") in {"actions", "context_actions"}:
        named["elements"] = [_with_action_id(element) for element in block["elements"]]
    for name in ("accessory", "element"):
        if isinstance(block.get(name), dict) and block[name].get("type") != "image":
            named[name] = _with_action_id(block[name])
    return named


def _with_action_id(element: Json) -> Json:
    return {**element, "action_id": element.get("action_id") or _short_id()}


def _short_id() -> str:
    return secrets.token_urlsafe(4)[:5]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
