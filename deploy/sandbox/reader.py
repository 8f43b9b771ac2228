"""A client that reads a running sandbox: what people see, what happened, what went over the wire."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from types import TracebackType
from typing import Any, Self

import httpx

from deploy.sandbox.errors import CannotDo, SandboxError
from deploy.sandbox.faults import Faults
from deploy.sandbox.model import Json
from deploy.sandbox.seen import Posted, Views

POLL_S = 20.0

Predicate = Callable[[Posted], bool]


class SandboxReader:
    """Reads a running sandbox; users and channels may be named by id or by name.

    Methods raise CannotDo when the sandbox refuses, with Slack's short reason, and TimeoutError when a wait is in vain.
    """

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url.rstrip("/")
        self._http = httpx.AsyncClient(base_url=self.base_url, timeout=90.0, trust_env=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def faults(self) -> Faults:
        """Return the faults in force."""
        return Faults.model_validate(await self._get("faults"))

    async def messages(self, channel: str, thread_ts: str | None = None) -> list[Posted]:
        """Return a channel's messages, replies included, or one thread with its first message; oldest first."""
        return (await self._messages("messages", channel=channel, thread_ts=thread_ts))[1]

    async def message(self, channel: str, ts: str) -> Posted:
        """Return one message; raises CannotDo(message_not_found)."""
        for message in await self.messages(channel):
            if message.ts == ts:
                return message
        raise CannotDo("message_not_found")

    async def ephemerals(self, user: str) -> list[Posted]:
        """Return what only this user sees, oldest first."""
        return (await self._messages("ephemerals", user=user))[1]

    async def views(self, user: str) -> Views:
        """Return a user's open modals and home tab."""
        return Views.of(await self._get("views", user=user))

    async def statuses(self) -> list[Json]:
        """Return the status lines shown under threads: channel, thread_ts, status."""
        return list(await self._get("statuses"))

    async def state(self) -> Json:
        """Return people, channels with members, groups, number of connections and events in flight."""
        return dict(await self._get("state"))

    async def channel(self, name: str) -> Json:
        """Return one channel with its members."""
        for channel in (await self.state())["channels"]:
            if name.removeprefix("#") in {channel["id"], channel.get("name")}:
                return dict(channel)
        raise CannotDo("channel_not_found")

    async def file(self, file_id: str) -> bytes:
        """Return the content of a file."""
        answer = await self._http.get(f"/sandbox/files/{file_id}")
        return answer.raise_for_status().content

    async def calls(self, since: int = 0) -> list[Json]:
        """Return Web API calls: n, at, method, status, error, ms."""
        return list(await self._get("calls", since=since))

    async def envelopes(self, since: int = 0) -> list[Json]:
        """Return delivery attempts: n, at, kind, type, event_id, attempt, failure, ms."""
        return list(await self._get("envelopes", since=since))

    async def statistics(self) -> Json:
        """Return counts, errors and times of Web API calls by method, and envelopes by outcome."""
        return dict(await self._get("statistics"))

    async def changes(self, since: int, timeout_s: float = 0.0, *, channel: str | None = None, user: str | None = None) -> list[Json]:
        """Return what happened after change number `since`, to one channel or user if named; waits up to `timeout_s` for the first."""
        return list(await self._get("changes", since=since, timeout=timeout_s, channel=channel, user=user))

    async def follow(self, since: int | None = None) -> AsyncIterator[Json]:
        """Yield each change as it happens, for ever."""
        seq = int((await self.state())["seq"]) if since is None else since
        while True:
            for change in await self.changes(seq, POLL_S):
                seq = int(change["seq"])
                yield change

    # Waiting

    async def wait_for(
        self,
        channel: str,
        matching: str | Predicate,
        *,
        thread_ts: str | None = None,
        user: str | None = "phyassist",
        timeout: float = 30.0,  # noqa: ASYNC109 - a person's patience, part of the question
    ) -> Posted:
        """Return the newest message that matches: a text contained in it (blocks included) or a predicate.

        Only messages of `user` (default the bot; None for anybody) count. Raises TimeoutError.
        """
        wanted = await self._user_id(user) if user else None
        chosen = _predicate(matching, wanted)
        return await self._wait("messages", chosen, timeout, channel=channel, thread_ts=thread_ts)

    async def wait_for_ephemeral(self, user: str, matching: str | Predicate, *, timeout: float = 30.0) -> Posted:  # noqa: ASYNC109
        """Return the newest ephemeral message of a user that matches. Raises TimeoutError."""
        return await self._wait("ephemerals", _predicate(matching, None), timeout, user=user)

    async def wait_for_view(self, user: str, callback_id: str | None = None, *, timeout: float = 30.0) -> Json:  # noqa: ASYNC109
        """Return a user's topmost modal, once there is one (with that callback_id). Raises TimeoutError."""
        deadline = time.monotonic() + timeout
        while True:
            views = await self.views(user)
            if views.top is not None and callback_id in {None, views.top["callback_id"]}:
                return views.top
            await self._news(views.seq, deadline, user=user)

    async def wait_connected(self, connections: int = 1, *, timeout: float = 30.0) -> None:  # noqa: ASYNC109
        """Wait until the app has connected. Raises TimeoutError."""
        deadline = time.monotonic() + timeout
        while int((await self.state())["connections"]) < connections:
            if time.monotonic() > deadline:
                raise TimeoutError("the app has not connected")
            await asyncio.sleep(0.05)  # connections are no change of the workspace: there is no event to wait for

    async def _wait(self, what: str, chosen: Predicate, timeout_s: float, **query: Any) -> Posted:
        deadline = time.monotonic() + timeout_s
        while True:
            seq, messages = await self._messages(what, **query)
            found = [message for message in messages if chosen(message)]
            if found:
                return found[-1]
            await self._news(seq, deadline, query.get("channel"), query.get("user"))

    async def _news(self, seq: int, deadline: float, channel: str | None = None, user: str | None = None) -> None:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("nothing that matches came in time")
        await self.changes(seq, min(left, POLL_S), channel=channel, user=user)

    async def _messages(self, what: str, **query: Any) -> tuple[int, list[Posted]]:
        result = await self._get(what, **query)
        return int(result["seq"]), [Posted.of(message) for message in result["messages"]]

    async def _user_id(self, name: str) -> str:
        for user in (await self.state())["users"]:
            if name.removeprefix("@") in {user["id"], user["name"]}:
                return str(user["id"])
        raise CannotDo("user_not_found")

    async def _get(self, what: str, **query: Any) -> Any:
        chosen = {key: value for key, value in query.items() if value is not None}
        return result_of(await self._http.get(f"/sandbox/{what}", params=chosen))


def _predicate(matching: str | Predicate, user: str | None) -> Predicate:
    def chosen(message: Posted) -> bool:
        fits = matching in message.everything if isinstance(matching, str) else matching(message)
        return fits and user in {None, message.user}

    return chosen


def result_of(answer: httpx.Response) -> Any:
    """Return the result in an answer of the control API; raises CannotDo."""
    if answer.headers.get("content-type", "").startswith("application/json"):
        body = answer.json()
        if body["ok"]:
            return body["result"]
        raise CannotDo(body["error"], body.get("details", ()))
    if answer.status_code == httpx.codes.NOT_FOUND:
        raise CannotDo(answer.text)
    raise SandboxError(f"the sandbox answered with status {answer.status_code}")
