"""The Web API over HTTP: arguments, tokens, limits, faults, answers; and what lies beside it: uploads, files, response URLs."""

import asyncio
import json
import time
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from deploy.sandbox.errors import RateLimited, SlackRefusal
from deploy.sandbox.faults import Mischief, ServerTrouble
from deploy.sandbox.limits import RateLimits
from deploy.sandbox.log import WireLog
from deploy.sandbox.manifest import NEEDED_SCOPES, Manifest
from deploy.sandbox.methods import METHODS, Args, Method, Parts, Token
from deploy.sandbox.methods.files import LARGEST, may_read
from deploy.sandbox.model import APP_TOKEN, BOT_TOKEN, BOT_USER_ID, Json
from deploy.sandbox.triggers import ResponseUrls


class WebApi:
    """Handles what an app asks of the workspace."""

    def __init__(
        self, parts: Parts, responses: ResponseUrls, log: WireLog, mischief: Mischief, limits: RateLimits, manifest: Manifest
    ) -> None:
        self._parts = parts
        self._responses = responses
        self._log = log
        self._mischief = mischief
        self._limits = limits
        self._manifest = manifest

    def routes(self) -> list[web.RouteDef]:
        """Return the addresses which apps use."""
        return [
            web.route("*", "/api/{method}", self.call),
            web.post("/response/{key}", self.respond),
            web.post("/upload/{file}", self.upload),
            web.get("/files/{file}", self.download),
        ]

    async def call(self, request: web.Request) -> web.Response:
        """Answer one Web API call."""
        started = time.perf_counter()
        name = request.match_info["method"]
        try:
            values = await _merged(request)
        except ValueError:
            return web.json_response({"ok": False, "error": "invalid_json"})
        if self._mischief.faults.api_delay_s:
            await asyncio.sleep(self._mischief.faults.api_delay_s)
        status, body, headers = self._answer(name, values, request.headers.get("Authorization", ""))
        known = name if name in METHODS else "unknown"
        self._log.call(known, status, None if body.get("ok") else body.get("error", "server_error"), started)
        return web.json_response(body, status=status, headers=headers)

    def _answer(self, name: str, values: Mapping[str, Any], authorization: str) -> tuple[int, Json, dict[str, str]]:
        method = METHODS.get(name)
        headers = {"x-oauth-scopes": ",".join(sorted(self._manifest.scopes))}
        try:
            if method is None:
                raise SlackRefusal("unknown_method")
            _check_token(method, authorization.removeprefix("Bearer ").strip() or str(values.get("token", "")))
            self._manifest.check_scope(name)
            loses_answer = self._mischief.before_call(name)
            self._limits.check(name, str(values.get("channel", "")))
            result = method.function(self._parts, Args(values))
        except RateLimited as limited:
            return 429, {"ok": False, "error": "ratelimited"}, {**headers, "Retry-After": str(limited.retry_after)}
        except ServerTrouble:
            return 500, {"ok": False, "error": "internal_error"}, headers
        except SlackRefusal as refusal:
            return 200, _refused(refusal), headers
        if loses_answer:
            return 500, {"ok": False, "error": "internal_error"}, headers
        return 200, {"ok": True, **result}, headers

    async def respond(self, request: web.Request) -> web.Response:
        """Take a post to a response URL."""
        started = time.perf_counter()
        try:
            self._responses.post(request.match_info["key"], await _merged(request))
        except ValueError:
            return web.Response(text="invalid_payload", status=400)
        except SlackRefusal as refusal:
            gone = refusal.error in {"used_url", "expired_url", "no_such_url"}
            self._log.call("response_url", 404 if gone else 400, refusal.error, started)
            return web.Response(text=refusal.error, status=404 if gone else 400)
        self._log.call("response_url", 200, None, started)
        return web.Response(text="ok")

    async def upload(self, request: web.Request) -> web.Response:
        """Take a file's content, as it stands or as a form."""
        file = self._parts.workspace.files.get(request.match_info["file"])
        if file is None or file.complete or file.owner != BOT_USER_ID:
            raise web.HTTPNotFound(text="no such upload")
        file.content = await _uploaded_bytes(request)
        return web.Response(text=f"OK - {len(file.content)}")

    async def download(self, request: web.Request) -> web.Response:
        """Give a file's content to the bot."""
        if request.headers.get("Authorization") != f"Bearer {BOT_TOKEN}":
            raise web.HTTPForbidden(text="not authorized")
        file = self._parts.workspace.files.get(request.match_info["file"])
        if not NEEDED_SCOPES["files.info"] & self._manifest.scopes:  # Slack shows a page to sign in, and says nothing of scopes
            raise web.HTTPFound("/signin")
        if file is None or file.deleted or not may_read(self._parts, file):
            raise web.HTTPNotFound(text="file not found")
        return web.Response(body=file.content, content_type="application/octet-stream")


async def _uploaded_bytes(request: web.Request) -> bytes:
    if not request.content_type.startswith("multipart/"):
        return await request.read()
    async for part in await request.multipart():
        read = getattr(part, "read", None)
        if read is not None:
            return bytes(await read(decode=False))
    return b""


async def _merged(request: web.Request) -> dict[str, Any]:
    """Return the arguments of query, JSON and form; the SDK puts some into the query even of a POST. Raises ValueError."""
    values: dict[str, Any] = dict(request.query)
    if request.content_type == "application/json":
        body = json.loads(await request.text() or "{}")
        values |= body if isinstance(body, dict) else {}
    elif request.method == "POST":
        values |= dict(await request.post())
    return values


def _check_token(method: Method, token: str) -> None:
    if method.token is Token.NONE:
        return
    if not token:
        raise SlackRefusal("not_authed")
    if token not in {BOT_TOKEN, APP_TOKEN}:
        raise SlackRefusal("invalid_auth")
    if token != (APP_TOKEN if method.token is Token.APP else BOT_TOKEN):
        raise SlackRefusal("not_allowed_token_type")


def _refused(refusal: SlackRefusal) -> Json:
    body: Json = {"ok": False, "error": refusal.error}
    if refusal.details:
        body["errors"] = list(refusal.details)
        body["response_metadata"] = {"messages": [f"[ERROR] {detail}" for detail in refusal.details]}
    return body


CLIENT_MAX_SIZE = LARGEST + 1024 * 1024
