"""The wiring: real parts are built here, joined here, and nowhere else."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from aiohttp import ClientSession, ClientTimeout, web
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.documents.process import DocumentProcesses
from bot.exports.writer import write_note
from bot.night_process import NightProcesses, forget_in_datasets
from bot.schedule import LOOK, Job, begin_if_due, make_scheduler
from bot.settings import Cosignature, NightGpu, Settings, SettingsError, SlackMode, load_formats, variable_name
from bot.slack.audit_listeners import Audits
from bot.slack.calls import call
from bot.slack.channel_list import bots_channels
from bot.slack.deletion_desk import SlackDeletionDesk
from bot.slack.downloads import SlackDownloads
from bot.slack.guards import SlackGuard
from bot.slack.home import HomeTab
from bot.slack.listeners import make_inbox_middleware, register
from bot.slack.locales import Locales
from bot.slack.messenger import Messenger
from bot.slack.night_desk import NightDesk
from bot.slack.night_listeners import NightListeners
from bot.slack.night_report import AdminChannel
from bot.slack.parts import Parts
from bot.slack.people import SlackPeople
from bot.slack.roles import Role, SlackRoles
from bot.slack.uploads import SlackUploads
from bot.store.database import Database
from bot.store.engine import make_engine
from bot.store.heads import HEADS_FILE, KeptHeads
from bot.store.migrate import ensure_schema
from bot.store.vault import load_master_key
from bot.workflow.adapters import Adapters, tell_lessons
from bot.workflow.attachments import Attachments
from bot.workflow.channel_watch import EVERY, watch_channels
from bot.workflow.conversation import Conversation
from bot.workflow.deleting import Deletions
from bot.workflow.digest import Digests
from bot.workflow.dispatch import Dispatcher
from bot.workflow.drafting import Drafting, DraftSettings
from bot.workflow.entrance import Entrance
from bot.workflow.final_parts import FinalParts
from bot.workflow.learning import Learning
from bot.workflow.night_plan import Wishes, plan_night
from bot.workflow.nights import Nights
from bot.workflow.retention import ClosedCases, Retention
from inference.client import OpenAIChatModel
from inference.note import NoteLimits
from inference.registry import ADAPTERS_DIRECTORY, Follower, Registry
from inference.service import connected
from inference.sharing import Gpus

SLACK_TIMEOUT_S = 30.0
"""For a whole call; the client's own default."""


def _now() -> datetime:
    return datetime.now(UTC)


class _Identity:
    """Who the bot is in its workspace; asked once."""

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client
        self._user_id: str | None = None

    async def user_id(self) -> str:
        if self._user_id is None:
            answer = await call("auth.test", self._client.auth_test)
            self._user_id = str(answer["user_id"])
        return self._user_id


