"""Who is an admin, who a supervisor: named in the settings, or a member of the group named there. Where Slack doesn't say, nobody is."""

import asyncio
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.calls import SlackRefused, attempt

MEMORY_S = 60.0
ASK_S = 1.5
"""How long to wait for Slack's word: it gives a command three seconds in all."""


class Role:
    """Those who have one role; the group's members are remembered for a minute, an answer that did not come is not."""

    def __init__(self, client: AsyncWebClient, users: Collection[str], usergroup: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._client, self._users, self._usergroup, self._clock = client, frozenset(users), usergroup, clock
        self._members: tuple[float, frozenset[str]] | None = None

    async def includes(self, user_id: str) -> bool:
        """Whether somebody has the role."""
        return user_id in self._users or (bool(self._usergroup) and user_id in await self._in_group())

    def forget(self) -> None:
        """The group has changed: ask again next time."""
        self._members = None

    async def _in_group(self) -> frozenset[str]:
        if self._members is None or self._members[0] <= self._clock():
            members = await self._ask()
            self._members = None if members is None else (self._clock() + MEMORY_S, members)
        return self._members[1] if self._members else frozenset()

    async def _ask(self) -> frozenset[str] | None:
        """None: Slack refuses, or does not answer in time."""
        try:
            async with asyncio.timeout(ASK_S):
                ask = attempt("usergroups.users.list", lambda: self._client.usergroups_users_list(usergroup=self._usergroup))
                answer, _ = await ask
        except (SlackRefused, TimeoutError):
            return None
        return frozenset(map(str, answer["users"])) if answer else None


@dataclass(frozen=True)
class SlackRoles:
    """Both roles, as the workflows ask for them. Counselors have none: they are the members of a case's channel."""

    admins: Role
    supervisors: Role

    async def is_admin(self, user_id: str) -> bool:
        """Whether somebody is an admin."""
        return await self.admins.includes(user_id)

    async def is_supervisor(self, user_id: str) -> bool:
        """Whether somebody is a supervisor."""
        return await self.supervisors.includes(user_id)

    def forget(self) -> None:
        """A group has changed: ask again next time."""
        self.admins.forget()
        self.supervisors.forget()
