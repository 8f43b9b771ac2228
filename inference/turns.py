"""The model server on GPUs that it shares with a training: it serves, finishes what it writes, stops, and comes back."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable

import httpx

from inference.errors import InferenceError
from inference.sharing import Gpus
from inference.supervisor import FIRST_PAUSE_S, LONGEST_PAUSE_S, ModelServer, Progress

DRAIN_S = 300.0
"""How long answers under way may take before the server stops all the same; the bot writes those again afterwards."""
POLL_S = 0.5
_REQUESTS = re.compile(r"^vllm:num_requests_(?:running|waiting)(?:{[^}]*})? (\S+)$", re.MULTILINE)


async def serve_in_turns(
    server: ModelServer, gpus: Gpus, say: Progress, on_ready: Callable[[], Awaitable[None]], drain_s: float = DRAIN_S
) -> None:
    """Serves whenever no training wants the GPUs; runs until cancelled. `on_ready` is called after each start.

    Raises:
        PortTaken, ServerFailed: the first start failed. A later one is tried again, for there is nobody to tell at night.
    """
    began, pause_s = False, FIRST_PAUSE_S
    while True:
        if gpus.wanted:
            say("a training has the GPUs; the model server starts when it is over")
        try:
            async with gpus.for_serving(), server:
                began, pause_s = True, FIRST_PAUSE_S
                await on_ready()
                await gpus.until_wanted()
                say("a training wants the GPUs: finishing the answers under way")
                await until_idle(server.url, drain_s)
        except InferenceError as error:
            if not began:
                raise
            say(f"{error}; trying again in {pause_s:.0f} s")
            await asyncio.sleep(pause_s)
            pause_s = min(LONGEST_PAUSE_S, pause_s * 2)
        else:
            say("the model server stopped for the training")


async def until_idle(url: str, longest_s: float) -> None:
    """Returns when the server at `url` writes no answer, or after `longest_s` seconds, or when it can't be asked."""
    deadline = time.monotonic() + longest_s
    async with httpx.AsyncClient(trust_env=False) as http:
        while time.monotonic() < deadline:
            try:
                text = (await http.get(url.rstrip("/").removesuffix("/v1") + "/metrics")).text
            except httpx.HTTPError:
                return
            if not any(float(value) for value in _REQUESTS.findall(text)):
                return
            await asyncio.sleep(POLL_S)
