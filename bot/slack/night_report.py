"""Nights in the admins' channel: one message a night, posted once, kept up to date, and ended with a table and a button.

Progress may be left out; the beginning and the end wait for Slack as long as it takes. Without a channel there is only the log.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.blocks import fit, section
from bot.slack.calls import SlackRefused, attempt, call
from bot.slack.night_views import SECTION_CHARS, NightMessage, begun_message, ended_message, lessons_text
from bot.slack.posting import find_posted, marked, post_once
from bot.workflow.blind import Blind, tally
from bot.workflow.night_ports import Failure, Lesson, NightRun, NightStore
from inference.note import Language
from inference.registry import Registry
from training.night.outcome import Outcome
from training.night.told import Told

log = logging.getLogger(__name__)

UPDATE_S = 30.0
"""The least between two updates of progress."""
_VANISHED = {"message_not_found", "cant_update_message", "edit_window_closed"}


class AdminChannel:
    """`NightReport` in Slack. `channel_id` "" is no channel."""

    def __init__(
        self,
        client: AsyncWebClient,
        store: NightStore,
        registry: Registry,
        channel_id: str,
        language: Language,
    ) -> None:
        self._client, self._store, self._registry, self._channel_id = client, store, registry, channel_id
        self._language = language
        self._cases: dict[str, int] = {}
        self._newest: Told | None = None
        self._updater: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()
        self._showing = asyncio.Lock()

    async def close(self) -> None:
        """No further update begins; one under way is finished, so that none overtakes what follows."""
        self._closing.set()
        if self._updater is not None:
            await asyncio.gather(self._updater, return_exceptions=True)
        self._updater, self._newest = None, None
        self._closing.clear()

    async def begun(self, night: NightRun, cases: int) -> None:
        """Says that a night has begun; one that goes on has its message already."""
        log.info("%s: %d cases with consent", night.name, cases)
        self._cases[night.name] = cases
        if self._channel_id:
            await self._show(night, begun_message(night, cases, None, self._language))

    def heard(self, night: NightRun, told: Told) -> None:
        """How far it is. Only the newest is ever shown, so a slow Slack makes updates rarer, never late."""
        self._newest = told
        if self._channel_id and self._updater is None:
            self._updater = asyncio.create_task(self._keep_up(night), name=f"progress of {night.name}")

    async def ended(self, night: NightRun, ended: Outcome | Failure) -> None:
        """The end, in the place of progress."""
        await self.close()
        if self._channel_id:
            await self.show_end(night, ended)

    async def show_end(self, night: NightRun, ended: Outcome | Failure) -> None:
        """The message of a night that ended, as it is stored now, with the buttons that fit what is in service now."""
        async with self._showing:  # of two at once the later one shows the newer state
            stored = await self._store.night(night.name) or night
            blind = Blind(len(await self._store.samples(night.name)), tally(await self._store.judgements(night.name)))
            pointer = await asyncio.to_thread(self._registry.pointer)
            await self._show(stored, ended_message(stored, ended, self._language, pointer, blind))

    async def lessons(self, lessons: Sequence[Lesson]) -> None:
        """Adapters that learned from cases which may not be used any more."""
        for lesson in lessons:
            log.warning("%s learned from %d deleted and %d withdrawn cases", lesson.adapter, len(lesson.deleted), len(lesson.withdrawn))
        if not self._channel_id:
            return
        for group in fit(lessons_text(lessons, self._language).splitlines(), SECTION_CHARS):
            text = "\n".join(group)
            post = partial(self._client.chat_postMessage, channel=self._channel_id, text=text, blocks=[section(text)], unfurl_links=False)
            try:
                await call("chat.postMessage", post)
            except SlackRefused as error:
                log.error("the admins can't be told of adapters: %s", error)

    async def _keep_up(self, night: NightRun) -> None:
        """Shows what is newest, at most every `UPDATE_S` seconds, for as long as something is."""
        shown: Told | None = None
        while self._newest != shown and not self._closing.is_set():
            shown = self._newest
            message = begun_message(night, self._cases.get(night.name), shown, self._language)
            try:
                ts = await self._known(night)
                if ts:
                    await attempt("chat.update", self._update(ts, message))
            except Exception:  # progress may be left out
                log.exception("%s: progress can't be shown", night.name)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), UPDATE_S)
        self._updater = None

    async def _show(self, night: NightRun, message: NightMessage) -> None:
        """Makes Slack show the message of the night, however long that takes. A channel that refuses is logged and left."""
        try:
            ts = await self._known(night) or await self._find(night)
            if ts is not None:
                try:
                    await call("chat.update", self._update(ts, message))
                except SlackRefused as error:
                    if error.error not in _VANISHED:
                        raise
                    ts = None  # somebody deleted it
            ts = ts or await self._post(night, message)
            await self._store.night_told(night.name, ts)
        except SlackRefused as error:
            log.error("%s can't be shown in the admins' channel: %s", night.name, error)

    async def _known(self, night: NightRun) -> str | None:
        stored = await self._store.night(night.name)
        return stored.message_ts if stored else None

    def _update(self, ts: str, message: NightMessage) -> Callable[[], Any]:
        return lambda: self._client.chat_update(channel=self._channel_id, ts=ts, text=message.text, blocks=list(message.blocks))

    async def _post(self, night: NightRun, message: NightMessage) -> str:
        post = partial(
            self._client.chat_postMessage,
            channel=self._channel_id,
            text=message.text,
            blocks=list(message.blocks),
            metadata=marked(night.name),
            unfurl_links=False,
            unfurl_media=False,
        )
        return await post_once(post, lambda: self._find(night))

    async def _find(self, night: NightRun) -> str | None:
        """The message that carries the night's name: one whose post was never heard of again."""
        return await find_posted(self._client, self._channel_id, None, night.name)