@asynccontextmanager
async def running_bot(settings: Settings) -> AsyncIterator[None]:
    """The bot at work, connected to Slack, for as long as the block lasts.

    Raises:
        SettingsError: a token that this mode needs is missing.
        StoreError: key file or database can't be used.
    """
    async with AsyncExitStack() as stack:
        settings.home.mkdir(parents=True, exist_ok=True)
        await ensure_schema(settings.store.url)
        database = Database(make_engine(settings.store.url), load_master_key(settings.store.key_file), _now)
        stack.push_async_callback(database.close)
        await database.prepare()

        api_key = settings.inference.api_key
        model = OpenAIChatModel(
            settings.inference.url,
            api_key.get_secret_value() if api_key else None,
            settings.inference.timeout,
            settings.inference.temperature,
        )
        stack.push_async_callback(model.close)

        # no retries inside the client: it would post again where an answer was lost; `bot.slack.calls` knows better
        # one session: the client would open a connection of its own for each call
        session = await stack.enter_async_context(ClientSession(timeout=ClientTimeout(total=SLACK_TIMEOUT_S)))
        token = _secret(settings, "bot_token")
        client = AsyncWebClient(token=token, base_url=settings.slack.api_url, session=session, retry_handlers=[])
        identity = _Identity(client)
        guard = SlackGuard(client, settings.slack.team_ids)
        slack = settings.slack
        admins = Role(client, slack.admin_users, slack.admin_usergroup)
        roles = SlackRoles(admins, Role(client, slack.supervisor_users, slack.supervisor_usergroup))
        messenger = Messenger(client, database, slack.admin_channel)
        nights, adapters, report = _night_parts(settings, database, model, client)
        stack.push_async_callback(report.close)
        learning = Learning(Gpus(settings.home), database, lambda: nights.learned_by)
        entrance = Entrance()
        drafting = Drafting(database, model, messenger, guard, _now, _draft_settings(settings), learning, entrance)
        stack.push_async_callback(drafting.close)
        deletion_desk = SlackDeletionDesk(client, identity.user_id, slack.admin_channel, settings.language)
        deletions = _deletions(settings, database, roles, deletion_desk)
        formats = load_formats(settings.notes)
        cosigning = settings.notes.cosignature is Cosignature.OPTIONAL
        conversation = Conversation(
            database,
            messenger,
            guard,
            roles,
            drafting,
            _now,
            settings.language,
            final=FinalParts(SlackPeople(client), SlackUploads(client), write_note, formats, cosigning),
            deletions=deletions,
            contacts=settings.safety.by_language(),
            attachments=Attachments(SlackDownloads(slack.api_url, token), DocumentProcesses()),
            join_seconds=slack.join_seconds,
        )
        desk = NightDesk(nights, adapters, report, database, settings.home, settings.night.timezone, client)
        locales = Locales(client, settings.language)
        home = HomeTab(client, database, guard, admins, locales, model, learning, desk, slack.admin_channel)
        dispatcher = Dispatcher(database, home.watching(conversation.handle), conversation.give_up, entrance)
        admin = NightListeners(desk, admins, settings.language)
        kept = KeptHeads(settings.home / HEADS_FILE)
        audits = Audits(database, admins, client, partial(asyncio.to_thread, kept.read), settings.language)
        parts = Parts(
            database,
            model,
            guard,
            roles,
            messenger,
            client,
            dispatcher.notify,
            identity.user_id,
            settings.language,
            Digests(database, drafting, _now),
            admin,
            learning,
            audits,
            slack.admin_channel,
            home,
            formats,
        )

        signing_secret = settings.slack.signing_secret
        app = AsyncApp(
            client=client,
            signing_secret=signing_secret.get_secret_value() if signing_secret else "unused in socket mode",
            logger=logging.getLogger("slack_bolt"),  # its level holds for every logger that Bolt makes: DEBUG would print payloads
            before_authorize=make_inbox_middleware(parts),
        )
        register(app, parts)
        jobs = _jobs(settings, database, nights, report, kept)
        jobs |= _jobs_of_cases(settings, database, deletions, deletion_desk, client)
        scheduler = make_scheduler(database, settings.night.timezone, jobs)
        scheduler.start()
        stack.callback(scheduler.shutdown, wait=False)
        for part in (dispatcher.run, nights.run, learning.run, deletions.run, home.run):
            await stack.enter_async_context(_background(part))
        await stack.enter_async_context(_connected(app, settings))
        yield


def _draft_settings(settings: Settings) -> DraftSettings:
    inference = settings.inference
    limits = NoteLimits(inference.items_per_kind, inference.item_chars)
    drafts = DraftSettings(inference.model, inference.max_tokens, inference.context_tokens, settings.slack.update_seconds, limits)
    if not inference.follow_registry:
        return drafts
    return replace(drafts, champion=Follower(settings.home / ADAPTERS_DIRECTORY).champion)


def _night_parts(
    settings: Settings, database: Database, model: OpenAIChatModel, client: AsyncWebClient
) -> tuple[Nights, Adapters, AdminChannel]:
    """What trains, what changes adapters, and where both are told."""
    key = settings.inference.api_key.get_secret_value() if settings.inference.api_key else None
    registry = Registry(settings.home / ADAPTERS_DIRECTORY)
    report = AdminChannel(client, database, registry, settings.slack.admin_channel, settings.language)
    process = NightProcesses(settings.home, settings.night.python, key)
    wishes = _wishes(settings)
    make_plan = None if wishes is None else partial(plan_night, wishes=wishes, registry=registry, model=model)
    nights = Nights(database, process, report, make_plan, _now)
    return nights, Adapters(registry, partial(connected, settings.inference.url, key, registry)), report


