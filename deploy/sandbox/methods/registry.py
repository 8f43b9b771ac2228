"""How Web API methods are found and how they read their arguments."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from deploy.sandbox.errors import SlackRefusal
from deploy.sandbox.model import BOT_USER_ID, Channel, Json, Message, User
from deploy.sandbox.sockets import SocketHub
from deploy.sandbox.stage import Stage
from deploy.sandbox.state import Workspace
from deploy.sandbox.triggers import Triggers


class Token(StrEnum):
    """Which token a method takes."""

    BOT = "xoxb"
    APP = "xapp"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of the sandbox that Web API methods work on."""

    workspace: Workspace
    stage: Stage
    triggers: Triggers
    sockets: SocketHub


class Args:
    """The merged arguments of a call; forms carry everything as text, JSON bodies don't."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def text(self, name: str, default: str = "") -> str:
        """Return a text argument."""
        value = self._values.get(name)
        return default if value is None else str(value)

    def required(self, name: str) -> str:
        """Return a text argument that must be there; raises invalid_arguments."""
        value = self.text(name)
        if not value:
            raise SlackRefusal("invalid_arguments", [f"missing required field: {name}"])
        return value

    def flag(self, name: str, default: bool = False) -> bool:
        """Return a true or false argument."""
        value = self._values.get(name)
        return default if value is None else str(value).lower() in {"1", "true"}

    def number(self, name: str, default: int) -> int:
        """Return a whole number; raises invalid_arguments."""
        try:
            return int(self.text(name) or default)
        except ValueError:
            raise SlackRefusal("invalid_arguments", [f"must be an integer [json-pointer:/{name}]"]) from None

    def has(self, name: str) -> bool:
        """Whether an argument was given."""
        return self._values.get(name) is not None

    def structure(self, name: str, malformed: str = "invalid_arguments") -> Any:
        """Return an object or list given as JSON or as text of JSON; None when not given."""
        value = self._values.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError:
            raise SlackRefusal(malformed) from None


Function = Callable[[Parts, Args], Json]


@dataclass(frozen=True, slots=True)
class Method:
    """A Web API method."""

    name: str
    token: Token
    function: Function


METHODS: dict[str, Method] = {}


def method(name: str, token: Token = Token.BOT) -> Callable[[Function], Function]:
    """Register a function as the Web API method `name`."""

    def register(function: Function) -> Function:
        METHODS[name] = Method(name, token, function)
        return function

    return register


def channel_of(parts: Parts, args: Args, name: str = "channel") -> Channel:
    """Return the channel that a call names by id; private ones exist only for their members."""
    channel = parts.workspace.channels.get(args.required(name))
    if channel is None or (channel.is_private and BOT_USER_ID not in channel.members):
        raise SlackRefusal("channel_not_found")
    return channel


def writable_channel(parts: Parts, args: Args, name: str = "channel") -> Channel:
    """Return a channel in which the bot may post; a user's id means the direct conversation."""
    if args.text(name) in parts.workspace.users:
        return parts.workspace.open_im(args.text(name))
    channel = channel_of(parts, args, name)
    if BOT_USER_ID not in channel.members:
        raise SlackRefusal("not_in_channel")
    if channel.is_archived:
        raise SlackRefusal("is_archived")
    return channel


def message_of(channel: Channel, ts: str, missing: str = "message_not_found") -> Message:
    """Return a message of a channel."""
    if ts not in channel.messages:
        raise SlackRefusal(missing)
    return channel.messages[ts]


def user_of(parts: Parts, args: Args, name: str = "user") -> User:
    """Return the user that a call names by id."""
    user = parts.workspace.users.get(args.required(name))
    if user is None:
        raise SlackRefusal("user_not_found")
    return user


def page(items: list[Any], args: Args, default_limit: int) -> tuple[list[Any], Json]:
    """Return one page of a list and the response_metadata with the cursor of the next."""
    try:
        start = int(args.text("cursor", "0") or 0)
    except ValueError:
        raise SlackRefusal("invalid_cursor") from None
    end = start + max(1, min(args.number("limit", default_limit), 1000))
    return items[start:end], {"response_metadata": {"next_cursor": str(end) if end < len(items) else ""}}
