"""The real parts that every story needs."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Protocol

import pytest

from deploy.bot_process import running_bot_process, sandbox_settings
from deploy.sandbox.server import Sandbox, running_sandbox
from tests.support.model_server import BackgroundServer


class StartBot(Protocol):
    """Starts a bot process on the test's workspace, database and model server."""

    def __call__(self, **settings: str) -> AbstractAsyncContextManager[object]: ...


@pytest.fixture
async def workspace() -> AsyncIterator[Sandbox]:
    """A local Slack-compatible workspace in this process."""
    async with running_sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def start_bot(workspace: Sandbox, model_server: BackgroundServer, store_url: str, tmp_path: Path) -> StartBot:
    """A bot in a process of its own; the same database at each start."""

    def start(**settings: str) -> AbstractAsyncContextManager[object]:
        given = {"store__url": store_url, "slack__update_seconds": "0.5", **settings}
        return running_bot_process(sandbox_settings(workspace, tmp_path / "home", model_server.url, **given), tmp_path / "bot.log")

    return start
