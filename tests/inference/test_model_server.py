"""The real model server: vLLM on the CPU, started by the supervisor, talked to by the client."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from inference.adapters import read_base_shape
from inference.client import Delta, Finished, FinishReason, OpenAIChatModel
from inference.errors import BadAdapter, ModelRefused, ModelUnavailable, PortTaken, StreamBroken
from inference.hotload import AdapterControl
from inference.note import note_schema, parse_note
from inference.prompt import Message
from inference.supervisor import ModelServer
from tests.model_fixtures import ADAPTER, OTHER_ADAPTER
from tests.support.adapters import an_adapter
from tests.support.model_server import BackgroundServer
from training.workbench.chatting.dialogue import Answered, Dialogue
from training.workbench.chatting.remote import connect
from training.workbench.chatting.settings import ChatSettings, Sampling
from training.workbench.chatting.styles import MARKERS, STYLES, TEMPLATE
from training.workbench.errors import WorkbenchError

pytestmark = [pytest.mark.server]

READING = "reading the model's configuration"
"""What a start says after it has asked which adapters there are."""
PLANTED = "The planted sentence tells of a green kettle in Marlow."
LONG = [Message(role="user", content="Description:\n" + "She wakes at four and worries about the rent. " * 30)]


@pytest.fixture
async def model(model_server: BackgroundServer) -> AsyncIterator[OpenAIChatModel]:
    """A client of the shared server."""
    client = OpenAIChatModel(model_server.url, None, timeout_s=60)
    yield client
    await client.close()


@pytest.fixture
async def control(model_server: BackgroundServer) -> AsyncIterator[AdapterControl]:
    """The adapter routes of the shared server."""
    async with AdapterControl(model_server.url, None) as control:
        yield control


async def answer(chat: OpenAIChatModel, messages: list[Message], **changes: Any) -> tuple[str, Finished]:
    """The whole text of an answer, and its end."""
    given: dict[str, Any] = {"model": ADAPTER, "max_tokens": 24, "schema": None}
    text, end = "", None
    async for event in chat.stream(messages, **{**given, **changes}):
        if isinstance(event, Delta):
            text += event.text
        else:
            end = event
    assert end is not None
    return text, end


async def metric(server: BackgroundServer, name: str) -> float:
    """One of vLLM's own figures, summed over its labels."""
    async with httpx.AsyncClient() as http:
        page = (await http.get(server.url.removesuffix("/v1") + "/metrics")).text
    return sum(float(line.rsplit(" ", 1)[1]) for line in page.splitlines() if line.startswith(name + "{"))


async def test_an_answer_streams(model: OpenAIChatModel) -> None:
    """An answer comes in several pieces and ends with the token limit, its figures agreeing with the limit."""
    events = [event async for event in model.stream(LONG, model="base", max_tokens=24, schema=None)]
    assert len(events) > 5
    end = events[-1]
    assert isinstance(end, Finished)
    assert end.usage is not None
    assert end.usage.completion_tokens <= 24
    assert end.reason is FinishReason.LENGTH or end.usage.completion_tokens < 24


@pytest.mark.parametrize("name", ["base", ADAPTER])
async def test_guided_answers_are_notes(model: OpenAIChatModel, name: str) -> None:
    """With the note's schema, base and adapter both write a note that parses strictly, whatever their weights."""
    schema = note_schema()
    for field in schema["properties"].values():  # a model of random numbers would fill every list to its end
        field["maxItems"], field["items"]["maxLength"] = 2, 40
    text, end = await answer(model, LONG, model=name, max_tokens=700, schema=schema)
    assert end.reason is FinishReason.STOP
    assert set(json.loads(text)) == {"analysis", "advice", "questions"}
    assert len(parse_note(text)) >= 1


async def test_the_token_limit_is_reported(model: OpenAIChatModel) -> None:
    """A guided answer cut by the limit says so."""
    _, end = await answer(model, LONG, max_tokens=3, schema=note_schema())
    assert end.reason is FinishReason.LENGTH


