"""The client against a small local server that answers, misbehaves and breaks off as told."""

import asyncio
import json
import logging
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from inference.client import DEFAULT_CONTEXT_TOKENS, ESTIMATES_S, Delta, Finished, FinishReason, OpenAIChatModel, Usage
from inference.errors import InferenceError, ModelRefused, ModelUnavailable, StreamBroken
from inference.prompt import TEMPLATE_TOKENS, Message
from inference.tokens import estimate_tokens
from tests.support.model_server import a_free_port

PLANTED = "Planted sentence about the green kettle."
MESSAGES = [Message(role="user", content=PLANTED)]

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class LocalServer:
    """An HTTP server whose answer to each route is set by the test; it keeps the requests' bodies."""

    def __init__(self) -> None:
        self.port = a_free_port()
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.disconnected = asyncio.Event()
        self.handlers: dict[str, Handler] = {}

    @property
    def url(self) -> str:
        """The API's address."""
        return f"http://127.0.0.1:{self.port}/v1"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Keep the request and answer as told; 404 where nothing was told."""
        if request.can_read_body:
            self.bodies.append(await request.json())
        self.headers.append(dict(request.headers))
        handler = self.handlers.get(request.path)
        return await handler(request) if handler else web.Response(status=404)

    def streams(
        self,
        *events: dict[str, Any] | str,
        cut: bool = False,
        wait_s: float = 0.0,
        hang: bool = False,
        path: str = "/v1/chat/completions",
    ) -> None:
        """Answer `path` with these events; `cut` drops the connection after them, `hang` says no more."""

        async def answer(request: web.Request) -> web.StreamResponse:
            await asyncio.sleep(wait_s)
            response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
            await response.prepare(request)
            for event in events:
                data = event if isinstance(event, str) else json.dumps(event, ensure_ascii=False)
                await response.write(f"data: {data}\n\n".encode())
            if cut and request.transport:
                request.transport.close()
            try:
                while hang:
                    await asyncio.sleep(0.02)
                    await response.write(b": still here\n\n")
            except (ConnectionError, asyncio.CancelledError):
                self.disconnected.set()
                raise
            return response

        self.handlers[path] = answer

    def says(self, path: str, body: Any, status: int = 200) -> None:
        """Answer `path` with JSON."""

        async def answer(_: web.Request) -> web.StreamResponse:
            return web.json_response(body, status=status)

        self.handlers[path] = answer


@pytest.fixture
async def local() -> AsyncIterator[LocalServer]:
    """A running local server."""
    server = LocalServer()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(app, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", server.port).start()
    yield server
    await runner.cleanup()


@pytest.fixture
async def model(local: LocalServer) -> AsyncIterator[OpenAIChatModel]:
    """A client of the local server, with a short patience."""
    client = OpenAIChatModel(local.url, "secret-key", timeout_s=1.0)
    yield client
    await client.close()


def piece(text: str) -> dict[str, Any]:
    """An event with a piece of the answer."""
    return {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]}


def end(reason: str = "stop") -> dict[str, Any]:
    """The event with the finish reason."""
    return {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}


def figures(cached: int | None = 32) -> dict[str, Any]:
    """The event with the token figures, after the last choice."""
    details = None if cached is None else {"cached_tokens": cached}
    return {"choices": [], "usage": {"prompt_tokens": 40, "completion_tokens": 2, "prompt_tokens_details": details}}


async def collect(model: OpenAIChatModel, **changes: Any) -> list[Delta | Finished]:
    """All events of one request."""
    given: dict[str, Any] = {"model": "phyassist", "max_tokens": 16, "schema": None}
    return [event async for event in model.stream(MESSAGES, **{**given, **changes})]


async def test_deltas_then_one_end(local: LocalServer, model: OpenAIChatModel) -> None:
    """The pieces come in order, empty ones are left out, and the end brings reason and figures."""
    local.streams(piece(""), piece("Sleep "), piece("is short."), end(), figures(), "[DONE]")
    assert await collect(model) == [Delta("Sleep "), Delta("is short."), Finished(FinishReason.STOP, Usage(40, 2, 32))]


async def test_a_conversation_is_sent_with_its_sampling(local: LocalServer, model: OpenAIChatModel) -> None:
    """Conversations that are no cases bring their own fields of sampling, and nothing of the client's own; no seed is ever sent."""
    local.streams(piece("Sleep."), end(), "[DONE]")
    said = model.stream_sampled(MESSAGES, model="base", max_tokens=5, sampling={"temperature": 0.4, "top_k": 30})
    assert [event async for event in said] == [Delta("Sleep."), Finished(FinishReason.STOP, None)]
    assert {name: local.bodies[-1][name] for name in ("model", "max_tokens", "temperature", "top_k")} == {
        "model": "base",
        "max_tokens": 5,
        "temperature": 0.4,
        "top_k": 30,
    }
    assert local.bodies[-1]["messages"] == MESSAGES
    assert "seed" not in local.bodies[-1]


