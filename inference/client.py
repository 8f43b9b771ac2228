"""The streaming client of the model server, or of any other OpenAI-compatible server.

It sends the standard fields only; what is vLLM's own (`priority`, `cache_salt`) goes out only when asked for. No exception
and no log line holds a word of a prompt or an answer.
"""

import json
import logging
import math
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address
from typing import Any, Protocol

import httpx

from inference.errors import InferenceError, ModelRefused, ModelUnavailable, StreamBroken, UnknownModel
from inference.prompt import TEMPLATE_TOKENS, Message
from inference.tokens import estimate_tokens

log = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 5.0
ESTIMATES_S = 300.0
"""How long tokens are estimated before a server that doesn't count them is asked again: it may just have restarted, or a proxy answered."""
DEFAULT_CONTEXT_TOKENS = 8192
"""Assumed where a server doesn't tell its context length; every model worth using has at least this."""


class FinishReason(StrEnum):
    """Why the model stopped writing."""

    STOP = "stop"
    LENGTH = "length"
    OTHER = "other"


@dataclass(frozen=True)
class Usage:
    """Tokens of one request; `cached_tokens` of the prompt came from the prefix cache, None where the server doesn't say."""

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int | None

    def __str__(self) -> str:
        """For logs."""
        cached = "" if self.cached_tokens is None else f" ({self.cached_tokens} from the cache)"
        return f"{self.prompt_tokens} tokens read{cached}, {self.completion_tokens} written"


@dataclass(frozen=True)
class Delta:
    """The next piece of the answer; never empty."""

    text: str


@dataclass(frozen=True)
class Finished:
    """The last event of every stream that went well."""

    reason: FinishReason
    usage: Usage | None


@dataclass(frozen=True)
class ModelLimits:
    """What a model can take: prompt and answer together, in tokens; and every model name that the server answers to."""

    context_tokens: int
    served: tuple[str, ...]


class ChatModel(Protocol):
    """A chat model that streams."""

    def stream(
        self,
        messages: Sequence[Message],
        *,
        model: str,
        max_tokens: int,
        schema: Mapping[str, Any] | None,
        priority: int = 0,
        cache_salt: str | None = None,
        temperature: float | None = None,
    ) -> AsyncIterator[Delta | Finished]:
        """The answer as it is written: some `Delta`s, then exactly one `Finished`.

        `schema` is a JSON schema that the answer is held to. A lower `priority` runs sooner, on servers that schedule by it. `temperature`
        takes the place of the client's own for this answer.
        Dropping, closing or cancelling the iterator closes the connection, which ends the generation on the server.

        Raises:
            ModelUnavailable: nobody answers, or not yet; nothing was streamed, the same request may succeed later.
            ModelRefused: the request itself is at fault.
            UnknownModel: the server has no such model, or not yet.
            StreamBroken: it broke off after the first event.
        """
        ...

    async def count_tokens(self, text: str) -> int:
        """The length of `text` in tokens, without special ones. Raises: ModelUnavailable."""
        ...

    async def limits(self, model: str) -> ModelLimits:
        """What `model` can take. Raises: ModelUnavailable, ModelRefused, UnknownModel."""
        ...

    async def ready(self) -> bool:
        """Whether the server answers and lists at least one model. Never raises."""
        ...


