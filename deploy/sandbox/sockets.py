"""Socket Mode: tickets, connections, hello, envelopes, acks, disconnects."""

import asyncio
import json
import secrets
import time
import uuid
from collections import deque
from contextlib import suppress

from aiohttp import WSMsgType, web

from deploy.sandbox.delivery import Answer, Envelope, EnvelopeKind, Failure, Timing
from deploy.sandbox.faults import Farewell, Mischief
from deploy.sandbox.model import APP_ID, Json

MOST_CONNECTIONS = 10
TICKET_LASTS_S = 30.0
GRACE_S = 2.0  # between the announcement of a disconnect and the end of the socket


class SocketHub:
    """The app's connections; an envelope goes to one of them, its ack may come over any."""

    def __init__(self, mischief: Mischief) -> None:
        self._mischief = mischief
        self._tickets: dict[str, float] = {}
        self._ready: deque[web.WebSocketResponse] = deque()
        self._open: dict[web.WebSocketResponse, asyncio.Transport | None] = {}
        self._pending: dict[str, tuple[EnvelopeKind, asyncio.Future[Json]]] = {}
        self._connected = asyncio.Event()
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def connections(self) -> int:
        """How many sockets take envelopes at the moment."""
        return len(self._ready)

    def new_ticket(self) -> str:
        """Return a ticket for one connection."""
        ticket = secrets.token_urlsafe(16)
        self._tickets[ticket] = time.monotonic() + TICKET_LASTS_S
        return ticket

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one socket until it ends."""
        if self._tickets.pop(request.query.get("ticket", ""), 0.0) < time.monotonic():
            raise web.HTTPForbidden(text="unknown ticket")
        socket = web.WebSocketResponse(max_msg_size=16 * 1024 * 1024)
        await socket.prepare(request)
        self._open[socket] = request.transport
        try:
            if len(self._open) > MOST_CONNECTIONS:
                await socket.send_json({"type": "disconnect", "reason": "too_many_websockets"})
            else:
                await self._serve(socket)
        finally:
            self._retire(socket)
            self._open.pop(socket, None)
        return socket

    async def send(self, envelope: Envelope, timing: Timing) -> Answer:
        """Send an envelope over the next connection and wait for its ack."""
        if not await self._has_connection(timing.wait_for_connection_s):
            return Answer(Failure.NO_CONNECTION)
        envelope_id = str(uuid.uuid4())
        acked: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        self._pending[envelope_id] = (envelope.kind, acked)
        try:
            self._ready.rotate(-1)
            await self._ready[-1].send_str(json.dumps(_wire(envelope, envelope_id), ensure_ascii=False))
            return Answer(payload=await asyncio.wait_for(acked, timing.ack_s))
        except (TimeoutError, ConnectionError):
            return Answer(Failure.TIMEOUT)
        finally:
            self._pending.pop(envelope_id, None)

    async def _has_connection(self, timeout_s: float) -> bool:
        """Wait for a connection. The event may be old news when the waiter runs, hence the loop."""
        try:
            async with asyncio.timeout(timeout_s):
                while not self._ready:
                    await self._connected.wait()
        except TimeoutError:
            return False
        return True

    async def disconnect(self, farewell: Farewell) -> int:
        """End all sockets now; return how many."""
        sockets = tuple(self._ready)
        for socket in sockets:
            self._retire(socket)
            transport = self._open.get(socket)
            if farewell is Farewell.CUT and transport is not None:
                transport.abort()
            else:
                task = asyncio.create_task(_say_goodbye(socket))
                self._closing.add(task)
                task.add_done_callback(self._closing.discard)
        return len(sockets)

    async def keep_disconnecting(self) -> None:
        """End all sockets each `disconnect_every_s`, as the faults in force say. Runs until cancelled."""
        last = time.monotonic()
        while True:
            await asyncio.sleep(0.1)
            every_s = self._mischief.faults.disconnect_every_s
            if not every_s:
                last = time.monotonic()
            elif time.monotonic() - last >= every_s:
                last = time.monotonic()
                await self.disconnect(self._mischief.faults.farewell)

    async def stop(self) -> None:
        """Close every socket."""
        for task in tuple(self._closing):
            task.cancel()
        for socket in tuple(self._open):
            self._retire(socket)
            with suppress(ConnectionError, TimeoutError):
                await asyncio.wait_for(socket.close(), GRACE_S)

    async def _serve(self, socket: web.WebSocketResponse) -> None:
        info = {"host": "sandbox", "build_number": 1, "approximate_connection_time": 18060}
        hello = {"type": "hello", "num_connections": len(self._ready) + 1, "debug_info": info, "connection_info": {"app_id": APP_ID}}
        await socket.send_json(hello)
        self._ready.append(socket)
        self._connected.set()
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                self._on_text(message.data)

    def _on_text(self, text: str) -> None:
        with suppress(ValueError):
            ack = json.loads(text)
            kind, acked = self._pending.get(str(ack.get("envelope_id")), (None, None))
            if acked is None or acked.done() or (kind is EnvelopeKind.EVENT and self._mischief.drops_ack()):
                return
            payload = ack.get("payload")
            acked.set_result(payload if isinstance(payload, dict) else {})

    def _retire(self, socket: web.WebSocketResponse) -> None:
        with suppress(ValueError):
            self._ready.remove(socket)
        if not self._ready:
            self._connected.clear()


def _wire(envelope: Envelope, envelope_id: str) -> Json:
    shown: Json = {"envelope_id": envelope_id, "type": envelope.kind.value, "payload": envelope.payload}
    if envelope.kind is EnvelopeKind.EVENT:
        retry = {"retry_attempt": envelope.attempt, "retry_reason": envelope.reason.value if envelope.reason else ""}
        return {**shown, "accepts_response_payload": False, **retry}
    takes_answer = envelope.kind is EnvelopeKind.COMMAND or envelope.payload.get("type") in {"view_submission", "block_suggestion"}
    return {**shown, "accepts_response_payload": takes_answer}


async def _say_goodbye(socket: web.WebSocketResponse) -> None:
    with suppress(ConnectionError, TimeoutError):
        await socket.send_json({"type": "disconnect", "reason": "refresh_requested", "debug_info": {"host": "sandbox"}})
        await asyncio.sleep(GRACE_S)
        await asyncio.wait_for(socket.close(), GRACE_S)
