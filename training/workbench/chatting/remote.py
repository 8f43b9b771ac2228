"""A model behind an OpenAI-compatible URL: the project's own vLLM server with its base and its adapters, or any other."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from inference.client import Delta, Finished, OpenAIChatModel
from inference.errors import InferenceError
from training.workbench.chatting.settings import Sampling
from training.workbench.chatting.styles import Prompt
from training.workbench.errors import WorkbenchError

TIMEOUT_S = 120.0
"""For the first words of an answer, and between two of them; a CPU reads a long conversation for minutes."""


class RemoteModel:
    """`LanguageModel` over HTTP. Close it at the end."""

    has_template = True
    """Servers that have none refuse messages, and say so; text goes to them as it is."""
    takes_seed = False
    """vLLM's CPU engine dies of a seed together with a temperature (vLLM 0.32); nobody's notes shall wait for a demonstration."""

    def __init__(self, client: OpenAIChatModel, name: str, context_tokens: int) -> None:
        """Talk to the server's model of this name."""
        self.name, self.context_tokens = name, context_tokens
        self._client = client

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def count(self, prompt: Prompt) -> int:
        """See `LanguageModel.count`; estimated where the server counts none."""
        return await self._client.count_prompt(prompt, self.name)

    async def stream(self, prompt: Prompt, sampling: Sampling) -> AsyncGenerator[Delta | Finished]:
        """See `LanguageModel.stream`."""
        drawn = self._client.stream_sampled(prompt, model=self.name, max_tokens=sampling.max_tokens, sampling=_fields(sampling))
        async with aclosing(drawn) as events:
            async for event in events:
                yield event


async def connect(url: str, api_key: str | None, name: str | None) -> RemoteModel:
    """The model of this name at `url`, which ends in the API's version; None is the first that the server lists, its base.

    Raises:
        WorkbenchError: nobody answers there, or it has no such model.
    """
    client = OpenAIChatModel(url, api_key, TIMEOUT_S)
    try:
        chosen = name or next(iter(await client.served()), "")
        limits = await client.limits(chosen)
    except InferenceError as error:
        await client.close()
        raise WorkbenchError(f"{url}: {error}") from None
    return RemoteModel(client, chosen, limits.context_tokens)


def _fields(sampling: Sampling) -> dict[str, float]:
    """The fields of a request. Those that are vLLM's own go out only where they change something: other servers refuse them."""
    fields: dict[str, float] = {"temperature": sampling.temperature, "top_p": sampling.top_p}
    if sampling.top_k:
        fields["top_k"] = sampling.top_k
    if sampling.repetition_penalty != 1:
        fields["repetition_penalty"] = sampling.repetition_penalty
    return fields