class OpenAIChatModel:
    """`ChatModel` over HTTP. `url` ends in the API's version, as in `http://127.0.0.1:8000/v1`.

    `timeout_s` bounds the wait for the first event and the silence between two events, not the whole answer.
    """

    def __init__(
        self, url: str, api_key: str | None, timeout_s: float, temperature: float = 0.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Open no connection yet. `temperature` 0 is greedy decoding; `clock` counts seconds."""
        for name in ("httpx", "httpcore"):  # they log every request, and headers with the key at DEBUG
            logging.getLogger(name).setLevel(logging.WARNING)
        self._url = url.rstrip("/")
        self._temperature = temperature
        self._clock = clock
        self._counts: bool | None = None  # whether the server counts tokens; None: nobody asked yet
        self._estimates_until = -math.inf
        self._http = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {api_key}"} if api_key else {},
            timeout=httpx.Timeout(timeout_s, connect=min(CONNECT_TIMEOUT_S, timeout_s), pool=None),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=32),
            trust_env=not _is_loopback(self._url),  # a proxy from the environment would catch 127.0.0.1 too
        )

    async def close(self) -> None:
        """Close all connections; streams under way break."""
        await self._http.aclose()

    async def stream(
        self,
        messages: Sequence[Message],
        *,
        model: str,
        max_tokens: int,
        schema: Mapping[str, Any] | None,
        priority: int = 0,
        cache_salt: str | None = None,
        temperature: float | None = None,
    ) -> AsyncIterator[Delta | Finished]:
        """See `ChatModel.stream`."""
        warmth = self._temperature if temperature is None else temperature
        body = _request_body(messages, model, max_tokens, warmth, schema, priority, cache_salt)
        async with aclosing(self._streamed("chat/completions", body)) as events:
            async for event in events:
                yield event

    async def stream_sampled(
        self, said: Sequence[Message] | str, *, model: str, max_tokens: int, sampling: Mapping[str, float]
    ) -> AsyncGenerator[Delta | Finished]:
        """As `stream`, for conversations that are no cases: `sampling` are fields of the request, and a text is gone on with
        as it stands, without a chat template. See `_request_body` for why a seed is not one of them."""
        if isinstance(said, str):
            path, body = "completions", {**_common(model, max_tokens), "prompt": _encodable(said)}
        else:
            path, body = "chat/completions", {**_common(model, max_tokens), "messages": _encodable_messages(said)}
        async with aclosing(self._streamed(path, {**body, **sampling})) as events:
            async for event in events:
                yield event

    async def _streamed(self, path: str, body: Mapping[str, Any]) -> AsyncGenerator[Delta | Finished]:
        """The events of a request, with what went wrong told as `ChatModel.stream` says."""
        began, reason, usage = False, None, None
        try:
            async with self._http.stream("POST", f"{self._url}/{path}", json=body) as response:
                await _raise_for_status(response)
                async for event in _events(response):
                    _raise_for_error_event(event, began)
                    began = True
                    usage = _usage(event) or usage
                    text, reason = _choice(event, reason)
                    if text:
                        yield Delta(text)
        except httpx.TransportError as error:
            if reason is None:
                kind = StreamBroken if began else ModelUnavailable
                raise kind(f"the connection to the model server failed ({type(error).__name__})") from error
        if reason is None:
            raise _unfinished(began)
        yield Finished(reason, usage)

    async def count_tokens(self, text: str) -> int:
        """By the server's own tokenizer, else `estimate_tokens` for a while; then the server is asked again. The log says which."""
        return await self._counted({"prompt": _encodable(text), "add_special_tokens": False}, estimate_tokens(text))

    async def count_prompt(self, said: Sequence[Message] | str, model: str) -> int:
        """The length of a whole prompt, as `stream_sampled` sends it: with chat template and special tokens. Raises: ModelUnavailable."""
        if isinstance(said, str):
            return await self._counted({"model": model, "prompt": _encodable(said)}, estimate_tokens(said))
        estimate = sum(estimate_tokens(message["content"]) + TEMPLATE_TOKENS for message in said)
        return await self._counted({"model": model, "messages": _encodable_messages(said)}, estimate)

    async def _counted(self, body: Mapping[str, Any], estimate: int) -> int:
        """The server's count, or the estimate where it gives none. Raises: ModelUnavailable."""
        if self._clock() >= self._estimates_until:
            root = self._url.removesuffix("/v1")
            response = await self._send("POST", f"{root}/tokenize", body)
            count = _json(response).get("count") if response.is_success else None
            if isinstance(count, int):
                self._note_counts(True, response.status_code)
                return count
            if response.status_code == httpx.codes.TOO_MANY_REQUESTS or response.is_server_error:
                raise ModelUnavailable(f"the model server can't count tokens now (HTTP {response.status_code})")
            self._estimates_until = self._clock() + ESTIMATES_S
            self._note_counts(False, response.status_code)
        return estimate

    def _note_counts(self, counts: bool, status: int) -> None:
        """Says in the log, once at each change, how long prompts are thought to be from now on."""
        if counts is self._counts:
            return
        self._counts = counts
        if counts:
            log.info("tokens are counted by the model server")
        else:
            log.warning("tokens are estimated: /tokenize answered HTTP %d; it is asked again every %.0f s", status, ESTIMATES_S)

    async def limits(self, model: str) -> ModelLimits:
        """See `ChatModel.limits`; an adapter has the limits of its base model."""
        cards = await self._cards()
        card = cards.get(model)
        if card is None:
            raise UnknownModel(f"the model server has no model named {model!r}; it has {', '.join(cards) or 'none'}")
        length = card.get("max_model_len") or cards.get(card.get("parent"), {}).get("max_model_len")
        return ModelLimits(length if isinstance(length, int) else DEFAULT_CONTEXT_TOKENS, tuple(cards))

    async def served(self) -> tuple[str, ...]:
        """Every model name that the server answers to, its own first. Raises: ModelUnavailable, ModelRefused."""
        return tuple(await self._cards())

    async def _cards(self) -> dict[str, Any]:
        """What the server tells of its models, by their names."""
        response = await self._send("GET", f"{self._url}/models", None)
        await _raise_for_status(response)
        listed = _json(response).get("data")
        return {card["id"]: card for card in listed or () if isinstance(card, dict) and isinstance(card.get("id"), str)}

    async def ready(self) -> bool:
        """See `ChatModel.ready`."""
        try:
            response = await self._send("GET", f"{self._url}/models", None)
        except InferenceError:
            return False
        return response.is_success and bool(_json(response).get("data"))

    async def _send(self, method: str, url: str, body: Mapping[str, Any] | None) -> httpx.Response:
        """One request with a whole answer. Raises: ModelUnavailable when none comes."""
        try:
            return await self._http.request(method, url, json=body)
        except httpx.TransportError as error:
            raise ModelUnavailable(f"the model server doesn't answer ({type(error).__name__})") from error


def _request_body(
    messages: Sequence[Message],
    model: str,
    max_tokens: int,
    temperature: float,
    schema: Mapping[str, Any] | None,
    priority: int,
    cache_salt: str | None,
) -> dict[str, Any]:
    """The request. It has no `seed`: on the CPU engine a seed with a temperature kills the server (vLLM 0.32)."""
    body: dict[str, Any] = {**_common(model, max_tokens), "messages": _encodable_messages(messages), "temperature": temperature}
    if schema is not None:
        named = {"name": "answer", "strict": True, "schema": schema}
        body["response_format"] = {"type": "json_schema", "json_schema": named}
    if priority:
        body["priority"] = priority
    if cache_salt is not None:
        body["cache_salt"] = cache_salt
    return body


def _common(model: str, max_tokens: int) -> dict[str, Any]:
    """What every request for a stream holds."""
    return {"model": model, "max_tokens": max_tokens, "stream": True, "stream_options": {"include_usage": True}}


async def _events(response: httpx.Response) -> AsyncIterator[dict[str, Any]]:
    """The JSON objects of a server-sent event stream, up to its end mark.

    Lines end at a newline byte only: `httpx.aiter_lines` would also split at U+2028 and its like inside an answer.
    """
    rest = b""
    async for chunk in response.aiter_bytes():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if not line.startswith(b"data:"):
                continue
            data = line[5:].strip()
            if data == b"[DONE]":
                return
            try:
                event = json.loads(data)
            except ValueError:
                raise StreamBroken("the model server sent an event that is not JSON") from None
            if isinstance(event, dict):
                yield event


def _choice(event: Mapping[str, Any], reason: FinishReason | None) -> tuple[str, FinishReason | None]:
    """The text of an event, and the finish reason known so far.

    Raises:
        StreamBroken: the server ended the generation itself, because it is shutting down or failed.
    """
    choices = event.get("choices") or [{}]
    text = (choices[0].get("delta") or {}).get("content") or choices[0].get("text") or ""
    given = choices[0].get("finish_reason")
    if given in {"abort", "error"}:
        raise StreamBroken("the model server gave up the answer")
    if given is None:
        return text, reason
    return text, FinishReason(given) if given in {"stop", "length"} else FinishReason.OTHER


def _usage(event: Mapping[str, Any]) -> Usage | None:
    """Token figures, which come with the last event or after it."""
    usage = event.get("usage")
    if not usage:
        return None
    cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens")
    return Usage(usage.get("prompt_tokens") or 0, usage.get("completion_tokens") or 0, cached)


def _unfinished(began: bool) -> InferenceError:
    """The error for a stream that ended in an orderly way, but without a finish reason."""
    if began:
        return StreamBroken("the answer ended without a finish reason")
    return ModelUnavailable("the model server closed the stream before it began")


async def _raise_for_status(response: httpx.Response) -> None:
    """Raise what the HTTP status means. Only the error's type is read from the body: its message may quote the prompt."""
    if response.is_success:
        return
    await response.aread()
    status = response.status_code
    if status >= 500 or status in {httpx.codes.TOO_MANY_REQUESTS, httpx.codes.REQUEST_TIMEOUT}:
        raise ModelUnavailable(f"the model server can't answer now (HTTP {status})")
    kind = UnknownModel if status == httpx.codes.NOT_FOUND else ModelRefused
    raise kind(f"the model server refused the request (HTTP {status}{_error_type(_json(response))})")


def _raise_for_error_event(event: Mapping[str, Any], began: bool) -> None:
    """Servers report a failure after the status line as an event of its own."""
    error = event.get("error")
    if not error:
        return
    code = error.get("code") if isinstance(error, dict) else None
    if not began and isinstance(code, int) and 400 <= code < 500:
        raise ModelRefused(f"the model server refused the request (code {code}{_error_type(event)})")
    kind = StreamBroken if began else ModelUnavailable
    raise kind(f"the model server failed while answering (code {code if isinstance(code, int) else 'unknown'})")


def _error_type(body: Mapping[str, Any]) -> str:
    """`, SomeError` from an error body, if it is a plain name; nothing that could hold a prompt's words."""
    error = body.get("error")
    name = error.get("type") if isinstance(error, dict) else None
    return f", {name}" if isinstance(name, str) and re.fullmatch(r"[A-Za-z_]{1,40}", name) else ""


def _json(response: httpx.Response) -> dict[str, Any]:
    """The body as an object; empty where it is something else."""
    try:
        value = response.json()
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _encodable(text: str) -> str:
    """`text` without halves of surrogate pairs, which JSON in UTF-8 can't carry; a `?` stands for each."""
    return text.encode(errors="replace").decode()


def _encodable_messages(messages: Sequence[Message]) -> list[dict[str, str]]:
    return [{"role": message["role"], "content": _encodable(message["content"])} for message in messages]


def _is_loopback(url: str) -> bool:
    host = httpx.URL(url).host
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
