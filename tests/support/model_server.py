"""A real model server for tests, run in a thread of its own, so that it is watched and restarted whatever loop a test runs."""

import asyncio
import os
import socket
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import psutil

from inference.profiles import ServeProfile
from inference.supervisor import ModelServer, State

START_TIMEOUT_S = 400.0


class BackgroundServer:
    """`ModelServer` in a thread; use it with `with`. `said` is all progress so far."""

    def __init__(self, profile: ServeProfile, adapters: Mapping[str, Path], log_file: Path) -> None:
        self.profile, self.log_file = profile, log_file
        self.said: list[str] = []
        self.adapters = dict(adapters)
        self._server: ModelServer | None = None
        self._started, self._told = threading.Event(), asyncio.Event()
        self._failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="model server")

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.wait(START_TIMEOUT_S)
        if self._failure:
            raise self._failure
        return self

    def __exit__(self, *_: object) -> None:
        if self._loop:
            self._loop.call_soon_threadsafe(self._told.set)
        self._thread.join()

    @property
    def url(self) -> str:
        """Where the API is, version included."""
        return self.profile.url

    @property
    def server(self) -> ModelServer:
        """The server itself; its coroutines belong to the thread's loop."""
        assert self._server is not None
        return self._server

    def processes(self) -> list[psutil.Process]:
        """All living processes of the server: the guardian, the API, the engine, the workers."""
        group = self.server.pid
        return [] if group is None else group_members(group)

    def kill(self, name: str) -> None:
        """`kill -9` for the process whose command line holds `name`, such as `api_server` or `EngineCore`."""
        victims = [
            process for process in self.processes() if name in " ".join(process.cmdline()) and "guardian" not in process.cmdline()[2]
        ]
        assert victims, f"no process of the model server is called {name}"
        victims[0].kill()

    def wait_for_restart(self, restarts: int, timeout_s: float = START_TIMEOUT_S) -> None:
        """Return when the server was restarted that often, and is ready."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if self.server.restarts >= restarts and self.server.state is State.READY:
                return
            time.sleep(0.1)
        raise TimeoutError(f"the server was not ready again: {self.said}")

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001  # handed to the test's thread
            self._failure = error
        finally:
            self._started.set()

    async def _serve(self) -> None:
        self._server = ModelServer(self.profile, self.log_file, lambda: self.adapters, self.said.append, START_TIMEOUT_S)
        self._loop = asyncio.get_running_loop()
        async with self._server:
            self._started.set()
            await self._told.wait()


def group_members(group: int) -> list[psutil.Process]:
    """The living processes of a process group."""
    found = []
    for process in psutil.process_iter(["status"]):
        try:
            if process.info["status"] != psutil.STATUS_ZOMBIE and os.getpgid(process.pid) == group:
                found.append(process)
        except (psutil.NoSuchProcess, ProcessLookupError):
            continue
    return found


def a_free_port() -> int:
    """A port on 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
