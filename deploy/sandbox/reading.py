"""What front ends and tests read from the sandbox: state, messages, views, changes, and what went over the wire."""

import asyncio
from contextlib import suppress

from aiohttp import WSMsgType, web

from deploy.sandbox.control import Desk, channel_json
from deploy.sandbox.errors import CannotDo
from deploy.sandbox.log import records_json
from deploy.sandbox.model import Channel, Json

LONGEST_POLL_S = 60.0


class Reading:
    """GET /sandbox/…"""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        """Return the addresses."""
        return [
            web.get("/sandbox/state", self.state),
            web.get("/sandbox/messages", self.messages),
            web.get("/sandbox/ephemerals", self.ephemerals),
            web.get("/sandbox/views", self.views),
            web.get("/sandbox/statuses", self.statuses),
            web.get("/sandbox/files/{file}", self.file),
            web.get("/sandbox/changes", self.changes),
            web.get("/sandbox/events", self.events),
            web.get("/sandbox/calls", self.calls),
            web.get("/sandbox/envelopes", self.envelopes),
            web.get("/sandbox/statistics", self.statistics),
            web.get("/sandbox/faults", self.faults),
        ]

    async def state(self, _request: web.Request) -> web.Response:
        """Return people, channels with members, groups, connections and the number of the last change."""
        workspace = self._desk.workspace
        return _result({
            "seq": workspace.changes.last_seq,
            "users": [user.to_json() for user in workspace.users.values()],
            "channels": [channel_json(channel) for channel in workspace.channels.values()],
            "usergroups": [group.to_json(include_users=True) for group in workspace.usergroups.values()],
            "connections": self._desk.sockets.connections,
            "in_flight": self._desk.delivery.in_flight,
        })  # fmt: skip

    async def messages(self, request: web.Request) -> web.Response:
        """Return a channel's messages, oldest first: those outside threads and replies alike, or one thread."""
        channel = self._channel(request)
        thread_ts = request.query.get("thread_ts")
        chosen = [message for message in channel.messages.values() if thread_ts in {None, message.ts, message.thread_ts}]
        show = self._desk.workspace.message_json
        return _result({"seq": self._desk.workspace.changes.last_seq, "messages": [show(message) for message in chosen]})

    async def ephemerals(self, request: web.Request) -> web.Response:
        """Return what only one user sees, oldest first."""
        user = self._user(request)
        return _result({"seq": self._desk.workspace.changes.last_seq, "messages": self._desk.workspace.ephemerals.get(user, [])})

    async def views(self, request: web.Request) -> web.Response:
        """Return a user's open modals, bottom first, and the home tab."""
        user, stage = self._user(request), self._desk.stage
        home = stage.homes.get(user)
        modals = [view.to_json() for view in stage.modals.get(user, [])]
        return _result({"seq": self._desk.workspace.changes.last_seq, "modals": modals, "home": home.to_json() if home else None})

    async def statuses(self, _request: web.Request) -> web.Response:
        """Return the status lines under threads that are still shown."""
        return _result(self._desk.workspace.live_statuses())

    async def file(self, request: web.Request) -> web.Response:
        """Return a file's content, as people see it."""
        file = self._desk.workspace.files.get(request.match_info["file"])
        if file is None:
            raise web.HTTPNotFound(text="file not found")
        headers = {"Content-Disposition": "attachment", "X-Content-Type-Options": "nosniff"}
        return web.Response(body=file.content, content_type="application/octet-stream", headers=headers)

    async def changes(self, request: web.Request) -> web.Response:
        """Return the changes after `since`, of one `channel` or `user` if named; waits up to `timeout` seconds for the first."""
        since, timeout_s = _number(request, "since"), min(_number(request, "timeout"), LONGEST_POLL_S)
        channel = self._channel(request).id if "channel" in request.query else None
        user = self._user(request) if "user" in request.query else None
        found = await self._desk.workspace.changes.wait(int(since), timeout_s, channel, user)
        return _result([change.to_json() for change in found])

    async def events(self, request: web.Request) -> web.WebSocketResponse:
        """Stream the changes after `since` (default: from now on) over a websocket, one JSON object each."""
        socket = web.WebSocketResponse(heartbeat=20)
        await socket.prepare(request)
        log = self._desk.workspace.changes
        seq = int(_number(request, "since")) if "since" in request.query else log.last_seq
        reader = asyncio.create_task(_until_closed(socket))
        try:
            while not reader.done():
                for change in await log.wait(seq, 1.0):
                    seq = change.seq
                    await socket.send_json(change.to_json())
        except ConnectionError:
            pass
        finally:
            reader.cancel()
        return socket

    async def calls(self, request: web.Request) -> web.Response:
        """Return Web API calls after number `since`: method, status, error, time."""
        return _result(records_json(self._desk.log.calls, int(_number(request, "since"))))

    async def envelopes(self, request: web.Request) -> web.Response:
        """Return delivery attempts after number `since`."""
        return _result(records_json(self._desk.log.envelopes, int(_number(request, "since"))))

    async def statistics(self, _request: web.Request) -> web.Response:
        """Return figures of calls and envelopes."""
        return _result(self._desk.log.statistics())

    async def faults(self, _request: web.Request) -> web.Response:
        """Return the faults in force."""
        return _result(self._desk.mischief.faults.model_dump(mode="json"))

    def _channel(self, request: web.Request) -> Channel:
        try:
            return self._desk.workspace.channel(request.query.get("channel", ""))
        except CannotDo as refusal:
            raise web.HTTPNotFound(text=refusal.reason) from None

    def _user(self, request: web.Request) -> str:
        try:
            return self._desk.workspace.user(request.query.get("user", "")).id
        except CannotDo as refusal:
            raise web.HTTPNotFound(text=refusal.reason) from None


async def _until_closed(socket: web.WebSocketResponse) -> None:
    with suppress(ConnectionError):
        async for message in socket:
            if message.type in {WSMsgType.CLOSE, WSMsgType.ERROR}:
                return


def _number(request: web.Request, name: str) -> float:
    try:
        return float(request.query.get(name, "0"))
    except ValueError:
        raise web.HTTPBadRequest(text=f"{name} must be a number") from None


def _result(value: Json | list[Json]) -> web.Response:
    return web.json_response({"ok": True, "result": value})
