"""The supervisor's failures and its start on two cores, with real servers of their own."""

import asyncio
import os
import socket
import stat
from pathlib import Path

import pytest

from inference.adapters import read_base_shape
from inference.client import OpenAIChatModel
from inference.errors import PortTaken, ServerFailed
from inference.hotload import AdapterControl
from inference.profiles import ProfileName, cpu_profile, make_profile
from inference.registry import Registry, ServerNote
from inference.server import adapters_to_serve, base_shape, model_server
from inference.server_log import LogFile
from inference.supervisor import ModelServer, State
from tests.support.adapters import an_adapter
from tests.support.model_server import BackgroundServer, a_free_port, group_members

IN_ENGINE = "(EngineCore pid=7) ERROR 01-01 00:00:00 [core.py:1]"


async def test_a_taken_port_is_named(tmp_path: Path) -> None:
    """A port on which somebody listens is named, and no process is started."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        server = ModelServer(cpu_profile(tmp_path, port), tmp_path / "log")
        with pytest.raises(PortTaken, match=f"port {port} on 127.0.0.1 is taken"):
            await server.start()
    assert server.state is State.STOPPED
    assert not (tmp_path / "log").exists()


@pytest.mark.server
async def test_a_start_that_fails_gives_the_reason(tmp_path: Path) -> None:
    """Where the model can't be loaded, the error quotes vLLM's reason and names the log, and nothing is left running."""
    (tmp_path / "config.json").write_text("{}")
    said: list[str] = []
    server = ModelServer(cpu_profile(tmp_path, a_free_port()), tmp_path / "logs" / "log", progress=said.append)
    with pytest.raises(ServerFailed, match=r"ended while it started: Value error, Unrecognized model.*logs/log"):
        await server.start()
    assert server.state is State.STOPPED
    assert said[0] == "starting the model server"
    assert stat.S_IMODE((tmp_path / "logs" / "log").stat().st_mode) == 0o600


@pytest.mark.server
async def test_a_start_can_be_cancelled(tmp_path: Path, model_directory: Path) -> None:
    """Ctrl-C during the start leaves no process."""
    server = ModelServer(cpu_profile(model_directory, a_free_port()), tmp_path / "log")
    starting = asyncio.create_task(server.start())
    while server.pid is None:
        await asyncio.sleep(0.1)
    group = server.pid
    await asyncio.sleep(3)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert server.state is State.STOPPED
    assert group_members(group) == []


@pytest.mark.server
@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="needs two cores")
async def test_tensor_parallel_on_two_cores(tmp_path: Path, model_directory: Path, adapter_directory: Path) -> None:
    """Split over two cores, the model answers, its adapter too; after a clean stop no process of it is left."""
    profile = make_profile(ProfileName.CPU, model_directory, a_free_port(), tensor_parallel=2)
    with BackgroundServer(profile, {"phyassist": adapter_directory}, tmp_path / "log") as server:
        group = server.server.pid
        assert group is not None
        assert len([process for process in server.processes() if "Worker" in " ".join(process.cmdline())]) == 2
        model = OpenAIChatModel(server.url, None, timeout_s=120)
        events = [
            event async for event in model.stream([{"role": "user", "content": "Hello"}], model="phyassist", max_tokens=8, schema=None)
        ]
        assert len(events) >= 2
        async with AdapterControl(server.url, None) as control:
            assert set(await control.served()) == {"base", "phyassist"}
        await model.close()
    assert group_members(group) == []


def test_bad_adapters_are_left_out(tmp_path: Path, model_directory: Path) -> None:
    """Of the adapters that should be served, a bad one is left out with its reason, and the others are served."""
    base = read_base_shape(model_directory)
    registry = Registry(tmp_path / "adapters")
    registry.add(an_adapter(tmp_path / "one", base), "night-1")
    registry.add(an_adapter(tmp_path / "two", base), "night-2")
    registry.promote("night-1")
    registry.promote("night-2")
    said: list[str] = []
    given = {"mine": an_adapter(tmp_path / "mine", base), "wide": an_adapter(tmp_path / "wide", base, rank=32)}
    found = adapters_to_serve(cpu_profile(model_directory, 1), registry, given, said.append)
    assert set(found) == {"mine", "night-2", "night-1"}
    assert all(path.is_absolute() for path in found.values())
    assert said == ["the adapter wide is not served: the rank is 32, but the server takes 1 to 16"]
    assert registry.server() == ServerNote(str(model_directory), 16)


def test_a_server_under_a_home(tmp_path: Path) -> None:
    """The log is where operators look for it."""
    server = model_server(cpu_profile(tmp_path, 1), tmp_path, {}, print)
    assert server.log_path == tmp_path / "logs" / "model-server.log"


def test_a_model_without_config_is_an_error(tmp_path: Path) -> None:
    """Adapters can't be checked against a directory that holds no model."""
    with pytest.raises(ServerFailed, match=r"can't be read.*config.json"):
        base_shape(str(tmp_path))


def test_logs_of_earlier_starts_are_kept(tmp_path: Path) -> None:
    """Each start has a new log; five earlier ones are kept."""
    log = LogFile(tmp_path / "log")
    for number in range(8):
        with log.open_new() as file:
            file.write(f"start {number}".encode())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log", "log.1", "log.2", "log.3", "log.4", "log.5"]
    assert (tmp_path / "log").read_text() == "start 7"
    assert (tmp_path / "log.5").read_text() == "start 2"


def test_stages_are_told_once(tmp_path: Path) -> None:
    """Each stage is told when its line is complete, in order, and once."""
    log = LogFile(tmp_path / "log")
    with log.open_new() as file:
        file.write(b"INFO Resolved architecture: M\nINFO Starting to load mo")
        file.flush()
        assert log.new_stages() == ["reading the model's configuration"]
        file.write(b"del /m\nINFO Starting to load model /m\n")
        file.flush()
        assert log.new_stages() == ["loading the weights"]
        assert log.new_stages() == []


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        ("INFO fine\n", "no reason was printed"),
        ("Traceback\nOSError: no such model\n", "OSError: no such model"),
        (f"{IN_ENGINE} ValueError: bad head size\nRuntimeError: Engine core initialization failed. See\n", "ValueError: bad head size"),
        ("a.b.ValidationError: 1 error\n  Value error, no such model [type=x, input={}]\n    see https\n", "Value error, no such model"),
        ("RuntimeError: Engine core initialization failed.\n", "RuntimeError: Engine core initialization failed."),
    ],
)
def test_the_reason_is_found_in_the_log(tmp_path: Path, log: str, reason: str) -> None:
    """The last error that says something is the reason, not the one which only points to it."""
    file = LogFile(tmp_path / "log")
    file.path.write_text(log)
    assert file.last_error() == reason
