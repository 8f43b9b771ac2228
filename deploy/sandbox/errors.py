"""Errors of the sandbox.

SandboxError
├── SlackRefusal       the Web API answers {"ok": false, "error": …}; names are Slack's own
├── RateLimited        the Web API answers 429 with Retry-After
└── CannotDo           a person's action is impossible (no such channel, button, view)
"""

from collections.abc import Sequence


class SandboxError(Exception):
    """Base of all; messages never hold message text."""


class SlackRefusal(SandboxError):
    """The Web API refuses a call; `error` is Slack's name, `details` its response_metadata messages."""

    def __init__(self, error: str, details: Sequence[str] = ()) -> None:
        super().__init__(error)
        self.error = error
        self.details = tuple(details)


class RateLimited(SandboxError):
    """Too many calls; try again after `retry_after` whole seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"ratelimited, retry after {retry_after} s")
        self.retry_after = retry_after


class CannotDo(SandboxError):
    """A person's action is impossible; `reason` is a short name such as channel_not_found."""

    def __init__(self, reason: str, details: Sequence[str] = ()) -> None:
        super().__init__(reason)
        self.reason = reason
        self.details = tuple(details)
