"""The real parts that every story needs."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Protocol

import pytest

from deploy.bot_process import running_bot_process, sandbox_settings
from deploy.model import DEMO_ADAPTER, DEMO_MODEL, DEMO_NAME
from deploy.sandbox.server import Sandbox, running_sandbox
from inference.profiles import ProfileName, make_profile
from tests.support.model_server import BackgroundServer, a_free_port


class StartBot(Protocol):
    """Starts a bot process on the test's workspace, database and model server."""

    def __call__(self, **settings: str) -> AbstractAsyncContextManager[object]: ...


@pytest.fixture(scope="session")
def demo_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BackgroundServer]:
    """One vLLM with the demo model and its adapter, for all stories."""
    profile = make_profile(ProfileName.CPU, DEMO_MODEL, a_free_port())
    log_file = tmp_path_factory.mktemp("model-server") / "server.log"
    with BackgroundServer(profile, {DEMO_NAME: DEMO_ADAPTER}, log_file) as server:
        yield server


@pytest.fixture
async def workspace() -> AsyncIterator[Sandbox]:
    """A local Slack-compatible workspace in this process."""
    async with running_sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def start_bot(workspace: Sandbox, demo_server: BackgroundServer, store_url: str, tmp_path: Path) -> StartBot:
    """A bot in a process of its own; the same database at each start."""

    def start(**settings: str) -> AbstractAsyncContextManager[object]:
        given = {"store__url": store_url, "slack__update_seconds": "0.5", **settings}
        return running_bot_process(sandbox_settings(workspace, tmp_path / "home", demo_server.url, **given), tmp_path / "bot.log")

    return start
