"""App Home: published when somebody opens it, and again, not too often, when something in one of their cases has changed."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.audit import AuditAction, AuditEntry
from bot.slack import home_views
from bot.slack.calls import SlackRefused, attempt, call
from bot.slack.guards import SlackGuard
from bot.slack.home_views import Home, adapters_modal, home_view
from bot.slack.locales import Locales
from bot.slack.memberships import Memberships
from bot.slack.modals import open_modal
from bot.slack.night_desk import NightDesk
from bot.slack.night_views import adapter_list
from bot.slack.roles import Role
from bot.slack.status_views import message_url
from bot.workflow.learning import Learning
from bot.workflow.ports import Store, Work
from bot.workflow.status import model_now
from inference.client import ChatModel

log = logging.getLogger(__name__)

Json = dict[str, Any]
REFRESH_S = 5.0
"""The least between two refreshes that nobody asked for; Slack allows 100 of all people's a minute."""
VIEWED_S = 8 * 3600.0
"""How long after it was opened an App Home is kept fresh: a working day."""
MOST_VIEWERS = 500
ASK_S = 1.0


@dataclass
class _Viewer:
    """Somebody who opened their App Home: the page they are on, and the channels that they share with the bot.

    One publication at a time.
    """

    team_id: str
    until: float
    page: int = 0
    channels: frozenset[str] = frozenset()
    line: asyncio.Lock = field(default_factory=asyncio.Lock)


class HomeTab:
    """Everybody's App Home."""

    def __init__(
        self,
        client: AsyncWebClient,
        store: Store,
        guard: SlackGuard,
        admins: Role,
        locales: Locales,
        model: ChatModel,
        learning: Learning | None = None,
        desk: NightDesk | None = None,
        admin_channel: str = "",
    ) -> None:
        self._client, self._store, self._guard, self._admins, self._locales = client, store, guard, admins, locales
        self._model, self._learning, self._desk, self._admin_channel = model, learning, desk, admin_channel
        self._memberships = Memberships(client)
        self._viewers: dict[str, _Viewer] = {}
        self._due: set[str] = set()
        self._wake = asyncio.Event()
        self._at_work: set[asyncio.Task[None]] = set()
        self._workspace_url = ""

    def register(self, app: AsyncApp) -> None:
        """Registers the buttons; `app_home_opened` comes by way of `listeners.py`."""
        app.action(home_views.PAGE_BACK_ACTION)(self.paged)
        app.action(home_views.PAGE_ON_ACTION)(self.paged)
        app.action(home_views.REPORT_ACTION)(self.followed)
        app.action(home_views.ADAPTERS_ACTION)(self.adapters)

    def opened(self, team_id: str, user_id: str) -> None:
        """Somebody opened theirs: publish it at once."""
        self._show(team_id, user_id, 0, asked=True)

    def changed(self, channel_id: str) -> None:
        """Something in a channel has changed: refresh the App Home of its members, soon."""
        now = time.monotonic()
        self._viewers = {user_id: viewer for user_id, viewer in self._viewers.items() if viewer.until > now}
        self._due |= {user_id for user_id, viewer in self._viewers.items() if channel_id in viewer.channels}
        if self._due:
            self._wake.set()

    def forget(self, channel_id: str | None) -> None:
        """Somebody joined or left a channel, or it changed; with None, a person did: ask again, and show it to those who have it open."""
        self._memberships.forget()
        if channel_id is None:
            self._locales.forget()
        else:
            self.changed(channel_id)

    def watching(self, handle: Callable[[Work], Awaitable[Work]]) -> Callable[[Work], Awaitable[Work]]:
        """Handles an act as `handle` does, and tells of the change."""

        async def handled(work: Work) -> Work:
            after = await handle(work)
            self.changed(work.act.channel_id)
            return after

        return handled

    async def run(self) -> None:
        """Refreshes what is due, until cancelled."""
        try:
            while True:
                await self._wake.wait()
                await asyncio.sleep(REFRESH_S)
                self._wake.clear()
                due, self._due = self._due, set()
                for user_id in due & self._viewers.keys():
                    await self._publish(user_id, self._viewers[user_id], asked=False)
        finally:
            for task in self._at_work:
                task.cancel()

    async def paged(self, ack: AsyncAck, body: Json, action: Json) -> None:
        """Another page of somebody's cases."""
        await ack()
        self._show(body["team"]["id"], body["user"]["id"], int(action["value"]), asked=False)

    async def followed(self, ack: AsyncAck) -> None:
        """A button that is a link: Slack opens it, and tells."""
        await ack()

    async def adapters(self, ack: AsyncAck, body: Json) -> None:
        """The adapters, for an admin, asked again whether they are one."""
        await ack()
        user_id = body["user"]["id"]
        if self._desk and await self._admins.includes(user_id):
            language = await self._locales.language_of(user_id)
            listed = adapter_list(await self._desk.adapters.listing(), await self._desk.adapters.pointer(), language)
            await open_modal(self._client, body["trigger_id"], adapters_modal(listed, language))

    async def home_of(self, team_id: str, user_id: str, page: int = 0) -> Home:
        """What somebody's App Home shows now."""
        language, refusal, model, channels, url, admin = await asyncio.gather(
            self._locales.language_of(user_id),
            self._guard.person_refusal(team_id, user_id),
            model_now(self._model, self._learning),
            self._memberships.channels_of(user_id),
            self.workspace_url(),
            self._admins.includes(user_id),
        )
        if refusal:
            return Home(language, "", model, refusal=refusal)
        async with self._store.begin() as uow:
            cases = await uow.overviews(team_id, channels)
        night = await self._desk.store.newest_night() if self._desk else None
        admin = admin and self._desk is not None
        told = message_url(url, self._admin_channel, night.message_ts) if night and night.message_ts and self._admin_channel else ""
        return Home(language, url, model, cases, night, admin, told if admin else "", page=page)

    async def workspace_url(self) -> str:
        """The address of the workspace with a slash at its end, asked once; empty where Slack doesn't say in time."""
        if not self._workspace_url:
            with contextlib.suppress(TimeoutError, SlackRefused):
                async with asyncio.timeout(ASK_S):
                    answer, _ = await attempt("auth.test", self._client.auth_test)
                    self._workspace_url = str((answer or {}).get("url") or "")
        return self._workspace_url

    def _show(self, team_id: str, user_id: str, page: int, *, asked: bool) -> None:
        viewer = self._viewers.pop(user_id, None) or _Viewer(team_id, 0.0)
        viewer.until, viewer.page = time.monotonic() + VIEWED_S, page
        self._viewers[user_id] = viewer
        for oldest in list(self._viewers)[:-MOST_VIEWERS]:
            del self._viewers[oldest]
        task = asyncio.create_task(self._publish(user_id, viewer, asked=asked))
        self._at_work.add(task)
        task.add_done_callback(self._at_work.discard)

    async def _publish(self, user_id: str, viewer: _Viewer, *, asked: bool) -> None:
        """Shows what holds now. Nothing waits for it, so what fails is logged: the next opening shows it anew."""
        try:
            async with viewer.line:
                home = await self.home_of(viewer.team_id, user_id, viewer.page)
                viewer.channels = await self._memberships.channels_of(user_id)
                await call("views.publish", lambda: self._client.views_publish(user_id=user_id, view=home_view(home)))
            if asked and home.cases:
                async with self._store.begin() as uow:
                    await uow.record(AuditEntry(datetime.now(UTC), viewer.team_id, None, user_id, AuditAction.VIEWED, "", "home"))
        except Exception:
            log.exception("the App Home of %s can't be shown", user_id)
