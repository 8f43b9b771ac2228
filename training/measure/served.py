"""The server that is asked, and what is asked for: one adapter, or the base without one."""

from dataclasses import dataclass, field

from inference.note import NoteLimits


@dataclass(frozen=True)
class ServedModel:
    """One model of a running server.

    `base` names the weights that serve, such as their hash, and `base_name` what the server calls them. `adapter` is the adapter's
    name on the server, None for the base alone. `trained_on` are the cases that the adapter learned from, those of its ancestors included.
    """

    url: str
    base: str
    adapter: str | None = None
    trained_on: tuple[str, ...] = ()
    base_name: str = "base"
    api_key: str | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """What the server is asked for."""
        return self.adapter or self.base_name


@dataclass(frozen=True)
class Asking:
    """How answers are asked for: as the bot does, or the scores say nothing about it."""

    max_tokens: int = 700
    limits: NoteLimits = field(default_factory=NoteLimits)
    at_once: int = 4
    """Requests at a time: little enough that counselors on the same server don't notice."""
    timeout_s: float = 300.0
    priority: int = 10
    """Behind every counselor's answer, which has 0."""
