"""Files into a thread, exactly once.

Slack takes a file in three steps: it names an address, takes the bytes there, and then shows the file in a message. Until the last step
nobody sees anything, so only that one must not happen twice: where its outcome is unknown, as after a restart, the thread is searched for
a message with files of these names before it is tried again.
"""

import asyncio
import logging
from collections.abc import Sequence
from functools import partial
from typing import Any

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.case import Case
from bot.domain.note import Note
from bot.domain.shared_file import SharedFile
from bot.slack.calls import PAUSES_S, SlackRefused, attempt, call
from bot.slack.posting import SEARCH_DEPTH
from bot.slack.views import notice_text
from bot.workflow.ports import Notice

log = logging.getLogger(__name__)

UPLOAD_S = 60.0
"""How long one file may take."""


class SlackUploads:
    """Shares files."""

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client

    async def share(self, case: Case, note: Note, files: Sequence[SharedFile], comment: Notice) -> bool:
        """All files in one message of the note's thread; False where Slack refuses them for good."""
        names = {file.name for file in files}
        try:
            if await self._is_shared(case, note, names):
                return True
            uploaded: list[dict[str, str | None]] = [{"id": await self._upload(file), "title": file.name} for file in files]
            await self._complete(case, note, uploaded, names, notice_text(comment))
        except SlackRefused as error:
            log.error("files of note %s can't be shared: %s", note.id, error)
            return False
        return True

    async def _upload(self, file: SharedFile) -> str:
        """The bytes of a file, to Slack, however long that takes; the id under which Slack has them."""
        tries = 0
        while True:
            ask = partial(self._client.files_getUploadURLExternal, filename=file.name, length=len(file.content))
            answer = await call("files.getUploadURLExternal", ask)
            if await self._send(str(answer["upload_url"]), file.content):
                return str(answer["file_id"])
            await asyncio.sleep(PAUSES_S[min(tries, len(PAUSES_S) - 1)])
            tries += 1

    async def _send(self, url: str, content: bytes) -> bool:
        timeout = aiohttp.ClientTimeout(total=UPLOAD_S)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.post(url, data=content, proxy=self._client.proxy) as response,
            ):
                if response.status == 200:
                    return True
                log.warning("upload: HTTP %s; trying again", response.status)
        except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
            log.warning("upload: %s; trying again", type(error).__name__)
        return False

    async def _complete(self, case: Case, note: Note, uploaded: list[dict[str, str | None]], names: set[str], comment: str) -> None:
        """Shows what was uploaded. Raises: SlackRefused."""
        tries = 0
        while True:
            ask = partial(
                self._client.files_completeUploadExternal,
                files=uploaded,
                channel_id=case.channel_id,
                thread_ts=note.thread_ts,
                initial_comment=comment,
            )
            try:
                answer, pause = await attempt("files.completeUploadExternal", ask)
            except SlackRefused:
                if tries and await self._is_shared(case, note, names):  # an earlier try did it, and its answer was lost
                    return
                raise
            if answer is not None:
                return
            await asyncio.sleep(pause if pause is not None else PAUSES_S[min(tries, len(PAUSES_S) - 1)])
            if pause is None and await self._is_shared(case, note, names):
                return
            tries += 1

    async def _is_shared(self, case: Case, note: Note, names: set[str]) -> bool:
        """Whether a message of the thread has files of all these names."""
        cursor: str | None = None
        while note.thread_ts and cursor != "":
            ask = partial(self._client.conversations_replies, channel=case.channel_id, ts=note.thread_ts, cursor=cursor, limit=SEARCH_DEPTH)
            answer = await call("conversations.replies", ask)
            if any(names <= _names(message) for message in answer["messages"]):
                return True
            cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
        return False


def _names(message: dict[str, Any]) -> set[str]:
    return {str(file.get("name")) for file in message.get("files") or ()}
