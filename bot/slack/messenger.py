"""Messages out: each page of an answer is one Slack message, posted once (`posting.py`) and updated from then on."""

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.domain.case import Case
from bot.domain.note import Note
from bot.slack.calls import PAUSES_S, Call, SlackRefused, attempt, call
from bot.slack.evidence_views import Cited
from bot.slack.permalinks import Permalinks
from bot.slack.plain_pages import REFUSALS, plain_pages
from bot.slack.posting import find_posted, marked, post_once
from bot.slack.texts import texts
from bot.slack.views import Page, notice_text, pages
from bot.workflow.ports import Content, NoteView, Notice, Outbox, PartialNote, Slot
from inference.note import Language

log = logging.getLogger(__name__)

LIVE_UPDATES_A_MINUTE = 30
"""Live updates of all cases together; Slack allows about 50 updates a minute, and final notes come first."""
_VANISHED = {"message_not_found", "cant_update_message", "edit_window_closed"}


class LivePace:
    """Keeps live updates from using up what Slack allows."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sent: deque[float] = deque(maxlen=LIVE_UPDATES_A_MINUTE)
        self._resting_until = 0.0

    def allows(self) -> bool:
        """Whether one more live update may go out now; if so, it is counted."""
        now = self._clock()
        if now < self._resting_until or (len(self._sent) == self._sent.maxlen and now - self._sent[0] < 60):
            return False
        self._sent.append(now)
        return True

    def rest(self, seconds: float) -> None:
        """Slack asked for a pause."""
        self._resting_until = self._clock() + seconds


class Messenger:
    """Shows notes and notices in Slack."""

    def __init__(self, client: AsyncWebClient, outbox: Outbox, admin_channel: str = "") -> None:
        """`admin_channel` is the id of the channel for alarms; "" where there is none."""
        self._client, self._outbox, self._admin_channel = client, outbox, admin_channel
        self._permalinks = Permalinks(client)
        self._pace = LivePace()
        self._live: dict[str, str] = {}  # slot → timestamp of the message in which a note is growing

    async def show(self, case: Case, note: Note, slot: str, content: Content) -> None:
        """Makes Slack show `content` in the slot's messages, however long that takes; as plain text where Slack refuses its blocks.

        A channel that is gone is logged and left.
        """
        self._live.pop(slot, None)
        try:
            wanted = pages(content, await self._cited(case) if isinstance(content, NoteView) else None)
            try:
                await self._show_pages(case, note, slot, wanted)
            except SlackRefused as error:
                if error.error not in REFUSALS:
                    raise
                log.error("note %s is shown as plain text: %s", note.id, error)
                await self._show_pages(case, note, slot, plain_pages(wanted, texts(content.language).without_buttons))
        except SlackRefused as error:
            log.error("note %s can't be shown: %s", note.id, error)

    async def show_partial(self, case: Case, note: Note, slot: str, content: PartialNote) -> None:
        """Shows what has come so far, if Slack takes it at once: the next update, or the final note, will catch up."""
        page = pages(content)[0]
        try:
            if slot not in self._live:
                message = await self._outbox.slot(note.id, slot, 0)
                self._live[slot] = await self._show_page(case, note, message, page)
            elif self._pace.allows():
                answer, pause = await attempt("chat.update", self._update(case, self._live[slot], page))
                if answer is None:
                    self._pace.rest(pause or PAUSES_S[0])
        except SlackRefused as error:
            log.warning("note %s: a live update failed: %s", note.id, error)

    async def tell(self, channel_id: str, user_id: str, notice: Notice, thread_ts: str | None = None) -> None:
        """One sentence to one person, visible to them alone."""
        page = pages(notice)[0]
        blocks = list(page.blocks) if any(block["type"] == "actions" for block in page.blocks) else None
        try:
            await call(
                "chat.postEphemeral",
                lambda: self._client.chat_postEphemeral(
                    channel=channel_id, user=user_id, text=page.text, blocks=blocks, thread_ts=thread_ts
                ),
            )
        except SlackRefused as error:
            log.warning("channel %s: a notice can't be shown: %s", channel_id, error)

    async def greet(self, channel_id: str, greeting_id: str, notice: Notice) -> None:
        """A sentence to everybody in a channel, once, however often it is asked for under this id: the channel tells whether it stands."""
        page = pages(notice)[0]
        find = partial(find_posted, self._client, channel_id, None, greeting_id)
        blocks = list(page.blocks)
        post = partial(self._client.chat_postMessage, channel=channel_id, text=page.text, blocks=blocks, metadata=marked(greeting_id))
        try:
            if await find() is None:
                await post_once(post, find)
        except SlackRefused as error:
            log.warning("channel %s: nobody can be greeted: %s", channel_id, error)

    async def warn(self, user_id: str | None, notice: Notice) -> None:
        """A sentence to one person, in a conversation with the bot, and to the admins' channel; told twice where an answer is lost."""
        text, told = notice_text(notice), False
        for to in filter(None, (user_id, self._admin_channel)):
            try:
                channel_id = await self._direct(to) if to == user_id else to
                await call("chat.postMessage", partial(self._client.chat_postMessage, channel=channel_id, text=text))
                told = True
            except SlackRefused as error:
                log.warning("%s can't be warned: %s", to, error)
        if not told:
            log.error("nobody could be told: %s", notice.sign)

    async def _direct(self, user_id: str) -> str:
        answer = await call("conversations.open", partial(self._client.conversations_open, users=user_id))
        return str(answer["channel"]["id"])

    async def language_of(self, user_id: str) -> Language | None:
        """The language in which somebody uses Slack, where it is one of ours."""
        try:
            answer = await call("users.info", partial(self._client.users_info, user=user_id, include_locale=True))
        except SlackRefused:
            return None
        spoken = str(answer["user"].get("locale") or "").split("-", maxsplit=1)[0]
        return Language(spoken) if spoken in set(Language) else None

    async def working(self, channel_id: str, thread_ts: str | None, language: Language) -> None:
        """The status line under the thread; it goes away by itself when the answer is posted. Not worth a second try."""
        if thread_ts is None:
            return
        status = texts(language).writing
        try:
            await attempt(
                "assistant.threads.setStatus",
                lambda: self._client.assistant_threads_setStatus(channel_id=channel_id, thread_ts=thread_ts, status=status),
            )
        except SlackRefused as error:
            log.debug("no status line: %s", error)

    async def _cited(self, case: Case) -> dict[str, Cited]:
        """The descriptions of a case as a note refers to them, by their ids; what was deleted is none of them any more."""
        address = await self._permalinks.address_in(case.channel_id)
        sources = enumerate(await self._outbox.sources(case.id), start=1)
        return {source.id: Cited(number, address(source) if address else None) for number, source in sources}

    async def _show_pages(self, case: Case, note: Note, slot: str, wanted: Sequence[Page]) -> None:
        messages, left = await self._outbox.slots(note.id, slot, len(wanted))
        for message, page in zip(messages, wanted, strict=True):
            ts = await self._show_page(case, note, message, page)
            note = note if note.thread_ts else replace(note, thread_ts=ts)  # the first page of a summary opens the thread for the others
        for message in left:
            await self._remove(case, message)

    async def _show_page(self, case: Case, note: Note, slot: Slot, page: Page) -> str:
        """Posts the page, or updates its message; returns the message's timestamp."""
        ts = slot.ts or (None if slot.fresh else await self._find(case, note, slot))
        if ts is None:
            return await self._post(case, note, slot, page)
        if slot.ts is None:
            await self._outbox.posted(slot, ts, opens_thread=_opens_thread(note, slot))
        try:
            await call("chat.update", self._update(case, ts, page))
        except SlackRefused as error:
            if error.error not in _VANISHED:
                raise
            return await self._post(case, note, slot, page)  # somebody deleted the message
        return ts

    async def _remove(self, case: Case, slot: Slot) -> None:
        """Takes back a page of an earlier, longer content."""
        ts = slot.ts
        if ts is not None:
            try:
                await call("chat.delete", lambda: self._client.chat_delete(channel=case.channel_id, ts=ts))
            except SlackRefused as error:
                if error.error not in _VANISHED:
                    raise
        await self._outbox.removed(slot)

    def _update(self, case: Case, ts: str, page: Page) -> Call:
        # parse: left to itself, an update (unlike a post) brings @channel in its text to life
        return lambda: self._client.chat_update(channel=case.channel_id, ts=ts, text=page.text, blocks=list(page.blocks), parse="none")

    async def _post(self, case: Case, note: Note, slot: Slot, page: Page) -> str:
        ts = await post_once(lambda: self._post_page(case, note, slot, page), lambda: self._find(case, note, slot))
        await self._outbox.posted(slot, ts, opens_thread=_opens_thread(note, slot))
        return ts

    async def _post_page(self, case: Case, note: Note, slot: Slot, page: Page) -> AsyncSlackResponse:
        return await self._client.chat_postMessage(
            channel=case.channel_id,
            thread_ts=note.thread_ts,
            text=page.text,
            blocks=list(page.blocks),
            metadata=marked(slot.id),
            unfurl_links=False,
            unfurl_media=False,
        )

    async def _find(self, case: Case, note: Note, slot: Slot) -> str | None:
        return await find_posted(self._client, case.channel_id, note.thread_ts, slot.id)


def _opens_thread(note: Note, slot: Slot) -> bool:
    return note.thread_ts is None and slot.page == 0
