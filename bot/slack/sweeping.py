"""Takes the bot's own messages out of a channel, and the files that came with them; nobody else's can be deleted with its token."""

import logging
from collections.abc import AsyncIterator
from datetime import datetime
from functools import partial
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.calls import SlackRefused, call
from bot.workflow.deleting import Swept

log = logging.getLogger(__name__)

Json = dict[str, Any]
PAGE = 200
_GONE = {"message_not_found", "file_not_found", "file_deleted"}


async def sweep(client: AsyncWebClient, bot_user_id: str, channel_id: str, until: datetime) -> Swept:
    """Deletes all messages of the bot up to a moment, in the channel and in its threads."""
    latest = f"{until.timestamp():.6f}"
    removed = left = 0
    try:
        mine = [message async for message in _all_messages(client, channel_id, latest) if message.get("user") == bot_user_id]
    except SlackRefused as error:
        log.warning("channel %s: its messages can't be looked through: %s", channel_id, error)
        return Swept(seen=False)
    for message in mine:
        if await _deleted(client, channel_id, message, bot_user_id):
            removed += 1
        else:
            left += 1
    return Swept(removed, left)


async def _all_messages(client: AsyncWebClient, channel_id: str, latest: str) -> AsyncIterator[Json]:
    async for message in _pages(client, "conversations.history", channel=channel_id, latest=latest):
        yield message
        if message.get("reply_count"):
            async for reply in _pages(client, "conversations.replies", channel=channel_id, ts=message["ts"], latest=latest):
                if reply["ts"] != message["ts"] and float(reply["ts"]) <= float(latest):
                    yield reply


async def _pages(client: AsyncWebClient, method: str, **arguments: Any) -> AsyncIterator[Json]:
    cursor: str | None = None
    while cursor != "":
        answer = await call(
            method, partial(client.api_call, method, http_verb="GET", params={**arguments, "limit": PAGE, "cursor": cursor or ""})
        )
        for message in answer["messages"]:
            yield message
        cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""


async def _deleted(client: AsyncWebClient, channel_id: str, message: Json, bot_user_id: str) -> bool:
    files = [str(file["id"]) for file in message.get("files") or [] if file.get("user", bot_user_id) == bot_user_id]
    gone = [await _gone("files.delete", partial(client.files_delete, file=file)) for file in files]
    return await _gone("chat.delete", partial(client.chat_delete, channel=channel_id, ts=message["ts"])) and all(gone)


async def _gone(method: str, ask: Any) -> bool:
    try:
        await call(method, ask)
    except SlackRefused as error:
        if error.error not in _GONE:
            log.warning("%s", error)
            return False
    return True
