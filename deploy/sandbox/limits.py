"""Slack's rate limits, when they are switched on: calls a minute for each method, and messages a second in one channel."""

import math
import time
from collections import defaultdict, deque
from collections.abc import Callable

from deploy.sandbox.errors import RateLimited

MINUTE_S = 60.0
DEFAULT_A_MINUTE = 50
A_MINUTE = {
    "chat.update": 50,
    "chat.delete": 50,
    "chat.postEphemeral": 100,
    "chat.getPermalink": 1000,
    "auth.test": 600,
    "api.test": 600,
    "users.info": 100,
    "conversations.members": 100,
    "usergroups.list": 20,
    "usergroups.users.list": 20,
    "users.list": 20,
    "conversations.list": 20,
    "views.open": 100,
    "views.push": 100,
    "views.update": 100,
    "views.publish": 100,
    "files.getUploadURLExternal": 100,
    "files.completeUploadExternal": 100,
    "files.info": 100,
    "assistant.threads.setStatus": 600,
    "apps.connections.open": 20,
}
POST_BURST, POST_WINDOW_S = 5, 5.0  # about one message a second in a channel, with a short burst


class RateLimits:
    """Sliding windows, one for each method, one for each channel's new messages."""

    def __init__(self, enabled: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        self.enabled = enabled
        self._clock = clock
        self._calls: dict[str, deque[float]] = defaultdict(deque)

    def check(self, method: str, channel: str | None = None) -> None:
        """Count a call; raises RateLimited when there were too many."""
        if not self.enabled:
            return
        if method == "chat.postMessage":
            self._count(f"post {channel}", POST_BURST, POST_WINDOW_S)
        else:
            self._count(method, A_MINUTE.get(method, DEFAULT_A_MINUTE), MINUTE_S)

    def _count(self, key: str, most: int, window_s: float) -> None:
        calls, now = self._calls[key], self._clock()
        while calls and calls[0] <= now - window_s:
            calls.popleft()
        if len(calls) >= most:
            raise RateLimited(max(1, math.ceil(calls[0] + window_s - now)))
        calls.append(now)