async def test_a_prompt_that_grows_at_its_end_comes_from_the_cache(model: OpenAIChatModel) -> None:
    """The second request reuses all blocks of the first, to within one block of 32 tokens."""
    first, second = LONG, [Message(role="user", content=LONG[0]["content"] + " Now she also skips meals.")]
    _, end = await answer(model, first, max_tokens=4, cache_salt="growing")
    _, again = await answer(model, second, max_tokens=4, cache_salt="growing")
    _, other = await answer(model, second, max_tokens=4, cache_salt="another case")
    assert end.usage is not None
    assert again.usage is not None
    assert other.usage is not None
    assert again.usage.cached_tokens is not None
    assert again.usage.cached_tokens >= end.usage.prompt_tokens - 64
    assert other.usage.cached_tokens == 0


async def test_leaving_a_stream_frees_its_slot(model: OpenAIChatModel, model_server: BackgroundServer) -> None:
    """A client that goes away in mid-answer leaves no request running on the server."""
    async for _ in model.stream(LONG, model="base", max_tokens=1500, schema=note_schema(min_items=8)):
        break
    deadline = time.monotonic() + 10
    while await metric(model_server, "vllm:num_requests_running"):
        assert time.monotonic() < deadline, "the request is still running"
        await asyncio.sleep(0.1)


async def test_tokens_and_limits(model: OpenAIChatModel) -> None:
    """The server counts tokens itself, also of very long texts, and tells its context length for base and adapter."""
    assert await model.count_tokens("") == 0
    assert await model.count_tokens("She sleeps badly.") <= len("She sleeps badly.")
    assert await model.count_tokens("x " * 50_000) > 10_000
    limits = await model.limits(ADAPTER)
    assert limits.context_tokens >= 1024
    assert {"base", ADAPTER} <= set(limits.served)
    assert await model.ready()


async def test_priorities_are_accepted(model: OpenAIChatModel) -> None:
    """The server schedules by priority, which vLLM refuses unless it was started so."""
    _, end = await answer(model, LONG, max_tokens=2, priority=7)
    assert end.usage is not None


async def test_a_conversation_with_the_base_and_with_an_adapter(model_server: BackgroundServer) -> None:
    """`phyassist chat URL` talks to the server's base or to an adapter, with its chat template or with markers; its memory is counted by
    the server's tokenizer, and what goes wrong is a sentence."""
    for name, how in ((None, TEMPLATE), (ADAPTER, TEMPLATE), (None, MARKERS)):
        remote = await connect(model_server.url, None, name)
        assert remote.name == (name or "base")
        settings = ChatSettings(max_tokens=6, temperature=0.4, top_p=0.6, top_k=30, repetition_penalty=1.3)
        dialogue = Dialogue(remote, STYLES[how], settings)
        for question in ("Hello", "你好"):
            answered = [event async for event in dialogue.ask(question)][-1]
            assert isinstance(answered, Answered)
        prompt = dialogue.style.prompt("", [], "Hello")
        alone = await remote.count(prompt)
        assert alone < await remote.count(dialogue.style.prompt("", dialogue.exchanges, "Hello"))
        end = [event async for event in remote.stream(prompt, Sampling(max_tokens=2))][-1]
        assert isinstance(end, Finished)
        assert end.usage is not None
        assert end.usage.prompt_tokens == alone
        await remote.close()
    with pytest.raises(WorkbenchError, match="no model named 'gone'"):
        await connect(model_server.url, None, "gone")


async def test_an_unknown_model_is_refused(model: OpenAIChatModel) -> None:
    """An adapter that isn't loaded is refused by name."""
    with pytest.raises(ModelRefused, match="404"):
        await answer(model, LONG, model="gone")


async def test_no_case_text_in_the_log(model: OpenAIChatModel, model_server: BackgroundServer) -> None:
    """Good answers, prompts too long, bad requests of many kinds: none of them leaves a word in the server's log."""
    planted = [Message(role="user", content=PLANTED)]
    await answer(model, planted)
    with pytest.raises(ModelRefused):
        await answer(model, [Message(role="user", content=PLANTED * 2000)])
    with pytest.raises(ModelRefused):
        await answer(model, planted, max_tokens=-1)
    with pytest.raises(ModelRefused):
        await answer(model, [Message(role=PLANTED, content=PLANTED), *planted, *planted])
    bodies: list[Any] = [
        {"model": "base", "messages": PLANTED},
        {"model": "base", "messages": planted, "guided_choice": [PLANTED], "structured_outputs": {"regex": f"({PLANTED}"}},
        {"model": "base", "messages": planted, "temperature": PLANTED},
        {"model": "base", "messages": [{"role": "user", "content": {"text": PLANTED}}]},
        {"model": "base", "messages": planted, "response_format": {"type": PLANTED}},
        {"model": "base", "messages": planted, "stop": [PLANTED], "logit_bias": {PLANTED: 1}, PLANTED: PLANTED},
        PLANTED,
    ]
    async with httpx.AsyncClient(timeout=60) as http:
        for body in bodies:
            await http.post(f"{model_server.url}/chat/completions", json=body)
        await http.post(f"{model_server.url}/chat/completions", content=f'{{"messages": "{PLANTED}'.encode())
        await http.get(f"{model_server.url}/models/{PLANTED}", params={"q": PLANTED})
    log = model_server.log_file.read_text()
    assert len(log) > 1000
    for word in ("planted", "kettle", "Marlow"):
        assert word not in log


