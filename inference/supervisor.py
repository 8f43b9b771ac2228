"""The model server as a child process: started, tried, watched, restarted, and ended with everything that belongs to it.

Ready means that it answered real requests, to the base model and to each adapter: `/health` is green before that, and
stays green on a server that dies of its first request.
"""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from importlib.metadata import entry_points
from pathlib import Path
from types import TracebackType
from typing import Self

from inference import guardian
from inference.errors import BadAdapter, InferenceError, ModelUnavailable, PortTaken, ServerFailed
from inference.hotload import AdapterControl
from inference.profiles import ServeProfile
from inference.server_log import LogFile
from inference.vllm_plugin import NAME as CPU_PLUGIN

Progress = Callable[[str], None]
"""Is told what happens, in words for people; from the event loop's thread."""

Adapters = Callable[[], Mapping[str, Path]]
"""Names and absolute directories of the adapters to serve; asked again before every start."""

SERVER_MODULE = "vllm.entrypoints.openai.api_server"
"""Not the `vllm` command, which dies where the installed distribution has another name."""

POLL_S = 0.25
GRACE_S = 10.0
"""For the server to end by itself after SIGTERM."""
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
STEADY_S = 120.0
"""A server that lived this long after it was ready starts again after the first pause only."""


class State(StrEnum):
    """Where the server is in its life."""

    STOPPED = "stopped"
    STARTING = "starting"
    READY = "ready"
    FAILED = "failed"
    """It ended and is started again after a pause."""


