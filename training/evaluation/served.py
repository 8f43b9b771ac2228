"""Answers of a model that a server serves, by the OpenAI protocol: the project's own vLLM, or any other.

Several questions are asked at once. A server that is away for a moment, as while it restarts, is asked again; what goes wrong for good is
told without a word of a prompt. No seed is sent: vLLM's engine for CPUs dies of one together with a temperature (DECISIONS.md), so above
temperature 0 chance is the server's.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

import httpx

from training.evaluation.predictions import Answer
from training.evaluation.questions import Question
from training.evaluation.source import Decoding, trimmed, turns_of
from training.workbench.config import Render
from training.workbench.errors import WorkbenchError

PAUSES_S = (1.0, 4.0, 15.0, 60.0)
"""Before a question is asked again of a server that was away."""
CHUNK = 8
"""Questions that are planned together, times those that are asked at once: between chunks nobody waits for long."""


class ServedSource:
    """A model of a server. `url` ends in the API's version, `/v1`; `model` is the name of the base or of an adapter there."""

    def __init__(
        self,
        url: str,
        model: str,
        decoding: Decoding,
        at_once: int = 8,
        api_key: str | None = None,
        timeout_s: float = 300.0,
        pauses_s: Sequence[float] = PAUSES_S,
    ) -> None:
        logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs every request
        self._url, self._model, self._decoding, self._at_once = url.rstrip("/"), model, decoding, at_once
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._timeout_s, self._pauses_s = timeout_s, pauses_s

    def plan(self, questions: Sequence[Question]) -> list[Sequence[Question]]:
        """See `Source.plan`."""
        size = self._at_once * CHUNK
        return [questions[start : start + size] for start in range(0, len(questions), size)]

    def answers(self, batch: Sequence[Question]) -> list[Answer]:
        """See `Source.answers`."""
        return asyncio.run(self._answers(batch))

    async def _answers(self, batch: Sequence[Question]) -> list[Answer]:
        free = asyncio.Semaphore(self._at_once)
        local = httpx.URL(self._url).host in {"127.0.0.1", "::1", "localhost"}  # a proxy of the environment would catch these too
        async with httpx.AsyncClient(headers=self._headers, timeout=self._timeout_s, trust_env=not local) as http:

            async def one(question: Question) -> Answer:
                async with free:
                    return self._read(await self._post(http, *self._request(question)))

            try:
                async with asyncio.TaskGroup() as group:
                    tasks = [group.create_task(one(question)) for question in batch]
            except* WorkbenchError as failures:
                raise _first(failures) from None
        return [task.result() for task in tasks]

    def _request(self, question: Question) -> tuple[str, dict[str, Any]]:
        how = self._decoding
        body: dict[str, Any] = {"model": self._model, "max_tokens": how.max_new_tokens, "temperature": how.temperature, "top_p": how.top_p}
        body |= {"stop": list(how.stop)} if how.stop else {}
        if isinstance(question.prompt, str) and (question.plain or how.render is Render.PLAIN):
            return "completions", {**body, "prompt": question.prompt}
        return "chat/completions", {**body, "messages": [{"role": one.role, "content": one.content} for one in turns_of(question)]}

    async def _post(self, http: httpx.AsyncClient, route: str, body: dict[str, Any]) -> httpx.Response:
        for pause in (*self._pauses_s, None):
            try:
                response = await http.post(f"{self._url}/{route}", json=body)
            except httpx.TransportError as error:
                away = f"does not answer ({type(error).__name__})"
            else:
                if response.is_success:
                    return response
                _refuse(response.status_code, self._model, route)
                away = f"can't answer now (HTTP {response.status_code})"
            if pause is not None:
                await asyncio.sleep(pause)
        raise WorkbenchError(f"the model server {away}: start it, then repeat the command, which goes on where it was")

    def _read(self, response: httpx.Response) -> Answer:
        try:
            body = response.json()
            choice = body["choices"][0]
            text = choice["message"]["content"] if "message" in choice else choice["text"]
        except (ValueError, KeyError, IndexError, TypeError):  # no JSON, or another one
            raise WorkbenchError("the server's answer is not of the OpenAI protocol: --url ends in /v1 as a rule") from None
        tokens = (body.get("usage") or {}).get("completion_tokens")
        return Answer(trimmed(text or "", self._decoding.stop), tokens, choice.get("finish_reason") == "length")


def _refuse(status: int, model: str, route: str) -> None:
    """Raises what asking again wouldn't change."""
    if status == httpx.codes.NOT_FOUND:
        raise WorkbenchError(f"the model server has no model named {model}, or no /{route}: see its /v1/models")
    if status in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
        raise WorkbenchError(f"the model server wants another API key (HTTP {status})")
    if 400 <= status < 500 and status not in {httpx.codes.TOO_MANY_REQUESTS, httpx.codes.REQUEST_TIMEOUT}:
        raise WorkbenchError(f"the model server refused a question (HTTP {status}): prompt and answer may be longer than its context")


def _first(failures: BaseExceptionGroup[WorkbenchError]) -> WorkbenchError:
    for failure in failures.exceptions:
        return _first(failure) if isinstance(failure, BaseExceptionGroup) else failure
    raise AssertionError("a group holds at least one")