def _wishes(settings: Settings) -> Wishes | None:
    """What the settings say about nights; None where they name no model to be trained."""
    night, inference = settings.night, settings.inference
    if night.base is None:
        return None
    return Wishes(
        home=settings.home,
        base=night.base,
        begin=night.begin,
        base_set=night.base_set,
        recipe=night.recipe,
        mixing=night.mixing,
        at_once=night.at_once,
        promotion=night.promotion,
        shared_gpus=night.gpu is NightGpu.SHARED,
        url=inference.url,
        model=inference.model,
        follows_registry=inference.follow_registry,
        max_tokens=inference.max_tokens,
        context_tokens=inference.context_tokens,
        limits=NoteLimits(inference.items_per_kind, inference.item_chars),
    )


def _deletions(settings: Settings, database: Database, roles: SlackRoles, desk: SlackDeletionDesk) -> Deletions:
    forget = partial(forget_in_datasets, settings.home, settings.night.python)
    return Deletions(database, roles, desk, forget, Registry(settings.home / ADAPTERS_DIRECTORY))


def _jobs(settings: Settings, database: Database, nights: Nights, report: AdminChannel, kept: KeptHeads) -> dict[str, Job]:
    """What is looked for again and again."""
    registry, night = Registry(settings.home / ADAPTERS_DIRECTORY), settings.night

    async def begin() -> None:
        await begin_if_due(nights, night.cron, night.timezone, _now())

    async def tell() -> None:
        await tell_lessons(database, registry, report)

    async def keep_head() -> None:
        await asyncio.to_thread(kept.keep, await database.audit_head(), _now())

    return {
        "night": (begin, LOOK),
        "adapters to go": (tell, timedelta(hours=1)),
        "head of the audit": (keep_head, LOOK),
    }


def _jobs_of_cases(
    settings: Settings, database: Database, deletions: Deletions, desk: SlackDeletionDesk, client: AsyncWebClient
) -> dict[str, Job]:
    """What watches over cases: channels that became unfit, deletions that were begun, and closed cases whose time is over."""

    async def watch() -> None:
        await watch_channels(database, partial(bots_channels, client), _now)

    jobs: dict[str, Job] = {"channels of cases": (watch, EVERY), "deletions": (deletions.carry_on, LOOK)}
    days = settings.store.retention_days
    if days is None:
        return jobs
    retention = Retention(timedelta(days=days), timedelta(days=settings.store.retention_notice_days))
    closed = ClosedCases(database, deletions, desk, retention, _now)
    return {**jobs, "retention": (closed.look, timedelta(hours=1))}


@asynccontextmanager
async def _background(run: Callable[[], Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    task = asyncio.create_task(run(), name=run.__qualname__)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def _connected(app: AsyncApp, settings: Settings) -> AsyncIterator[None]:
    """Slack's events come in, by whichever way is set."""
    if settings.slack.mode is SlackMode.SOCKET:
        token = _secret(settings, "app_token")
        handler = AsyncSocketModeHandler(app, token, web_client=AsyncWebClient(token=token, base_url=settings.slack.api_url))
        await handler.connect_async()  # type: ignore[no-untyped-call]
        try:
            yield
        finally:
            await handler.close_async()  # type: ignore[no-untyped-call]
        return
    _secret(settings, "signing_secret")
    runner = web.AppRunner(app.web_app("/slack/events"), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.slack.http_host, settings.slack.http_port).start()
        yield
    finally:
        await runner.cleanup()


def _secret(settings: Settings, name: str) -> str:
    value = getattr(settings.slack, name)
    if value is None:
        raise SettingsError(f"{variable_name('slack', name)} is not set; `phyassist doctor` says where to find it")
    return str(value.get_secret_value())
