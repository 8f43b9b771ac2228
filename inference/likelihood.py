"""How likely a model finds given text, token by token, as the model server computes it.

vLLM's own routes and fields (`/tokenize`, `prompt_logprobs`, prompts of token ids), so only for a server of ours. The chat template is
the server's: what is measured is what is served. No exception holds a word of a prompt or an answer.
"""

import asyncio
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import httpx

from inference.errors import ModelRefused, ModelUnavailable, UnknownModel
from inference.prompt import Message

TRIES = 3
"""How often a request is made before the server counts as away."""
PAUSE_S = 1.0
"""Before the second try; doubled before the third."""


@dataclass(frozen=True)
class Tokens:
    """A prompt and what follows it, as token ids; `context` is how many of both the model takes."""

    prompt: tuple[int, ...]
    answer: tuple[int, ...]
    context: int

    @property
    def fits(self) -> bool:
        """The server takes all of it, and the one token that it must write."""
        return len(self.prompt) + len(self.answer) < self.context


class Likelihood:
    """A connection to a model server; use it with `async with`."""

    def __init__(self, url: str, api_key: str | None, timeout_s: float = 120.0, priority: int = 0) -> None:
        """`url` as for the client, ending in `/v1`. A lower `priority` runs sooner; counselors' answers have 0."""
        self._url = url.rstrip("/")
        self._priority = {"priority": priority} if priority else {}
        self._http = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {api_key}"} if api_key else {},
            timeout=timeout_s,
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        """Nothing to open."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def tokens(self, model: str, messages: Sequence[Message], answer: str = "") -> Tokens:
        """The prompt as the server's template makes it, and an answer to it with the template's own end mark.

        Without an answer the second part is empty.

        Raises:
            ModelRefused: the template doesn't put the answer behind the prompt, or the server refuses the messages.
            ModelUnavailable, UnknownModel.
        """
        prompt = await self._tokenize(model, {"messages": list(messages), "add_generation_prompt": True})
        asked = tuple(prompt["tokens"])
        if not answer:
            return Tokens(asked, (), int(prompt["max_model_len"]))
        said = [*messages, Message(role="assistant", content=answer)]
        whole = tuple((await self._tokenize(model, {"messages": said, "add_generation_prompt": False}))["tokens"])
        if whole[: len(asked)] != asked:
            raise ModelRefused("the model's chat template changes the prompt when an answer follows, so the answer can't be told from it")
        return Tokens(asked, whole[len(asked) :], int(prompt["max_model_len"]))

    async def plain_tokens(self, model: str, text: str) -> tuple[int, ...]:
        """The tokens of a text by itself, without special ones. Raises: ModelUnavailable, ModelRefused."""
        return tuple((await self._tokenize(model, {"prompt": text, "add_special_tokens": False}))["tokens"])

    async def logprobs(self, model: str, ids: Sequence[int]) -> tuple[float, ...]:
        """The log probability of each token after the first, given those before it; NaN where the server sent none.

        Raises:
            UnknownModel: the server has no such adapter.
            ModelRefused: it refuses the request, as for too many tokens.
            ModelUnavailable: it doesn't answer.
        """
        body = {"model": model, "prompt": list(ids), "max_tokens": 1, "temperature": 0.0, "prompt_logprobs": 0, **self._priority}
        found = (await self._post(f"{self._url}/completions", body))["choices"][0]["prompt_logprobs"][1:]
        return tuple(_of_token(place, token) for place, token in zip(found, ids[1:], strict=True))

    async def continued(self, model: str, ids: Sequence[int], max_tokens: int) -> str:
        """What the model writes behind these tokens at temperature 0. Raises: as `logprobs`."""
        body = {"model": model, "prompt": list(ids), "max_tokens": max_tokens, "temperature": 0.0, **self._priority}
        return str((await self._post(f"{self._url}/completions", body))["choices"][0]["text"])

    async def _tokenize(self, model: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return await self._post(f"{self._url.removesuffix('/v1')}/tokenize", {"model": model, **body})

    async def _post(self, url: str, body: Mapping[str, Any]) -> dict[str, Any]:
        for left in reversed(range(TRIES)):
            try:
                response = await self._http.post(url, json=body)
            except httpx.TransportError as error:
                if not left:
                    raise ModelUnavailable(f"the model server doesn't answer ({type(error).__name__})") from error
            else:
                if response.is_success:
                    value: dict[str, Any] = response.json()
                    return value
                _raise_for_good(response.status_code, str(body["model"]))
                if not left:
                    raise ModelUnavailable(f"the model server can't answer now (HTTP {response.status_code})")
            await asyncio.sleep(PAUSE_S * 2 ** (TRIES - 1 - left))
        raise AssertionError("the last try returns or raises")


def _of_token(place: Mapping[str, Any] | None, token: int) -> float:
    """`place` has the probability of the token that stands there, and of a likelier one where vLLM is asked for it."""
    entry = (place or {}).get(str(token)) or {}
    value = entry.get("logprob")
    return math.nan if value is None else float(value)


def _raise_for_good(status: int, model: str) -> None:
    """Raises what asking again wouldn't change."""
    if status == httpx.codes.NOT_FOUND:
        raise UnknownModel(f"the model server has no model named {model!r}")
    if 400 <= status < 500 and status not in {httpx.codes.TOO_MANY_REQUESTS, httpx.codes.REQUEST_TIMEOUT}:
        raise ModelRefused(f"the model server refused the request (HTTP {status})")
