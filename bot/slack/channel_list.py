"""The bot's channels, as one list of Slack's shows them."""

from collections.abc import Mapping
from functools import partial

from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.calls import call
from bot.slack.guards import is_shared
from bot.workflow.channel_watch import Listed

PAGE = 200


async def bots_channels(client: AsyncWebClient) -> Mapping[str, Listed]:
    """All channels that the bot is a member of, archived ones included, by id. Waits as long as Slack takes. Raises: SlackRefused."""
    found: dict[str, Listed] = {}
    cursor: str | None = None
    while cursor != "":
        ask = partial(client.users_conversations, types="private_channel,public_channel", cursor=cursor, limit=PAGE)
        answer = await call("users.conversations", ask)
        for channel in answer["channels"]:
            found[str(channel["id"])] = Listed(bool(channel.get("is_private")), is_shared(channel), bool(channel.get("is_archived")))
        cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
    return found
