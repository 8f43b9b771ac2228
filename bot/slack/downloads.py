"""Files out of Slack, with the bot's token, from Slack's own address and no other.

A message names the address of its file. The token goes only to the host that the settings name, or to Slack's file hosts where that is
Slack itself; never along a redirect, which is how Slack sends whoever may not have a file to a page to sign in.
"""

import asyncio
import logging
from urllib.parse import urlsplit

import aiohttp

from bot.workflow.attachments import NotGiven, TooLarge
from bot.workflow.incoming import FileRef

log = logging.getLogger(__name__)

SLACK = "slack.com"
FETCH_S = 60.0
PAUSES_S = (0.5, 2.0, 5.0)
"""Pauses before another try where Slack is busy or away."""
PIECE = 64 * 1024
_GONE = {404, 410}


class SlackAway(Exception):
    """Slack could not be reached for a file; trying again later may help. The message names no address, which has the file's name in it."""


class SlackDownloads:
    """Fetches files. `api_url` is the Web API's address."""

    def __init__(self, api_url: str, token: str) -> None:
        self._api, self._token = urlsplit(api_url), token

    async def fetch(self, file: FileRef, most_bytes: int) -> bytes:
        """The file's bytes.

        Raises:
            NotGiven: it is gone, or the bot may not have it.
            TooLarge: it has more than `most_bytes`.
            SlackAway: Slack could not be reached.
        """
        if not self.is_ours(file.url):
            log.warning("file %s lies on another host than Slack's: not fetched", file.id)
            raise NotGiven(gone=False)
        for pause in (*PAUSES_S, None):
            try:
                return await self._fetch(file, most_bytes)
            except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
                log.warning("file %s: %s", file.id, type(error).__name__)
            if pause is not None:
                await asyncio.sleep(pause)
        raise SlackAway(f"file {file.id} could not be fetched")

    def is_ours(self, url: str) -> bool:
        """Whether the token may be sent there."""
        try:
            wanted = urlsplit(url)
            port = wanted.port
        except ValueError:
            return False
        host, api_host = wanted.hostname or "", self._api.hostname or ""
        if wanted.username or wanted.password:
            return False
        if api_host == SLACK or api_host.endswith(f".{SLACK}"):
            return wanted.scheme == "https" and host.endswith(f".{SLACK}") and port in {None, 443}
        return (wanted.scheme, host, port) == (self._api.scheme, api_host, self._api.port)

    async def _fetch(self, file: FileRef, most_bytes: int) -> bytes:
        headers = {"Authorization": f"Bearer {self._token}"}
        limits = aiohttp.ClientTimeout(total=FETCH_S)
        async with aiohttp.ClientSession(timeout=limits) as web, web.get(file.url, headers=headers, allow_redirects=False) as answer:
            if answer.status in _GONE:
                raise NotGiven(gone=True)
            if answer.status == 429 or answer.status >= 500:
                raise aiohttp.ClientPayloadError("busy")
            if answer.status != 200 or _is_sign_in(answer.content_type, file):
                raise NotGiven(gone=False)
            content = bytearray()
            async for piece in answer.content.iter_chunked(PIECE):
                content += piece
                if len(content) > most_bytes:
                    raise TooLarge
            return bytes(content)


def _is_sign_in(content_type: str, file: FileRef) -> bool:
    """Whether Slack gave a page instead of a file: no kind of file that is read here is a page."""
    return content_type == "text/html" and file.mimetype != "text/html"