class ModelServer:
    """A supervised model server; use it with `async with`, which returns when the server is ready and stops it at the end.

    When the server dies, it is started again, after 1, 2, 4, up to 60 seconds if it keeps dying.
    """

    def __init__(
        self,
        profile: ServeProfile,
        log_file: Path,
        adapters: Adapters = dict,
        progress: Progress = lambda _: None,
        start_timeout_s: float = 600.0,
    ) -> None:
        """Start nothing yet. The directories of `adapters` must have been checked (`adapters.check_adapter`)."""
        self.profile = profile
        self.restarts = 0
        """How often the server was started again."""
        self._adapters, self._progress, self._start_timeout_s = adapters, progress, start_timeout_s
        self._log = LogFile(log_file)
        self._state = State.STOPPED
        self._changed = asyncio.Condition()
        self._process: Process | None = None
        self._watch: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Where it answers, as `OpenAIChatModel` takes it."""
        return self.profile.url

    @property
    def log_path(self) -> Path:
        """The log of the start that is running; earlier ones are beside it."""
        return self._log.path

    @property
    def state(self) -> State:
        """Where the server is in its life, now."""
        return self._state

    @property
    def pid(self) -> int | None:
        """The process group of the running server."""
        return self._process.pid if self._process else None

    async def __aenter__(self) -> Self:
        """Start, and wait until it is ready. Raises: PortTaken, ServerFailed."""
        await self.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Stop."""
        await self.stop()

    async def start(self) -> None:
        """Start the server and return when it is ready.

        Raises:
            PortTaken: another program listens on the profile's port.
            ServerFailed: it ended during the start, or took longer than the time allowed.
        """
        try:
            process = await self._launch()
        except BaseException:
            await self._end()
            await self._become(State.STOPPED)
            raise
        self._watch = asyncio.create_task(self._keep_running(process), name="model server")

    async def stop(self) -> None:
        """End the server and everything it started; returns when they are gone."""
        if self._watch:
            self._watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watch
            self._watch = None
        await self._end()
        await self._become(State.STOPPED)

    async def wait_for(self, state: State) -> None:
        """Return as soon as the server is in `state`."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._state is state)

    async def _keep_running(self, process: Process | None) -> None:
        """Start the server again whenever it has died, until cancelled."""
        pause_s = FIRST_PAUSE_S
        while True:
            if process is not None:
                ready_at = time.monotonic()
                code = await process.wait()
                pause_s = FIRST_PAUSE_S if time.monotonic() - ready_at > STEADY_S else pause_s
                self._progress(f"the model server ended unexpectedly (code {code})")
            await self._become(State.FAILED)
            await self._end()
            self._progress(f"starting it again in {pause_s:.0f} s")
            await asyncio.sleep(pause_s)
            pause_s = min(LONGEST_PAUSE_S, pause_s * 2)
            self.restarts += 1
            try:
                process = await self._launch()
            except InferenceError as error:
                process = None
                self._progress(str(error))
            except (OSError, ValueError, KeyError) as error:  # no disk, no process, or something else answers on the port
                process = None
                self._progress(f"it could not be started ({type(error).__name__}); trying again")

    async def _launch(self) -> Process:
        """One start: process, first answers, adapters. Raises: ServerFailed, PortTaken."""
        check_port(self.profile.host, self.profile.port)
        if self.profile.on_cpu:
            check_plugin()
        await self._become(State.STARTING)
        self._progress("starting the model server")
        adapters = dict(self._adapters())
        # Named on the command line, so that no client ever meets a server which doesn't know them yet.
        modules = [f"{name}={path}" for name, path in adapters.items()]
        arguments = [*self.profile.arguments(), *(["--lora-modules", *modules] if modules else [])]
        self._process = process = await spawn([sys.executable, "-m", SERVER_MODULE, *arguments], self.profile.environment(), self._log)
        try:
            async with asyncio.timeout(self._start_timeout_s), AdapterControl(self.url, self.profile.api_key) as control:
                await self._until_it_answers(process, control)
                for name in (self.profile.served_name, *adapters):
                    await control.canary(name)
                for name, path in self._adapters().items():
                    if name not in adapters:  # promoted while this server started
                        await control.bring_in(name, path)
        except TimeoutError:
            raise ServerFailed(f"the model server was not ready within {self._start_timeout_s:.0f} s; see {self._log.path}") from None
        except (BadAdapter, ModelUnavailable) as error:
            raise ServerFailed(f"the model server started, but {error}; see {self._log.path}") from error
        await self._become(State.READY)
        self._progress("the model server is ready")
        return process

    async def _until_it_answers(self, process: Process, control: AdapterControl) -> None:
        """Wait until the port answers, and pass on what the log says meanwhile. Raises: ServerFailed when the process ends first."""
        while process.returncode is None:
            for stage in self._log.new_stages():
                self._progress(stage)
            try:
                await control.served()
            except ModelUnavailable:
                await asyncio.sleep(POLL_S)
            else:
                return self._progress("asking it for a first answer")
        raise ServerFailed(f"the model server ended while it started: {self._log.last_error()} (see {self._log.path})")

    async def _end(self) -> None:
        """End the process and its group, however far it got."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin:
            process.stdin.close()  # the guardian's sign to end the server
        try:
            async with asyncio.timeout(GRACE_S + guardian.HELPERS_GRACE_S + 5):
                await process.wait()
        except TimeoutError:
            pass
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # also when we are cancelled while waiting
        await process.wait()

    async def _become(self, state: State) -> None:
        async with self._changed:
            self._state = state
            self._changed.notify_all()


async def spawn(command: Sequence[str], environment: Mapping[str, str], log: LogFile) -> Process:
    """`command` under a guardian, in a process group of its own, with all that it prints going to the log."""
    guarded = [sys.executable, "-I", guardian.__file__, str(GRACE_S), *command]
    with log.open_new() as output:
        return await asyncio.create_subprocess_exec(
            *guarded, stdin=PIPE, stdout=output, stderr=STDOUT, env={**os.environ, **environment}, start_new_session=True
        )


def check_port(host: str, port: int) -> None:
    """Raises: PortTaken when another program listens there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise PortTaken(f"port {port} on {host} is taken by another program: stop it, or choose another port") from error


def check_plugin() -> None:
    """Raises: ServerFailed when vLLM would not find our plugin; without it the CPU server dies of its first request."""
    if not any(point.name == CPU_PLUGIN for point in entry_points(group="vllm.general_plugins")):
        raise ServerFailed("PhyAssist is not installed in this Python, so vLLM can't find its CPU plugin: run `make setup`")
