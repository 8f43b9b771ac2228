"""Which channels somebody shares with the bot: asked of Slack in one call for all of them, and remembered for a minute."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.calls import SlackRefused, call
from bot.slack.memory import Memory

MEMORY_S = 60.0
MOST_USERS = 1_000
PAGE = 200


class Memberships:
    """Private channels of this team alone, archived ones left out, by person."""

    def __init__(self, client: AsyncWebClient, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._known: Memory[frozenset[str]] = Memory(MEMORY_S, MOST_USERS, clock)

    async def channels_of(self, user_id: str) -> frozenset[str]:
        """Ids of channels; none where Slack doesn't know the person."""
        if self._known.holds(user_id):
            return self._known[user_id]
        try:
            return self._known.keep(user_id, await self._ask(user_id))
        except SlackRefused:
            return frozenset()

    def forget(self) -> None:
        """Somebody joined or left, or a channel changed: ask again next time."""
        self._known.clear()

    async def _ask(self, user_id: str) -> frozenset[str]:
        found: set[str] = set()
        cursor: str | None = None
        while cursor != "":
            ask = partial(
                self._client.users_conversations,
                user=user_id,
                types="private_channel",
                exclude_archived=True,
                cursor=cursor,
                limit=PAGE,
            )
            answer = await call("users.conversations", ask)
            found.update(str(channel["id"]) for channel in answer["channels"] if _may_hold_a_case(channel))
            cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
        return frozenset(found)


def _may_hold_a_case(channel: dict[str, Any]) -> bool:
    shared = any(channel.get(flag) for flag in ("is_ext_shared", "is_pending_ext_shared", "is_org_shared"))
    return bool(channel.get("is_private")) and not shared
