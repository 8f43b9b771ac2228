"""`phyassist model list|promote|rollback` as a person meets them, with the real model server and with one that is none of ours."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from sqlalchemy import make_url, text
from typer.testing import CliRunner

from bot.domain.audit import AuditAction
from bot.settings import load_settings
from bot.store.database import Database
from bot.store.engine import make_engine
from deploy.model import app
from deploy.recording import SHELL, record_at_shell
from inference.adapters import read_base_shape
from inference.hotload import AdapterControl
from inference.registry import ADAPTERS_DIRECTORY, Registry
from tests.deploy.test_cli import phyassist
from tests.support.adapters import an_adapter
from tests.support.databases import make_schema
from tests.support.model_server import BackgroundServer


@pytest.fixture
def registry(tmp_path: Path, model_directory: Path) -> Registry:
    """The registry of this test's data directory, with two adapters."""
    registry = Registry(load_settings().home / ADAPTERS_DIRECTORY)
    for number in (1, 2):
        registry.add(an_adapter(tmp_path / str(number), read_base_shape(model_directory), rank=8, seed=number), f"cli-{number}")
    return registry


@pytest.fixture
async def foreign_server() -> AsyncIterator[str]:
    """A server with models and without adapter routes."""

    async def models(_: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": "some-model", "object": "model"}]})

    routes = web.Application()
    routes.router.add_get("/v1/models", models)
    runner = web.AppRunner(routes)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    await runner.cleanup()


@pytest.mark.server
async def test_a_promotion_and_a_rollback_on_the_command_line(model_server: BackgroundServer, registry: Registry, tmp_path: Path) -> None:
    """Each command says what happened in the running server, the list shows it, and the audit has it once there is a database."""

    def run(*command: str) -> str:
        done = phyassist("model", *command, cwd=tmp_path, PHYASSIST_INFERENCE__URL=model_server.url)
        assert done.returncode == 0, done.stderr
        return done.stdout

    first = run("promote", "cli-1")
    assert first == "Loaded cli-1.\nIn service: cli-1. A rollback brings back the base model.\n"
    url = load_settings().store.url
    assert not Path(make_url(url).database or "").exists()
    await make_schema(url)
    assert run("promote", "cli-2") == "Loaded cli-2.\nIn service: cli-2. A rollback brings back cli-1.\n"
    assert run("rollback") == "In service: cli-1. A rollback brings back cli-2.\n"
    registry.retire("cli-2", "a case was deleted")
    rows = run("list").splitlines()
    assert rows[0].startswith("* cli-1 ")
    assert rows[1].startswith("- cli-2 ")
    assert rows[1].endswith(": a case was deleted")
    refused = phyassist("model", "rollback", cwd=tmp_path, PHYASSIST_INFERENCE__URL=model_server.url)
    assert refused.returncode == 1
    assert "a case was deleted" in refused.stderr
    assert run("promote", "base").startswith("Unloaded cli-2; its files stay.\nIn service: the base model.")
    async with AdapterControl(model_server.url, None) as control:
        assert "cli-2" not in await control.loaded()
        await control.unload("cli-1")
    assert await audited(url) == [("promoted", "cli-2"), ("rolled_back", "cli-1"), ("promoted", "base")]
    async with make_engine(url).begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    unrecorded = phyassist("model", "promote", "base", cwd=tmp_path, PHYASSIST_INFERENCE__URL=model_server.url)
    assert unrecorded.returncode == 0
    assert "The audit does not have this change" in unrecorded.stderr


async def test_a_change_at_a_shell_is_recorded_where_there_is_a_database() -> None:
    """No file is made for it; with one, the row names the shell and nobody else."""
    settings = load_settings()
    assert not await record_at_shell(settings, AuditAction.PROMOTED, "cli-1")
    assert not Path(make_url(settings.store.url).database or "").exists()
    await make_schema(settings.store.url)
    assert await record_at_shell(settings, AuditAction.PROMOTED, "cli-1")
    assert await audited(settings.store.url) == [("promoted", "cli-1")]


async def test_a_server_without_adapter_routes_gets_a_sentence(foreign_server: str, registry: Registry, tmp_path: Path) -> None:
    """Promotion and rollback on a server that can't load adapters: one sentence, exit status 1, nothing changed."""
    registry.promote("cli-1")
    before = registry.pointer()
    for command in (["promote", "cli-2"], ["rollback"]):
        done = await _in_thread(*command, cwd=tmp_path, url=foreign_server)
        assert done == (1, "NoAdapterRoutes: the model server can't load adapters while it runs; start it with `phyassist model serve`\n")
    assert registry.pointer() == before


def test_texts_to_look_for_come_from_standard_input_too() -> None:
    """Where there are none, it says so; a server that is away is told without a word of them."""
    nothing = CliRunner().invoke(app, ["probe", "base"], input=" \n\n")
    assert (nothing.exit_code, nothing.output) == (0, "There was no text to look for.\n")
    away = CliRunner().invoke(
        app, ["probe", "base"], input="A green heron waits.\n", env={"PHYASSIST_INFERENCE__URL": "http://127.0.0.1:1/v1"}
    )
    assert (away.exit_code, away.output) == (1, "ModelUnavailable: the model server doesn't answer (ConnectError)\n")


async def audited(url: str) -> list[tuple[str, str]]:
    """What was done to which adapter at a shell, as the audit has it."""
    database = Database(make_engine(url), b"")
    records = await database.audit(0, 100)
    await database.close()
    return [(record.action, record.subject) for record in records if record.user_id == SHELL]


async def _in_thread(*command: str, cwd: Path, url: str) -> tuple[int, str]:
    """Exit status and standard error of a command, while the test's own server goes on answering."""
    done = await asyncio.to_thread(phyassist, "model", *command, cwd=cwd, PHYASSIST_INFERENCE__URL=url)
    return done.returncode, done.stderr


def test_no_server_gets_a_sentence(registry: Registry, tmp_path: Path) -> None:
    """Where nobody listens, and where the name is misspelt, the command says so without a traceback."""
    away = phyassist("model", "promote", "cli-1", cwd=tmp_path, PHYASSIST_INFERENCE__URL="http://127.0.0.1:1/v1")
    assert (away.returncode, away.stderr) == (1, "ModelUnavailable: the model server doesn't answer (ConnectError)\n")
    unknown = phyassist("model", "promote", "cli-9", cwd=tmp_path, PHYASSIST_INFERENCE__URL="http://127.0.0.1:1/v1")
    assert (unknown.returncode, unknown.stderr) == (1, "UnknownAdapter: the registry has no adapter named cli-9\n")
    assert registry.pointer().since is None
