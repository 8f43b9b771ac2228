"""Posting a message exactly once.

`chat.postMessage` can't be repeated safely: the process may die, or Slack's answer may be lost, after Slack took the post. So
every message carries an opaque id in its metadata; where a post was tried and its outcome is unknown, the thread or channel is
searched for that id before anything is posted again.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.calls import PAUSES_S, Call, attempt, call

EVENT_TYPE = "phyassist_message"
SEARCH_DEPTH = 100
"""How many messages of a thread or channel are searched for one whose post had an unknown outcome."""


def marked(message_id: str) -> dict[str, Any]:
    """The metadata of the message with this id. Any member of the channel can read it."""
    return {"event_type": EVENT_TYPE, "event_payload": {"id": message_id}}


async def post_once(post: Call, find: Callable[[], Awaitable[str | None]]) -> str:
    """The timestamp of the message, posted, or found by `find` where nobody knows whether Slack took it.

    Raises:
        SlackRefused: trying again would not help.
    """
    tries = 0
    while True:
        answer, pause = await attempt("chat.postMessage", post)
        if answer:
            return str(answer["ts"])
        await asyncio.sleep(pause if pause is not None else PAUSES_S[min(tries, len(PAUSES_S) - 1)])
        found = await find() if pause is None else None  # with a pause it was refused: Slack can't have taken it
        if found is not None:
            return found
        tries += 1


async def find_posted(client: AsyncWebClient, channel_id: str, thread_ts: str | None, message_id: str) -> str | None:
    """The timestamp of the message that carries this id, in a thread or, without one, in the channel. Raises: SlackRefused."""
    common: dict[str, Any] = {"channel": channel_id, "limit": SEARCH_DEPTH, "include_all_metadata": True}
    if thread_ts is None:
        answer = await call("conversations.history", partial(client.conversations_history, **common))
        return _carrying(message_id, answer["messages"])
    cursor: str | None = None
    while cursor != "":
        ask = partial(client.conversations_replies, ts=thread_ts, cursor=cursor, **common)
        answer = await call("conversations.replies", ask)
        found = _carrying(message_id, answer["messages"])
        if found:
            return found
        cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
    return None


def _carrying(message_id: str, messages: list[dict[str, Any]]) -> str | None:
    for message in messages:
        if (message.get("metadata") or {}).get("event_payload", {}).get("id") == message_id:
            return str(message["ts"])
    return None