async def test_an_adapter_comes_and_goes_under_running_streams(
    model: OpenAIChatModel, control: AdapterControl, other_adapter_directory: Path
) -> None:
    """A hot-loaded adapter answers otherwise than the first, streams of the first go on, and after unloading it is refused."""
    stream = asyncio.create_task(answer(model, LONG, max_tokens=200, schema=note_schema(min_items=3)))
    await control.bring_in(OTHER_ADAPTER, other_adapter_directory)
    assert OTHER_ADAPTER in await control.served()
    first, _ = await answer(model, LONG)
    other, _ = await answer(model, LONG, model=OTHER_ADAPTER)
    assert first != other
    await control.unload(OTHER_ADAPTER)
    await control.unload(OTHER_ADAPTER)
    assert OTHER_ADAPTER not in await control.served()
    _, end = await stream
    assert end.usage is not None
    with pytest.raises(ModelRefused):
        await answer(model, LONG, model=OTHER_ADAPTER)


async def test_an_adapter_the_server_refuses_is_named(control: AdapterControl, tmp_path: Path, model_directory: Path) -> None:
    """A missing directory and too high a rank are refused by the server, and the others go on."""
    with pytest.raises(BadAdapter, match="nowhere"):
        await control.bring_in("nowhere", tmp_path / "nowhere")
    with pytest.raises(BadAdapter, match="too-wide"):
        await control.bring_in("too-wide", an_adapter(tmp_path / "a", read_base_shape(model_directory), rank=17))
    assert set(await control.served()) == {"base", ADAPTER}


async def test_a_second_server_names_the_port(model_server: BackgroundServer, tmp_path: Path) -> None:
    """A server on a taken port says which port, before it starts anything."""
    second = ModelServer(model_server.profile, tmp_path / "log")
    with pytest.raises(PortTaken, match=f"port {model_server.profile.port} on 127.0.0.1 is taken"):
        await second.start()
    assert second.pid is None


async def test_a_killed_server_comes_back_with_its_adapters(
    model: OpenAIChatModel, control: AdapterControl, model_server: BackgroundServer, other_adapter_directory: Path
) -> None:
    """After kill -9 in mid-stream all is served again, adapters too, one promoted during the start as well; nothing is left over."""
    before, _ = await answer(model, LONG)
    restarts, old, said = model_server.server.restarts, model_server.processes(), model_server.said.count(READING)
    stream = model.stream(LONG, model=ADAPTER, max_tokens=1500, schema=note_schema(min_items=8))
    await anext(stream)
    model_server.kill("EngineCore")
    with pytest.raises((StreamBroken, ModelUnavailable)):
        async for _ in stream:
            pass
    while model_server.said.count(READING) == said:
        await asyncio.sleep(0.1)
    model_server.adapters[OTHER_ADAPTER] = other_adapter_directory  # promoted in the middle of the start
    await asyncio.to_thread(model_server.wait_for_restart, restarts + 1)
    after, _ = await answer(model, LONG)
    assert after == before
    assert set(await control.loaded()) == {ADAPTER, OTHER_ADAPTER}
    del model_server.adapters[OTHER_ADAPTER]
    await control.unload(OTHER_ADAPTER)
    assert not [process for process in old if process.is_running() and process.status() != "zombie"]
    assert any("ended unexpectedly" in line for line in model_server.said)


def test_progress_is_told_in_order(model_server: BackgroundServer) -> None:
    """The start is told in words for people, from the first step to readiness."""
    said = model_server.said
    told = ["starting the model server", "starting the engine", "loading the weights", "the model server is ready"]
    assert [line for line in said if line in told][:4] == told
