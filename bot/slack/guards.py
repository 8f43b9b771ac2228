"""Who may use PhyAssist where: private channels of this team, with its own full members only.

Asked of Slack itself, and remembered for a minute: a channel can become shared, and a guest can be invited, at any time.
"""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.case import Suspension
from bot.slack.calls import SlackRefused, call
from bot.slack.memory import Memory
from bot.workflow.ports import Sign

CHANNEL_MEMORY_S = 60.0
USER_MEMORY_S = 600.0
MOST_CHANNELS, MOST_USERS = 1_000, 10_000
"""How many are remembered: more than are at work within a minute, or ten, and a few megabytes at most."""
PAGE = 200


@dataclass(frozen=True)
class ChannelFacts:
    """What Slack says about a channel."""

    is_private: bool
    is_shared: bool
    is_archived: bool
    members: frozenset[str]
    has_guest: bool


def is_shared(channel: Mapping[str, Any]) -> bool:
    """Whether Slack's description of a channel says that other organizations or workspaces are in it, or were invited."""
    return any(channel.get(flag) for flag in ("is_ext_shared", "is_pending_ext_shared", "is_org_shared"))


class SlackGuard:
    """Refuses channels and people that patients' matters must not reach."""

    def __init__(self, client: AsyncWebClient, team_ids: Collection[str], clock: Callable[[], float] = time.monotonic) -> None:
        self._client, self._team_ids = client, frozenset(team_ids)
        self._channels: Memory[ChannelFacts | None] = Memory(CHANNEL_MEMORY_S, MOST_CHANNELS, clock)
        self._guests: Memory[bool] = Memory(USER_MEMORY_S, MOST_USERS, clock)

    async def refusal(self, team_id: str, channel_id: str, user_id: str) -> Sign | None:
        """The sentence that says why not; None if all is well."""
        if not await self._serves(team_id):
            return Sign.WRONG_TEAM
        facts = await self._facts(channel_id)
        if facts is None:
            return Sign.NOT_INVITED
        if facts.is_archived:
            return Sign.ARCHIVED
        if not facts.is_private:
            return Sign.NOT_PRIVATE
        if facts.is_shared:
            return Sign.SHARED
        if await self._is_guest(user_id, team_id):
            return Sign.GUEST_AUTHOR
        if facts.has_guest:
            return Sign.GUEST_MEMBER
        return None if user_id in facts.members else Sign.NOT_MEMBER

    async def standing(self, channel_id: str) -> Suspension | None:
        """What stands against a case in a channel, whoever asks; asked anew."""
        self._channels.forget(channel_id)
        facts = await self._facts(channel_id)
        if facts is None:
            return Suspension.REMOVED
        if facts.is_archived:
            return Suspension.ARCHIVED
        if not facts.is_private:
            return Suspension.PUBLIC
        if facts.is_shared:
            return Suspension.SHARED
        return Suspension.GUEST if facts.has_guest else None

    async def person_refusal(self, team_id: str, user_id: str) -> Sign | None:
        """The same of a person alone, where no channel is concerned."""
        if not await self._serves(team_id):
            return Sign.WRONG_TEAM
        return Sign.GUEST_AUTHOR if await self._is_guest(user_id, team_id) else None

    def forget(self, channel_id: str | None) -> None:
        """Something changed in a channel, or, with None, about a person: ask again next time."""
        if channel_id is None:
            self._channels.clear()
            self._guests.clear()
        else:
            self._channels.forget(channel_id)

    async def _serves(self, team_id: str) -> bool:
        if not self._team_ids:  # the team of the token
            self._team_ids = frozenset({str((await call("auth.test", self._client.auth_test))["team_id"])})
        return team_id in self._team_ids

    async def _facts(self, channel_id: str) -> ChannelFacts | None:
        if self._channels.holds(channel_id):
            return self._channels[channel_id]
        return self._channels.keep(channel_id, await self._ask(channel_id))

    async def _ask(self, channel_id: str) -> ChannelFacts | None:
        """None: the bot can't see the channel."""
        try:
            answer = await call("conversations.info", lambda: self._client.conversations_info(channel=channel_id))
            members = await self._members(channel_id)
        except SlackRefused:
            return None
        channel = answer["channel"]
        team_id = str(channel.get("context_team_id") or channel.get("team_id") or "")
        guests = [user_id for user_id in members if await self._is_guest(user_id, team_id)]
        return ChannelFacts(bool(channel.get("is_private")), is_shared(channel), bool(channel.get("is_archived")), members, bool(guests))

    async def _members(self, channel_id: str) -> frozenset[str]:
        found: set[str] = set()
        cursor: str | None = None
        while cursor != "":
            ask = partial(self._client.conversations_members, channel=channel_id, cursor=cursor, limit=PAGE)
            answer = await call("conversations.members", ask)
            found.update(answer["members"])
            cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
        return frozenset(found)

    async def _is_guest(self, user_id: str, team_id: str) -> bool:
        if self._guests.holds(user_id):
            return self._guests[user_id]
        return self._guests.keep(user_id, await self._ask_guest(user_id, team_id))

    async def _ask_guest(self, user_id: str, team_id: str) -> bool:
        """Someone whom Slack doesn't know is a guest, to be safe."""
        try:
            user = (await call("users.info", lambda: self._client.users_info(user=user_id)))["user"]
        except SlackRefused:
            return True
        foreign = bool(team_id) and bool(user.get("team_id")) and user["team_id"] != team_id
        return foreign or any(user.get(flag) for flag in ("is_restricted", "is_ultra_restricted", "is_stranger"))