async def test_a_text_is_gone_on_with(local: LocalServer, model: OpenAIChatModel) -> None:
    """A prompt that is text goes to the route without a chat template, whose pieces are named otherwise."""
    events = ({"choices": [{"index": 0, "text": text, "finish_reason": reason}]} for text, reason in ((" Sleep", None), (".", "length")))
    local.streams(*events, "[DONE]", path="/v1/completions")
    said = model.stream_sampled("<HUMAN>: Why?\n<ASSISTANT>:", model="base", max_tokens=5, sampling={})
    assert [event async for event in said] == [Delta(" Sleep"), Delta("."), Finished(FinishReason.LENGTH, None)]
    assert local.bodies[-1]["prompt"] == "<HUMAN>: Why?\n<ASSISTANT>:"


@pytest.mark.parametrize(("given", "reason"), [("length", FinishReason.LENGTH), ("content_filter", FinishReason.OTHER)])
async def test_finish_reasons(local: LocalServer, model: OpenAIChatModel, given: str, reason: FinishReason) -> None:
    """The token limit is told apart from other reasons; missing figures are None."""
    local.streams(piece("x"), end(given), figures(cached=None), "[DONE]")
    assert (await collect(model))[-1] == Finished(reason, Usage(40, 2, None))


async def test_a_server_without_figures_or_end_mark(local: LocalServer, model: OpenAIChatModel) -> None:
    """A finish reason is enough of an end."""
    local.streams(piece("x"), end())
    assert (await collect(model))[-1] == Finished(FinishReason.STOP, None)


async def test_unusual_line_separators_stay_in_the_text(local: LocalServer, model: OpenAIChatModel) -> None:
    """U+2028 and its like inside an answer don't split an event."""
    text = "one\u2028two\u0085three\x1cfour\r"
    local.streams(piece(text), end(), "[DONE]")
    assert (await collect(model))[0] == Delta(text)


async def test_the_request_is_standard(local: LocalServer, model: OpenAIChatModel) -> None:
    """By default nothing goes out that only vLLM knows; never a seed; always a token limit."""
    local.streams(end(), "[DONE]")
    await collect(model)
    assert local.bodies[0] == {
        "model": "phyassist",
        "messages": MESSAGES,
        "max_tokens": 16,
        "temperature": 0.0,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    assert local.headers[0]["Authorization"] == "Bearer secret-key"


async def test_extras_go_out_when_asked_for(local: LocalServer, model: OpenAIChatModel) -> None:
    """Schema, priority and cache salt are sent when given, and a temperature in place of the usual one."""
    local.streams(end(), "[DONE]")
    await collect(model, schema={"type": "object"}, priority=5, cache_salt="case-1", temperature=0.7)
    body = local.bodies[0]
    assert body["temperature"] == 0.7
    assert (body["priority"], body["cache_salt"]) == (5, "case-1")
    assert body["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "answer", "strict": True, "schema": {"type": "object"}},
    }


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, ModelRefused),
        (401, ModelRefused),
        (404, ModelRefused),
        (429, ModelUnavailable),
        (500, ModelUnavailable),
        (503, ModelUnavailable),
    ],
)
async def test_statuses(local: LocalServer, model: OpenAIChatModel, status: int, error: type[InferenceError]) -> None:
    """The status says whether the request is at fault or the server, and no error quotes the prompt."""
    quoting = {"error": {"message": f"bad input: {PLANTED}", "type": "BadRequestError", "code": status}}
    local.says("/v1/chat/completions", quoting, status)
    with pytest.raises(error, match=f"HTTP {status}") as caught:
        await collect(model)
    assert PLANTED not in repr(caught.value)


@pytest.mark.parametrize(("code", "error"), [(500, ModelUnavailable), (400, ModelRefused), (None, ModelUnavailable)])
async def test_an_error_instead_of_an_answer(
    local: LocalServer, model: OpenAIChatModel, code: int | None, error: type[InferenceError]
) -> None:
    """An error event before the first piece is like an error status."""
    local.streams({"error": {"message": PLANTED, "type": "X", "code": code}}, "[DONE]")
    with pytest.raises(error) as caught:
        await collect(model)
    assert PLANTED not in repr(caught.value)


