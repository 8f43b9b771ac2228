"""Only this machine's own programs may use the sandbox: foreign Host and Origin headers are refused.

A web page elsewhere could otherwise reach 127.0.0.1 through the browser of whoever tries PhyAssist, directly or by DNS rebinding.
"""

from collections.abc import Awaitable, Callable, Collection
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Middleware

LOCAL_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def guard(extra_hosts: Collection[str] = ()) -> Middleware:
    """Return a middleware that lets only local names through, and `extra_hosts` such as a service name of Compose."""
    names = LOCAL_NAMES | set(extra_hosts)

    @web.middleware
    async def only_local(request: web.Request, handler: Handler) -> web.StreamResponse:
        origin = request.headers.get("Origin")
        foreign_origin = origin is not None and not _same(origin, request.host)
        foreign_site = request.headers.get("Sec-Fetch-Site") in {"cross-site", "same-site"}
        if _name(request.host) not in names or foreign_origin or foreign_site:
            raise web.HTTPForbidden(text="only this machine may use the sandbox")
        return await handler(request)

    return only_local


def _name(host: str) -> str:
    return (urlsplit(f"//{host}").hostname or "").lower()


def _same(origin: str, host: str) -> bool:
    return urlsplit(origin).netloc.lower() == host.lower()
