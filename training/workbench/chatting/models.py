"""What a conversation needs of a model, wherever it runs."""

from collections.abc import AsyncGenerator
from typing import Protocol

from inference.client import Delta, Finished
from training.workbench.chatting.settings import Sampling
from training.workbench.chatting.styles import Prompt


class LanguageModel(Protocol):
    """A model that writes text piece by piece."""

    @property
    def name(self) -> str:
        """What it is called on screens and in reports."""
        ...

    @property
    def context_tokens(self) -> int:
        """What it can take: prompt and answer together, in tokens."""
        ...

    @property
    def has_template(self) -> bool:
        """Whether it takes messages; else only text."""
        ...

    @property
    def takes_seed(self) -> bool:
        """Whether a seed decides its answers."""
        ...

    async def count(self, prompt: Prompt) -> int:
        """The length of a prompt in tokens, by the model's own tokenizer, special tokens included.

        Raises:
            ModelUnavailable: its server doesn't answer.
            WorkbenchError: its chat template doesn't take these messages.
        """
        ...

    def stream(self, prompt: Prompt, sampling: Sampling) -> AsyncGenerator[Delta | Finished]:
        """The answer as it is written: some `Delta`s, then exactly one `Finished`. Closing or cancelling the iterator ends the writing.

        Raises:
            ModelUnavailable, ModelRefused, StreamBroken: its server failed.
            WorkbenchError: the model can't go on.
        """
        ...