@pytest.mark.parametrize(
    "events",
    [
        [piece("x"), {"error": {"message": PLANTED, "code": 500}}, "[DONE]"],
        [piece("x"), "[DONE]"],
        [piece("x"), end("abort"), "[DONE]"],
        [piece("x"), "{not json"],
        [piece("x")],
    ],
)
async def test_a_stream_that_goes_wrong_is_broken(local: LocalServer, model: OpenAIChatModel, events: list[Any]) -> None:
    """What began and has no proper end is broken, and the error doesn't quote the prompt."""
    local.streams(*events)
    with pytest.raises(StreamBroken) as caught:
        await collect(model)
    assert PLANTED not in repr(caught.value)


async def test_a_cut_connection_is_broken(local: LocalServer, model: OpenAIChatModel) -> None:
    """A connection lost in mid-stream is told apart from a server that isn't there."""
    local.streams(piece("x"), cut=True)
    with pytest.raises(StreamBroken):
        await collect(model)


async def test_silence_in_mid_stream_is_broken(local: LocalServer) -> None:
    """A stream that says nothing for longer than the timeout is broken."""
    blocked = asyncio.Event()

    async def stall(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(f"data: {json.dumps(piece('x'))}\n\n".encode())
        await blocked.wait()
        return response

    local.handlers["/v1/chat/completions"] = stall
    model = OpenAIChatModel(local.url, None, timeout_s=0.2)
    with pytest.raises(StreamBroken, match="ReadTimeout"):
        await collect(model)
    blocked.set()
    await model.close()


async def test_no_answer_in_time_is_unavailable(local: LocalServer) -> None:
    """A server too slow to begin is unavailable: nothing was shown, so the request may be sent again."""
    local.streams(piece("x"), wait_s=2)
    model = OpenAIChatModel(local.url, None, timeout_s=0.2)
    with pytest.raises(ModelUnavailable, match="ReadTimeout"):
        await collect(model)
    await model.close()


async def test_an_empty_stream_is_unavailable(local: LocalServer, model: OpenAIChatModel) -> None:
    """A stream closed before its first event is unavailable, not broken."""
    local.streams(cut=True)
    with pytest.raises(ModelUnavailable):
        await collect(model)


async def test_nobody_there_is_unavailable() -> None:
    """A refused connection is unavailable everywhere, and never ready."""
    model = OpenAIChatModel(f"http://127.0.0.1:{a_free_port()}/v1", None, timeout_s=1)
    with pytest.raises(ModelUnavailable, match="ConnectError"):
        await collect(model)
    with pytest.raises(ModelUnavailable):
        await model.count_tokens("x")
    with pytest.raises(ModelUnavailable):
        await model.limits("base")
    assert not await model.ready()
    await model.close()


async def test_leaving_the_stream_closes_the_connection(local: LocalServer, model: OpenAIChatModel) -> None:
    """Who breaks out of the stream ends the generation on the server."""
    local.streams(piece("x"), hang=True)
    async for _ in model.stream(MESSAGES, model="base", max_tokens=16, schema=None):
        break
    await asyncio.wait_for(local.disconnected.wait(), 5)


async def test_cancelling_the_stream_closes_the_connection(local: LocalServer, model: OpenAIChatModel) -> None:
    """A cancelled task ends the generation on the server."""
    local.streams(piece("x"), hang=True)
    task = asyncio.create_task(collect(model))
    while not local.bodies:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.3)
    task.cancel()
    await asyncio.wait_for(local.disconnected.wait(), 5)
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_tokens_are_counted_by_the_server(local: LocalServer, model: OpenAIChatModel) -> None:
    """The server's tokenizer counts, without special tokens."""
    local.says("/tokenize", {"count": 7, "tokens": []})
    assert await model.count_tokens("Sleep is short.") == 7
    assert local.bodies[0] == {"prompt": "Sleep is short.", "add_special_tokens": False}


@pytest.mark.parametrize(("status", "body"), [(404, {}), (200, {"other": 1}), (401, {"error": "x"}), (405, [])])
async def test_tokens_are_estimated_where_the_server_has_no_tokenizer(
    local: LocalServer, model: OpenAIChatModel, status: int, body: Any
) -> None:
    """A server without the route is not asked each time: lengths are estimated."""
    local.says("/tokenize", body, status)
    first = await model.count_tokens("Sleep is short.")
    second = await model.count_tokens("Sleep is short.")
    assert first == second == estimate_tokens("Sleep is short.")
    assert len(local.bodies) == 1


