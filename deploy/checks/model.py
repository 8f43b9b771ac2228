"""The model server: knows the model, and writes a token."""

import time
from collections.abc import AsyncIterator

from bot.settings import InferenceSettings
from deploy.checks.finding import Finding, note, ok, problem
from inference.client import ChatModel, Delta, OpenAIChatModel
from inference.errors import InferenceError, ModelRefused
from inference.prompt import Message

SUBJECT = "Model server"
PATIENCE_S = 30.0
PROMPT: list[Message] = [{"role": "user", "content": "Hello"}]


async def check_model(settings: InferenceSettings) -> AsyncIterator[Finding]:
    """Ask for the model's limits, then for one token."""
    key = settings.api_key.get_secret_value() if settings.api_key else None
    client = OpenAIChatModel(settings.url, key, timeout_s=min(settings.timeout, PATIENCE_S))
    try:
        limits = await client.limits(settings.model)
        yield ok(SUBJECT, f"{settings.url} has {', '.join(limits.served)}")
        yield _context(settings, limits.context_tokens)
        yield await _one_token(client, settings.model)
    except ModelRefused as error:
        yield problem(SUBJECT, f"{settings.url}: {error}", "Set PHYASSIST_INFERENCE__MODEL (or __API_KEY) to what the server accepts.")
    except InferenceError as error:
        mend = "Start one with `phyassist model serve`, or set PHYASSIST_INFERENCE__URL to any OpenAI-compatible server."
        yield problem(SUBJECT, f"{settings.url}: {error}", mend)
    finally:
        await client.close()


async def _one_token(client: ChatModel, model: str) -> Finding:
    started = time.perf_counter()
    first: float | None = None
    async for event in client.stream(PROMPT, model=model, max_tokens=1, schema=None):
        if isinstance(event, Delta) and first is None:
            first = time.perf_counter() - started
    if first is None:
        return problem(SUBJECT, f"{model} answered without a token", "Look into the model server's log.")
    return ok(SUBJECT, f"{model} wrote a token after {first * 1000:.0f} ms")


def _context(settings: InferenceSettings, reported: int) -> Finding:
    used = settings.context_tokens or reported
    text = f"{used} tokens of context, {settings.max_tokens} of them for an answer"
    if used > reported:
        return problem(SUBJECT, f"{text}, but the server takes {reported}", "Set PHYASSIST_INFERENCE__CONTEXT_TOKENS to 0.")
    if settings.max_tokens * 2 > used:
        return note(SUBJECT, text, "Less than half is left for the case: lower PHYASSIST_INFERENCE__MAX_TOKENS.")
    return ok(SUBJECT, text)
