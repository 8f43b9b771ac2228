"""The language that a person reads Slack in, where it is not a case that decides."""

import asyncio
import time
from collections.abc import Callable

from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.calls import SlackRefused, attempt
from bot.slack.memory import Memory
from inference.note import Language

MEMORY_S = 3600.0
MOST_USERS = 10_000
ASK_S = 1.0
"""How long to wait for Slack's word: it gives an interaction three seconds in all."""


class Locales:
    """Languages by person, remembered for an hour; where Slack doesn't say in time, the default, which is not remembered."""

    def __init__(self, client: AsyncWebClient, default: Language, clock: Callable[[], float] = time.monotonic) -> None:
        self._client, self._default = client, default
        self._known: Memory[Language] = Memory(MEMORY_S, MOST_USERS, clock)

    async def language_of(self, user_id: str) -> Language:
        """Chinese for Slack in any Chinese, else English."""
        if self._known.holds(user_id):
            return self._known[user_id]
        locale = await self._ask(user_id)
        if locale is None:
            return self._default
        return self._known.keep(user_id, Language.CHINESE if locale.lower().startswith("zh") else Language.ENGLISH)

    def forget(self) -> None:
        """Somebody's profile has changed: ask again next time."""
        self._known.clear()

    async def _ask(self, user_id: str) -> str | None:
        try:
            async with asyncio.timeout(ASK_S):
                answer, _ = await attempt("users.info", lambda: self._client.users_info(user=user_id, include_locale=True))
        except (SlackRefused, TimeoutError):
            return None
        return str(answer["user"].get("locale") or "") or None if answer else None