async def test_a_tokenizer_that_was_away_is_asked_again(local: LocalServer, caplog: pytest.LogCaptureFixture) -> None:
    """A proxy's 404, or a 401 of a server that just restarted, doesn't last for good; the log tells each change, once, and no text."""
    now = 1000.0
    model = OpenAIChatModel(local.url, None, timeout_s=1.0, clock=lambda: now)
    caplog.set_level(logging.INFO, "inference")
    local.says("/tokenize", {}, 401)
    assert await model.count_tokens(PLANTED) == estimate_tokens(PLANTED)
    local.says("/tokenize", {"count": 7})
    now += ESTIMATES_S - 1
    assert await model.count_tokens(PLANTED) == estimate_tokens(PLANTED)
    now += 1
    assert [await model.count_tokens(PLANTED) for _ in range(3)] == [7, 7, 7]
    local.says("/tokenize", {}, 404)
    for _ in range(3):
        assert await model.count_tokens(PLANTED) == estimate_tokens(PLANTED)
        now += ESTIMATES_S
    await model.close()
    assert [record.getMessage() for record in caplog.records] == [
        "tokens are estimated: /tokenize answered HTTP 401; it is asked again every 300 s",
        "tokens are counted by the model server",
        "tokens are estimated: /tokenize answered HTTP 404; it is asked again every 300 s",
    ]


async def test_a_busy_tokenizer_is_not_forgotten(local: LocalServer, model: OpenAIChatModel) -> None:
    """A server that fails for the moment isn't taken for one without a tokenizer."""
    local.says("/tokenize", {}, 503)
    with pytest.raises(ModelUnavailable):
        await model.count_tokens("x")
    local.says("/tokenize", {"count": 1})
    assert await model.count_tokens("x") == 1


async def test_limits(local: LocalServer, model: OpenAIChatModel) -> None:
    """An adapter has its base model's context; an unknown name is refused with the names that exist."""
    cards = [{"id": "base", "max_model_len": 2048}, {"id": "phyassist", "parent": "base"}, {"id": "odd"}]
    local.says("/v1/models", {"data": cards})
    limits = await model.limits("phyassist")
    assert (limits.context_tokens, limits.served) == (2048, ("base", "phyassist", "odd"))
    assert (await model.limits("odd")).context_tokens == DEFAULT_CONTEXT_TOKENS
    with pytest.raises(ModelRefused, match="'gone'; it has base, phyassist, odd"):
        await model.limits("gone")


@pytest.mark.parametrize(
    ("status", "body", "ready"), [(200, {"data": [{"id": "base"}]}, True), (200, {"data": []}, False), (503, {}, False)]
)
async def test_ready(local: LocalServer, model: OpenAIChatModel, status: int, body: Any, ready: bool) -> None:
    """Ready is a server that lists a model."""
    local.says("/v1/models", body, status)
    assert await model.ready() is ready


async def test_nothing_is_logged(local: LocalServer, model: OpenAIChatModel, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever level is set, neither the prompt, the answer nor the key reaches a log."""
    caplog.set_level(logging.DEBUG)
    local.streams(piece(PLANTED), end(), "[DONE]")
    await collect(model)
    assert PLANTED not in caplog.text
    assert "secret-key" not in caplog.text


@pytest.mark.parametrize(
    ("text", "least"), [("", 0), ("Sleeps badly since March.", 7), ("睡眠很差", 4), ("🙂", 4), ("2026-03-01", 10), ("\ud800", 1)]
)
def test_estimates_are_on_the_safe_side(text: str, least: int) -> None:
    """An estimate is at least what Llama-family tokenizers make of the text."""
    assert estimate_tokens(text) >= least


@given(st.text(st.characters(max_codepoint=255) | st.sampled_from("睡🙂\ud800\u2028")))
def test_an_estimate_is_of_each_sign(text: str) -> None:
    """Three ASCII letters or spaces a token, and one for each byte of all else."""
    words = [sign for sign in text if sign.isascii() and (sign.isalpha() or sign.isspace())]
    rest = sum(len(sign.encode(errors="replace")) for sign in text if sign not in words)
    assert estimate_tokens(text) == math.ceil(len(words) / 3) + rest


async def test_whole_prompts_are_counted(local: LocalServer, model: OpenAIChatModel) -> None:
    """A prompt's length is counted with its chat template, by the server; where it counts none, the estimate allows for the template."""
    local.says("/tokenize", {"count": 21})
    assert await model.count_prompt(MESSAGES, "base") == 21
    assert local.bodies[-1] == {"model": "base", "messages": MESSAGES}
    assert await model.count_prompt("Why?", "base") == 21
    assert local.bodies[-1] == {"model": "base", "prompt": "Why?"}
    local.says("/tokenize", {}, status=404)
    assert await model.count_prompt(MESSAGES, "base") == estimate_tokens(PLANTED) + TEMPLATE_TOKENS


async def test_served_models_are_listed(local: LocalServer, model: OpenAIChatModel) -> None:
    """Every name that a server answers to, in its own order."""
    local.says("/v1/models", {"data": [{"id": "base"}, {"id": "phyassist", "parent": "base"}]})
    assert await model.served() == ("base", "phyassist")
