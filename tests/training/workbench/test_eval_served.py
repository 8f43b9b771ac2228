"""Answers over HTTP: from a server on this machine that fails in every way, and from the real model server."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.model_fixtures import ADAPTER
from tests.support.model_server import BackgroundServer, a_free_port
from training.evaluation.asked import Asked
from training.evaluation.predict import predict
from training.evaluation.predictions import Answer, read_predictions
from training.evaluation.questions import Question, questions_of
from training.evaluation.scores import score_answers
from training.evaluation.served import ServedSource
from training.evaluation.source import Decoding
from training.workbench.config import Dtype, Render
from training.workbench.errors import WorkbenchError
from training.workbench.rows import PromptCompletion

QUESTIONS = questions_of([PromptCompletion(f"She sleeps badly since week {number}.", "A diary.") for number in range(5)])


class Server:
    """An OpenAI-compatible server that answers a prompt's length; it first gives the statuses of `fails`, one for each request."""

    def __init__(self) -> None:
        self.url = f"http://127.0.0.1:{a_free_port()}/v1"
        self.fails: list[int] = []
        self.asked: list[dict[str, Any]] = []

    async def answer(self, request: web.Request) -> web.Response:
        """One answer, or one failure."""
        if self.fails and (status := self.fails.pop(0)):
            if status == 200:
                return web.Response(text="<p>She sleeps badly</p>", content_type="text/html")
            return web.json_response({"error": {"message": "She sleeps badly"}}, status=status)
        body = await request.json()
        self.asked.append({"path": request.path, "authorization": request.headers.get("Authorization"), **body})
        text = body.get("prompt") or "".join(one["content"] for one in body.get("messages", []))
        said = (
            {"text": f" {len(text)} "}
            if request.path.endswith("/completions") and "prompt" in body
            else {"message": {"content": f" {len(text)} "}}
        )
        return web.json_response({"choices": [{**said, "finish_reason": "length"}], "usage": {"completion_tokens": 2}})


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """The server, in a thread of its own."""
    served, loop, ready = Server(), asyncio.new_event_loop(), threading.Event()
    app = web.Application()
    app.router.add_post("/v1/{tail:.*}", served.answer)

    async def start() -> web.AppRunner:
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", int(served.url.split(":")[2].split("/")[0])).start()
        return runner

    def run() -> None:
        runner = loop.run_until_complete(start())
        ready.set()
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    ready.wait()
    yield served
    loop.call_soon_threadsafe(loop.stop)
    thread.join()


@pytest.fixture(autouse=True)
def fresh(server: Server) -> None:
    """No test sees another's requests."""
    server.fails, server.asked = [], []


def a_source(server: Server, **changes: Any) -> ServedSource:
    """A source that waits for nobody."""
    return ServedSource(server.url, "m", Decoding(7, seed=3, **changes), at_once=2, api_key="key", pauses_s=(0.0, 0.0))


def test_questions_are_asked_as_chats_or_plain(server: Server) -> None:
    """The answer, its tokens and whether it was cut, in order; model, key, stops and limits go along, and no seed."""
    length = len(str(QUESTIONS[0].prompt))
    assert a_source(server).answers(QUESTIONS) == [Answer(str(length), 2, True)] * 5
    assert {one["path"] for one in server.asked} == {"/v1/chat/completions"}
    first = server.asked[0]
    assert (first["model"], first["max_tokens"], first["temperature"], first.get("seed")) == ("m", 7, 0.0, None)
    assert first["authorization"] == "Bearer key"
    server.asked.clear()
    assert a_source(server, render=Render.PLAIN, stop=("<human>:",)).answers(QUESTIONS[:1]) == [Answer(str(length), 2, True)]
    assert (server.asked[0]["path"], server.asked[0]["stop"]) == ("/v1/completions", ["<human>:"])


def test_a_server_that_is_away_is_asked_again(server: Server) -> None:
    """Overload and restarts pass; a server that stays away is told, without a word of a prompt."""
    server.fails = [503, 429]
    assert len(a_source(server).answers(QUESTIONS[:1])) == 1
    server.fails = [503] * 9
    with pytest.raises(WorkbenchError, match=r"can't answer now \(HTTP 503\).*repeat the command") as error:
        a_source(server).answers(QUESTIONS)
    assert "sleeps" not in str(error.value)
    with pytest.raises(WorkbenchError, match="does not answer"):
        ServedSource(f"http://127.0.0.1:{a_free_port()}/v1", "m", Decoding(), pauses_s=()).answers(QUESTIONS[:1])


@pytest.mark.parametrize(
    ("status", "told"), [(404, "no model named m"), (401, "API key"), (400, "refused a question"), (200, "OpenAI protocol")]
)
def test_what_asking_again_would_not_change_is_told_at_once(server: Server, status: int, told: str) -> None:
    """A wrong name, a wrong key, a prompt that is too long, a page in place of an answer; in no word of it."""
    server.fails = [status]
    with pytest.raises(WorkbenchError, match=told) as error:
        a_source(server).answers(QUESTIONS[:1])
    assert "sleeps" not in str(error.value)
    assert server.asked == []


def test_a_run_over_http_goes_on_too(server: Server, tmp_path: Path) -> None:
    """Broken off, it asks only for what is missing."""

    class Small(ServedSource):
        def plan(self, questions: Any) -> list[list[Question]]:
            return [[one] for one in questions]

    source = Small(server.url, "m", Decoding(7), pauses_s=())
    server.fails = [0, 0, 500]
    with pytest.raises(WorkbenchError):
        predict(source, QUESTIONS, {"model": "m"}, tmp_path / "p", score_answers)
    assert len(server.asked) == 2
    predict(source, QUESTIONS, {"model": "m"}, tmp_path / "p", score_answers)
    assert len(server.asked) == 5
    assert len(read_predictions(tmp_path / "p").predictions) == 5


@pytest.mark.server
def test_the_real_server_answers_as_the_model_in_this_process(
    model_server: BackgroundServer, model_directory: Path, adapter_directory: Path
) -> None:
    """The same prompts, template and adapter: at temperature 0 what vLLM writes begins as what transformers writes."""
    decoding, questions = Decoding(max_new_tokens=12), QUESTIONS[:3]
    served = Asked(ADAPTER, (), decoding, url=model_server.url).source().answers(questions)
    local = Asked(str(model_directory), (str(adapter_directory),), decoding, dtype=Dtype.FP32).source()
    here = [local.answers([question])[0] for question in questions]
    assert [one.tokens for one in served] == [one.tokens for one in here]
    assert sum(one.text[:20] == two.text[:20] for one, two in zip(served, here, strict=True)) >= 2
    with pytest.raises(WorkbenchError, match="no model named nobody"):
        Asked("nobody", (), decoding, url=model_server.url).source().answers(questions)
