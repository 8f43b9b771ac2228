"""Where messages are: their addresses, made from that of the workspace, which Slack is asked for once."""

import logging
from collections.abc import Callable
from urllib.parse import urlencode

from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.evidence import Source
from bot.slack.calls import SlackRefused, attempt

log = logging.getLogger(__name__)

Address = Callable[[Source], str]
"""The address of a message."""


class Permalinks:
    """The addresses of messages. `chat.getPermalink` says the same, one call a message."""

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client
        self._workspace: str | None = None

    async def address_in(self, channel_id: str) -> Address | None:
        """The address of each message of a channel; None while Slack doesn't say where the workspace is: a note doesn't wait for that."""
        if self._workspace is None:
            try:
                answer, _ = await attempt("auth.test", self._client.auth_test)
                self._workspace = str(answer["url"]).rstrip("/") if answer else None
            except SlackRefused as error:
                log.warning("the workspace's address is not known: %s", error)
        workspace = self._workspace
        return None if workspace is None else lambda source: message_url(workspace, channel_id, source)


def message_url(workspace: str, channel_id: str, source: Source) -> str:
    """The address of a message; one in a thread opens with its thread."""
    url = f"{workspace}/archives/{channel_id}/p{source.id.replace('.', '')}"
    if source.thread_ts in {None, source.id}:
        return url
    return f"{url}?{urlencode({'thread_ts': source.thread_ts, 'cid': channel_id})}"
