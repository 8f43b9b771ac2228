"""What a model server does with adapters, without one: names, directories, and likelihoods that are the same each time."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from inference.errors import ModelUnavailable
from inference.likelihood import Tokens
from inference.prompt import Message
from inference.service import Served
from tests.support.adapters import SMALL


@dataclass
class AdapterServer:
    """Has the interfaces of `AdapterControl` and `Likelihood`; `away` is a server that is not there."""

    adapters: dict[str, str] = field(default_factory=dict)
    away: bool = False
    changes: list[str] = field(default_factory=list)

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Served]:
        if self.away:
            raise ModelUnavailable("the model server doesn't answer (ConnectError)")
        yield Served(self, self, "base", SMALL, 16)  # type: ignore[arg-type]  # the same interfaces

    async def loaded(self) -> dict[str, str]:
        return dict(self.adapters)

    async def bring_in(self, name: str, directory: Path) -> None:
        self.adapters[name] = str(directory)
        self.changes.append(f"+{name}")

    async def unload(self, name: str) -> None:
        self.adapters.pop(name, None)
        self.changes.append(f"-{name}")

    async def canary(self, name: str) -> None:
        return None

    async def tokens(self, model: str, messages: Sequence[Message], answer: str = "") -> Tokens:
        return Tokens((1, 2), (3,), 100)

    async def logprobs(self, model: str, tokens: Sequence[int]) -> tuple[float, ...]:
        return (-1.0, -2.0)
