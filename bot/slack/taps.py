"""What all listeners of buttons and menus do: say who acted, name the moment, and commit what an element says."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

from slack_bolt.async_app import AsyncAck

from bot.slack.parts import Parts
from bot.workflow.incoming import Incoming
from bot.workflow.ports import Notice, Sign

Json = dict[str, Any]
T = TypeVar("T")


def who(body: Json) -> dict[str, str]:
    """Team, channel and person of an interaction with a message; a button in a modal has no channel."""
    return {"team_id": body["team"]["id"], "channel_id": body["channel"]["id"], "user_id": body["user"]["id"]}


def now() -> str:
    """This moment as a Slack timestamp, to stand in order with messages."""
    return f"{time.time():.6f}"


async def understood(parts: Parts, body: Json, read: Callable[[], T]) -> T | None:
    """What an element says. One that an earlier version of the bot left behind may say nothing to it now; then the person is told."""
    try:
        return read()
    except (ValueError, TypeError):
        person = who(body)
        await parts.messenger.tell(person["channel_id"], person["user_id"], Notice(Sign.GONE, parts.default_language))
        return None


async def take(parts: Parts, ack: AsyncAck, body: Json, read: Callable[[], Incoming]) -> None:
    """Commits what an element says, then acknowledges."""
    act = await understood(parts, body, read)
    if act:
        await parts.receive(act)
    await ack()
