"""Calls to Slack's Web API that wait out what passes: rate limits, server errors, a network that is away."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_slack_response import AsyncSlackResponse

log = logging.getLogger(__name__)

PAUSES_S = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Pauses between tries where Slack doesn't say how long to wait; the last one repeats."""
_PASSING = {
    "ratelimited",
    "internal_error",
    "fatal_error",
    "service_unavailable",
    "request_timeout",
    "team_added_to_org",
    # an operator has to mend these; until then nothing may be lost
    "invalid_auth",
    "not_authed",
    "account_inactive",
    "token_revoked",
    "token_expired",
    "missing_scope",
}


class SlackRefused(Exception):
    """Slack refused a call for good; `error` is Slack's name for the reason."""

    def __init__(self, method: str, error: str) -> None:
        super().__init__(f"{method}: {error}")
        self.error = error


Call = Callable[[], Awaitable[AsyncSlackResponse]]


async def call(method: str, ask: Call) -> dict[str, Any]:
    """Slack's answer, however long that takes.

    Raises:
        SlackRefused: trying again would not help.
    """
    tries = 0
    while True:
        answer, pause = await attempt(method, ask)
        if answer is not None:
            return answer
        await asyncio.sleep(pause if pause is not None else PAUSES_S[min(tries, len(PAUSES_S) - 1)])
        tries += 1


async def attempt(method: str, ask: Call) -> tuple[dict[str, Any] | None, float | None]:
    """One try: Slack's answer, or None and the seconds Slack asks to wait (None if it doesn't say).

    Raises:
        SlackRefused: trying again would not help.
    """
    try:
        response = await ask()
    except SlackApiError as error:
        status, name = _status_and_name(error.response)
        if status == 429 or name == "ratelimited":
            return None, float(error.response.headers.get("Retry-After", 1))
        if status >= 500 or name is None or name in _PASSING:
            log.warning("%s: %s; trying again", method, name or f"HTTP {status}")
            return None, None
        raise SlackRefused(method, name) from None
    except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
        log.warning("%s: %s; trying again", method, type(error).__name__)
        return None, None
    data = response.data
    return (dict(data) if isinstance(data, dict) else {}), None


def _status_and_name(response: Any) -> tuple[int, str | None]:
    """HTTP status and Slack's name for the error; None where the answer is not Slack's (a proxy's page, half a body)."""
    if isinstance(response, aiohttp.ClientResponse):  # what the SDK hands out when the body is not JSON
        return response.status, None
    data = response.data
    return int(response.status_code), data.get("error") if isinstance(data, dict) else None
