"""Deletions as Slack sees them: the bot's messages swept, the certificate issued, a deletion announced."""

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.audit import BOT
from bot.domain.case import Case
from bot.domain.deletion import Deletion
from bot.slack.blocks import Block, section
from bot.slack.calls import SlackRefused, call
from bot.slack.deletion_texts import deletion_texts
from bot.slack.deletion_views import certificate
from bot.slack.posting import find_posted, marked, post_once
from bot.slack.sweeping import sweep
from bot.workflow.deleting import Swept
from inference.note import Language

log = logging.getLogger(__name__)


class SlackDeletionDesk:
    """`DeletionDesk` in Slack. `admin_channel` "" is no channel; `language` is that of the admins."""

    def __init__(self, client: AsyncWebClient, bot_user_id: Callable[[], Awaitable[str]], admin_channel: str, language: Language) -> None:
        self._client, self._bot_user_id, self._admin_channel, self._language = client, bot_user_id, admin_channel, language

    async def sweep(self, channel_id: str, until: datetime) -> Swept:
        """Deletes the bot's own messages up to a moment."""
        return await sweep(self._client, await self._bot_user_id(), channel_id, until)

    async def certify(self, deletion: Deletion) -> None:
        """To the case's channel, and to whoever asked for it; to the admins where nobody did."""
        await self._post(deletion.channel_id, f"deleted-{deletion.case_id}", *certificate(deletion, deletion.language))
        if deletion.by != BOT:
            await self._tell(deletion.by, *certificate(deletion, deletion.language))
        elif self._admin_channel:
            await self._post(self._admin_channel, f"deleted-{deletion.case_id}", *certificate(deletion, self._language))

    async def announce(self, case: Case, closed: datetime, due: datetime) -> None:
        """That a case will be deleted: to its channel, else to the admins."""
        mark = f"announced-{case.id}-{closed:%Y%m%d%H%M%S}"
        days = {"closed": f"{closed:%Y-%m-%d}", "due": f"{due:%Y-%m-%d}"}
        text = deletion_texts(case.language).announced.format(**days)
        if not await self._post(case.channel_id, mark, text, [section(text)]) and self._admin_channel:
            text = deletion_texts(self._language).announced_elsewhere.format(code=case.code, **days)
            await self._post(self._admin_channel, mark, text, [section(text)])

    async def _post(self, channel_id: str, mark: str, text: str, blocks: list[Block]) -> bool:
        """Once under this mark; False where Slack refuses."""
        find = partial(find_posted, self._client, channel_id, None, mark)
        post = partial(self._client.chat_postMessage, channel=channel_id, text=text, blocks=blocks, metadata=marked(mark), **_QUIETLY)
        try:
            if await find() is None:
                await post_once(post, find)
        except SlackRefused as error:
            log.warning("channel %s can't be told of a deletion: %s", channel_id, error)
            return False
        return True

    async def _tell(self, user_id: str, text: str, blocks: list[Block]) -> None:
        """To one person, in their conversation with the bot; told twice is better than never."""
        try:
            answer = await call("conversations.open", partial(self._client.conversations_open, users=user_id))
            channel_id = answer["channel"]["id"]
            post = partial(self._client.chat_postMessage, channel=channel_id, text=text, blocks=blocks, **_QUIETLY)
            await call("chat.postMessage", post)
        except SlackRefused as error:
            log.warning("%s can't be told of a deletion: %s", user_id, error)


_QUIETLY: dict[str, Any] = {"unfurl_links": False, "unfurl_media": False}
