"""Logs without case text: whatever foreign code puts into an exception or a message."""

import asyncio
import io
import json
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from sqlalchemy.exc import IntegrityError

from bot.logs import SafeFormatter, describe, set_up_logging
from bot.slack.calls import SlackRefused
from bot.store.database import Database
from bot.store.engine import make_engine
from bot.store.tables import CaseRow
from bot.store.vault import new_key
from bot.workflow.dispatch import Dispatcher
from bot.workflow.ports import Work
from deploy.sandbox.delivery import Timing
from deploy.sandbox.seed import Seed
from deploy.sandbox.server import Sandbox, running_sandbox
from inference.errors import InvalidNote
from tests.deploy.sandbox_app import web_client
from tests.support.builders import NOW, a_post
from tests.support.databases import make_schema

PLANTED = "Marmalade in the aquarium"
PLANTED_CHINESE = "水族箱里的橘子酱"


class Answer(BaseModel):
    """Something that is validated."""

    items: list[int]


def foreign_errors() -> Iterator[BaseException]:
    """Exceptions of other people's code that quote what they failed on."""
    for fail in (
        lambda: json.loads(f'{{"a": {PLANTED}'),
        lambda: Answer.model_validate({"items": [PLANTED]}),
        lambda: dict[str, str]()[PLANTED],
        lambda: int(PLANTED_CHINESE),
        lambda: PLANTED_CHINESE.encode("ascii"),
        lambda: Path(PLANTED).read_text(),
    ):
        try:
            fail()
        except (ValueError, KeyError, OSError) as error:
            yield error


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What the bot's own handler writes; the root logger is put back afterwards."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    set_up_logging("DEBUG")
    written = io.StringIO()
    handler = root.handlers[0]
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(written)
    yield written
    root.handlers[:] = before
    root.setLevel(level)


def clean(log: io.StringIO) -> str:
    """The log, after a look that no planted word is in it, in any form."""
    text = log.getvalue()
    for sentence in (PLANTED, PLANTED_CHINESE):
        assert sentence not in text
        assert ascii(sentence)[1:-1] not in text
    return text


@pytest.mark.parametrize("error", list(foreign_errors()), ids=lambda error: type(error).__name__)
def test_a_foreign_exceptions_words_are_not_logged(log: io.StringIO, error: BaseException) -> None:
    """Its type and its frames are, alone, as a cause, as a context, and where the message itself quotes it."""
    named = describe(error)
    logging.getLogger("bot.test").error("plain", exc_info=error)
    try:
        try:
            raise error
        except BaseException as caught:
            raise RuntimeError(f"around {caught}") from caught
    except RuntimeError as outer:
        logging.getLogger("bot.test").exception("chained")
        logging.getLogger("slack_bolt").exception(f"Failed to run listener function (error: {outer})")  # noqa: G004 (as Bolt does it)
    logging.getLogger("slack_bolt").error(f"Failed (error: {error!r}): {error}", exc_info=error)  # noqa: G004
    text = clean(log)
    assert text.count(named) >= 3
    assert "test_logs.py" in text


def test_our_own_errors_keep_their_words(log: io.StringIO) -> None:
    """They never hold case text, and say what happened."""
    logging.getLogger("bot.test").error("refused", exc_info=SlackRefused("chat.update", "is_archived"))
    assert "chat.update: is_archived" in log.getvalue()
    assert describe(InvalidNote("the answer is not JSON")).endswith("the answer is not JSON")
    assert describe(ValueError(PLANTED)) == "builtins.ValueError"


def test_an_ordinary_line_is_left_as_it_is() -> None:
    """Without an exception nothing is rewritten."""
    record = logging.LogRecord("bot", logging.INFO, "", 1, "%d notes", (3,), None)
    assert SafeFormatter("%(message)s").format(record) == "3 notes"


def test_libraries_say_nothing_below_warning(log: io.StringIO) -> None:
    """Not even when everything is to be logged: payloads, statements and headers go by there."""
    loggers = ("slack_bolt", "slack_bolt.AsyncApp", "slack_sdk.web", "sqlalchemy.engine", "aiosqlite", "httpx", "httpcore.http11")
    for name in loggers:
        logging.getLogger(name).debug(PLANTED)
        logging.getLogger(name).info(PLANTED)
    assert log.getvalue() == ""


async def test_a_task_that_nobody_asked_for_keeps_quiet(log: io.StringIO) -> None:
    """The event loop's own report of a forgotten exception shows the type only."""

    async def fail() -> None:
        raise ValueError(PLANTED)

    task = asyncio.create_task(fail())
    await asyncio.sleep(0.01)
    loop = asyncio.get_running_loop()
    loop.default_exception_handler({"message": "Task exception was never retrieved", "exception": task.exception(), "future": task})
    assert "ValueError" in clean(log)


async def test_a_database_error_shows_no_values(log: io.StringIO, store_url: str) -> None:
    """Neither SQL parameters nor the row in PostgreSQL's detail reach the log, whatever fails."""
    await make_schema(store_url)
    database = Database(make_engine(store_url), new_key())
    await database.prepare()

    async def handle(work: Work) -> Work:
        async with database.begin() as uow:
            row = CaseRow(id="c", team_id="T", channel_id=PLANTED, code=PLANTED, language="en", state="open", opened_at=NOW)
            uow._session.add(row)
        return work

    async def give_up(_work: Work) -> None:
        pass

    await database.receive(a_post(PLANTED))
    work = await database.next_work("C1")
    assert work
    await handle(work)
    with pytest.raises(IntegrityError):
        await handle(work)
    dispatcher = Dispatcher(database, handle, give_up)
    await dispatcher._try(work)
    await database.close()
    assert "inbox row" in clean(log)


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """A workspace that gives up early."""
    async with running_sandbox(seed=Seed(cases=1, bot_in_cases=True), timing=Timing.quick()) as sandbox:
        yield sandbox


async def test_bolt_quotes_nobody(log: io.StringIO, sandbox: Sandbox) -> None:
    """Listeners, middleware and event handlers of a real app that fail with a post in their mouth log its type alone."""

    async def listener(event: dict[str, str]) -> None:
        Answer.model_validate({"items": [event["text"]]})

    async def command(command: dict[str, str]) -> None:
        raise ValueError(command["text"])

    # the logger as `bot.app` gives it: its level holds for all that Bolt makes
    app = AsyncApp(client=web_client(sandbox), logger=logging.getLogger("slack_bolt"))
    app.event("message")(listener)
    app.command("/phyassist")(command)
    handler = AsyncSocketModeHandler(app, sandbox.app_token)
    await handler.connect_async()  # type: ignore[no-untyped-call]  # Bolt leaves it untyped
    await sandbox.client.wait_connected()
    await sandbox.client.say("anna", "case-001", PLANTED)
    await sandbox.client.command("anna", "case-001", f"/phyassist {PLANTED}")
    await asyncio.sleep(1)
    await handler.close_async()  # type: ignore[no-untyped-call]  # Bolt leaves it untyped
    text = clean(log)
    assert "ValidationError" in text
    assert "ValueError" in text


def test_a_validation_error_does_quote_its_input() -> None:
    """The danger is real: without the formatter the words would stand in the log."""
    with pytest.raises(ValidationError) as caught:
        Answer.model_validate({"items": [PLANTED]})
    assert PLANTED in str(caught.value)
