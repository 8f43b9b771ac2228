"""A real model server that makes room for a training and comes back."""

import asyncio
from pathlib import Path

import pytest

from inference.client import Delta, Finished, OpenAIChatModel
from inference.errors import PortTaken
from inference.profiles import cpu_profile
from inference.sharing import Gpus
from inference.supervisor import ModelServer, State
from inference.turns import serve_in_turns
from tests.support.model_server import a_free_port, group_members

MANY_TOKENS = 400
LONG_S = 600.0


async def _answer(model: OpenAIChatModel, max_tokens: int) -> Finished:
    last: Delta | Finished | None = None
    async for event in model.stream([{"role": "user", "content": "Hello"}], model="base", max_tokens=max_tokens, schema=None):
        last = event
    assert isinstance(last, Finished)
    return last


@pytest.mark.server
async def test_the_server_finishes_its_answers_stops_and_comes_back(tmp_path: Path, model_directory: Path) -> None:
    """Answers under way come to their end, none of its processes is left while the training runs, then it answers again."""
    gpus, said = Gpus(tmp_path), list[str]()
    ready = asyncio.Queue[None]()
    server = ModelServer(cpu_profile(model_directory, a_free_port()), tmp_path / "log", progress=said.append)
    serving = asyncio.create_task(serve_in_turns(server, gpus, said.append, lambda: ready.put(None)))
    model = OpenAIChatModel(server.url, None, timeout_s=LONG_S)
    try:
        async with asyncio.timeout(LONG_S):
            await ready.get()
            group = server.pid
            assert group is not None
            answers = [asyncio.create_task(_answer(model, MANY_TOKENS)) for _ in range(4)]
            await asyncio.sleep(0.2)
            async with gpus.for_training():
                assert [answer.done() for answer in answers] == [True] * 4
                assert server.state is State.STOPPED
                assert group_members(group) == []
            for answer in answers:
                assert (await answer).reason
            await ready.get()
            await _answer(model, 4)
    finally:
        await model.close()
        serving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await serving
    assert server.state is State.STOPPED
    assert "a training wants the GPUs: finishing the answers under way" in said


async def test_a_first_start_that_fails_is_told(tmp_path: Path) -> None:
    """Somebody who starts the server by hand learns at once that the port is taken; the GPUs are free again."""
    async with await asyncio.start_server(lambda *_: None, "127.0.0.1", 0) as other:
        port = other.sockets[0].getsockname()[1]
        server = ModelServer(cpu_profile(tmp_path, port), tmp_path / "log")
        with pytest.raises(PortTaken):
            await serve_in_turns(server, Gpus(tmp_path), print, lambda: asyncio.sleep(0))
    async with asyncio.timeout(LONG_S), Gpus(tmp_path).for_training():
        pass
