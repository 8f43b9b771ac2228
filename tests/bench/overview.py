"""How long it takes until App Home shows somebody's cases, on a real database and a local workspace."""

import statistics
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bot.domain.note import Author, Item, Note, Origin, Purpose, Revision
from bot.slack.guards import SlackGuard
from bot.slack.home import HomeTab
from bot.slack.home_views import home_view
from bot.slack.locales import Locales
from bot.slack.roles import Role
from bot.store.database import Database
from bot.store.engine import make_engine
from bot.store.migrate import ensure_schema
from bot.store.vault import new_key
from deploy.sandbox.model import BOT_USER_ID
from deploy.sandbox.server import Sandbox, running_sandbox
from inference.note import Kind, Language
from tests.deploy.sandbox_app import web_client
from tests.support.fakes import ScriptedModel

NOTES = 10
"""Answers in each case, with three questions each; a draft of a final note comes on top."""
ROUNDS = 9
AIM_MS = 300
USER = "U0ANNA"


async def measure_home(console: Console, home: Path, cases: int) -> None:
    """Prints the times of an App Home of so many cases, with nothing remembered from before."""
    url = f"sqlite+aiosqlite:///{home / 'home.db'}"
    await ensure_schema(url)
    async with running_sandbox() as sandbox, _filled(url, sandbox, cases) as database:
        rounds = [await _open(sandbox, database, cases) for _ in range(ROUNDS)]
    table = Table("", "median", "worst", title=f"App Home of {cases} cases, {ROUNDS} openings", title_justify="left")
    for name, times in zip(("Slack asked, cases counted", "drawn", "published", "all"), zip(*rounds, strict=True), strict=True):
        table.add_row(name, f"{statistics.median(times):.0f} ms", f"{max(times):.0f} ms")
    console.print(table)
    ratio = statistics.median(each[-1] for each in rounds) / AIM_MS
    console.print(f"App Home: {ratio:.0%} of the {AIM_MS} ms that it may take")


async def _open(sandbox: Sandbox, database: Database, cases: int) -> tuple[float, float, float, float]:
    """Milliseconds of one opening: until all is known, drawn, published, and all together."""
    client = web_client(sandbox)
    guard, admins = SlackGuard(client, []), Role(client, (), "")
    tab = HomeTab(client, database, guard, admins, Locales(client, Language.ENGLISH), ScriptedModel([]))
    start = time.perf_counter()
    home = await tab.home_of(sandbox.team_id, USER)
    known = time.perf_counter()
    view = home_view(home)
    drawn = time.perf_counter()
    await client.views_publish(user_id=USER, view=view)
    published = time.perf_counter()
    if len(home.cases) != cases or not all(each.questions and each.drafts for each in home.cases):
        raise RuntimeError("the App Home lacks cases, or what waits in them")
    return (known - start) * 1000, (drawn - known) * 1000, (published - drawn) * 1000, (published - start) * 1000


@asynccontextmanager
async def _filled(url: str, sandbox: Sandbox, cases: int) -> AsyncIterator[Database]:
    """A database in which so many cases of one person have notes, questions and a draft."""
    database = Database(make_engine(url), new_key())
    await database.prepare()
    now = datetime.now(UTC)
    for number in range(cases):
        channel = sandbox.desk.workspace.create_channel(f"bench-{number}", USER, [BOT_USER_ID])
        async with database.begin() as uow:
            case = await uow.open_case(sandbox.team_id, channel.id, Language.ENGLISH, now)
            for place in range(NOTES + 1):
                purpose = Purpose.SUMMARY if place == NOTES else Purpose.ANSWER
                note = Note(uuid.uuid4().hex, case.id, purpose, f"{1_700_000_000 + place}.000100")
                items = tuple(Item(Kind.QUESTION, f"{uuid.uuid4()}?", Origin.MODEL) for _ in range(3))
                await uow.add_note(note)
                await uow.add_revision(note, Revision(uuid.uuid4().hex, 1, Author(Origin.MODEL, "bench"), items, now))
    try:
        yield database
    finally:
        await database.close()
