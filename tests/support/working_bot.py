"""The bot in this process, joined as `bot.app` joins it, on a real workspace and a real database; only the model is scripted."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

import pytest
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.documents.process import DocumentProcesses
from bot.domain.audit import Head
from bot.domain.formats import BUILT_IN, Formats
from bot.domain.safety_card import Contacts
from bot.exports.writer import write_note
from bot.slack.audit_listeners import Audits
from bot.slack.downloads import SlackDownloads
from bot.slack.guards import SlackGuard
from bot.slack.home import HomeTab
from bot.slack.listeners import make_inbox_middleware, register
from bot.slack.locales import Locales
from bot.slack.messenger import Messenger
from bot.slack.night_desk import NightDesk
from bot.slack.night_listeners import NightListeners
from bot.slack.parts import Parts
from bot.slack.people import SlackPeople
from bot.slack.roles import Role, SlackRoles
from bot.slack.uploads import SlackUploads
from bot.store.database import Database
from bot.store.engine import make_engine
from bot.store.vault import new_key
from bot.workflow.attachments import Attachments
from bot.workflow.conversation import Conversation
from bot.workflow.deleting import Deletions
from bot.workflow.digest import Digests
from bot.workflow.dispatch import Dispatcher
from bot.workflow.drafting import Drafting, DraftSettings
from bot.workflow.entrance import Entrance
from bot.workflow.final_parts import FinalParts
from bot.workflow.learning import Learning
from deploy.sandbox.model import BOT_USER_ID
from deploy.sandbox.seed import Seed
from deploy.sandbox.server import Sandbox, running_sandbox
from inference.note import Language
from inference.sharing import Gpus
from tests.deploy.sandbox_app import web_client
from tests.support.databases import make_schema
from tests.support.fakes import ScriptedModel


@dataclass(frozen=True)
class WorkingBot:
    """A bot at work, and what a test may look at or turn."""

    sandbox: Sandbox
    database: Database
    model: ScriptedModel
    guard: SlackGuard
    admins: Role
    learning: Learning | None = None
    desk: NightDesk | None = None


MakeNights = Callable[[AsyncWebClient], NightDesk]
MakeDeletions = Callable[[AsyncWebClient, SlackRoles], Deletions]


def _now() -> datetime:
    return datetime.now(UTC)


async def _bot_user_id() -> str:
    return BOT_USER_ID


async def _no_heads() -> Iterable[Head]:
    return []


@asynccontextmanager
async def patient_workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: Seed) -> AsyncIterator[tuple[Sandbox, Database]]:
    """A real workspace and a fresh database for a bot at work; nobody gives up after three seconds, because the machine may be busy."""
    monkeypatch.setattr("bot.slack.commands.GUARD_S", 60.0)
    url = f"sqlite+aiosqlite:///{tmp_path / 'phyassist.db'}"
    await make_schema(url)
    database = Database(make_engine(url), new_key())
    try:
        await database.prepare()
        async with running_sandbox(seed=seed) as sandbox:
            sandbox.desk.people.delivery.timing = type(sandbox.desk.people.delivery.timing)(ack_s=60.0)
            yield sandbox, database
    finally:
        await database.close()


@asynccontextmanager
async def working_bot(
    sandbox: Sandbox,
    database: Database,
    model: ScriptedModel,
    admin_usergroup: str = "",
    nights: MakeNights | None = None,
    supervisor_usergroup: str = "",
    deletions: MakeDeletions | None = None,
    kept_heads: Callable[[], Awaitable[Iterable[Head]]] | None = None,
    admin_channel: str = "",
    contacts: Contacts = MappingProxyType({}),
    join_seconds: float = 0.0,
    formats: Formats = BUILT_IN,
) -> AsyncIterator[WorkingBot]:
    """The bot, connected over a socket, for as long as the block lasts; with `nights` admins have their commands, too."""
    client = web_client(sandbox, retry_handlers=[])
    guard, messenger = SlackGuard(client, [sandbox.team_id]), Messenger(client, database, admin_channel)
    admins = Role(client, (), admin_usergroup)
    roles = SlackRoles(admins, Role(client, (), supervisor_usergroup))
    desk = nights(client) if nights else None
    learning = Learning(Gpus(desk.home), database, lambda: desk.nights.learned_by) if desk else None
    entrance = Entrance()
    drafting = Drafting(database, model, messenger, guard, _now, DraftSettings("phyassist", 500, 0, 0.0), learning, entrance)
    deleting = deletions(client, roles) if deletions else None
    attachments = Attachments(SlackDownloads(sandbox.api_url, sandbox.bot_token), DocumentProcesses())
    conversation = Conversation(
        database,
        messenger,
        guard,
        roles,
        drafting,
        _now,
        Language.ENGLISH,
        final=FinalParts(SlackPeople(client), SlackUploads(client), write_note, formats),
        deletions=deleting,
        contacts=contacts,
        attachments=attachments,
        join_seconds=join_seconds,
    )
    home = HomeTab(client, database, guard, admins, Locales(client, Language.ENGLISH), model, learning, desk, admin_channel)
    dispatcher = Dispatcher(database, home.watching(conversation.handle), conversation.give_up, entrance)
    listeners = NightListeners(desk, admins, Language.ENGLISH) if desk else None
    audits = Audits(database, admins, client, kept_heads or _no_heads, Language.ENGLISH)
    parts = Parts(
        database,
        model,
        guard,
        roles,
        messenger,
        client,
        dispatcher.notify,
        _bot_user_id,
        Language.ENGLISH,
        Digests(database, drafting, _now),
        listeners,
        learning,
        audits,
        admin_channel,
        home,
        formats,
    )
    app = AsyncApp(client=client, logger=logging.getLogger("slack_bolt"), before_authorize=make_inbox_middleware(parts))
    register(app, parts)
    runs = [dispatcher.run(), home.run(), *([deleting.run()] if deleting else [])]
    work = [asyncio.create_task(run) for run in runs]
    handler = AsyncSocketModeHandler(app, sandbox.app_token)
    await handler.connect_async()  # type: ignore[no-untyped-call]  # Bolt leaves it untyped
    await sandbox.client.wait_connected()
    try:
        yield WorkingBot(sandbox, database, model, guard, admins, learning, desk)
    finally:
        if desk:
            await desk.nights.stop()
            await desk.report.close()
        await handler.close_async()  # type: ignore[no-untyped-call]  # Bolt leaves it untyped
        for task in work:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await drafting.close()
