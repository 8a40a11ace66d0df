"""Who may ask: hosts, origins and keys.

A web page can send requests to servers on its reader's own machine, directly or under a name of its
own that it points there ("DNS rebinding"). Hence the Host must be one of ours, and a browser may
change things only from our own pages or from origins that the operator names.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
from collections.abc import Iterable, Mapping
from hashlib import sha256

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from limner.core.errors import InvalidRequest
from limner.core.gate import ImageToolMode
from limner.core.image_tool import DISABLED, GATE_MESSAGE
from limner.server.errors import MAX_QUOTED_CHARS, error_response

LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]"})
_HOST = re.compile(r"(?P<name>\[[0-9a-fA-F:.]+\]|[^:/@\s]+?)\.?(?::\d{1,5})?")
ASKING = frozenset({"http", "websocket"})
"""The kinds of scope that somebody asks with. Any page may open a WebSocket to any host, so that is
held to the rules of a request that changes something (RFC 6455, section 10.2)."""

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_FOREIGN = frozenset({"cross-site", "same-site"})


def allowed_hosts(bind: str, also: Iterable[str] = ()) -> frozenset[str] | None:
    """The names that a server bound to `bind` answers for; None means any.

    also: further names without port, such as that of a reverse proxy.
    """
    named = frozenset(name.lower() for name in also)
    if _is_loopback(bind):
        return LOOPBACK_HOSTS | named
    return named or None


class SiteGuard:
    """ASGI middleware: 421 for hosts that are not ours, 403 for other sites' pages.

    hosts: as from `allowed_hosts`. origins: such as `https://chat.example`, trusted as our own.
    """

    def __init__(
        self, app: ASGIApp, hosts: frozenset[str] | None, origins: frozenset[str] = frozenset()
    ) -> None:
        self._app = app
        self._hosts = hosts
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ASKING:
            headers = Headers(scope=scope)
            method = scope.get("method", "WEBSOCKET")
            refusal = self._check_host(headers) or self._check_site(method, headers)
            if refusal:
                await error_response(refusal)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _check_host(self, headers: Headers) -> InvalidRequest | None:
        if self._hosts is None:
            return None
        given = headers.getlist("host")
        match = _HOST.fullmatch(given[0]) if len(given) == 1 else None
        if match and match["name"].lower() in self._hosts:
            return None
        got = ", ".join(given)[:MAX_QUOTED_CHARS] or "none"
        return InvalidRequest(
            f"This server does not answer for the host {got!r}, "
            f"but for {', '.join(sorted(self._hosts))}.",
            code="unknown_host",
            status=421,
        )

    def _check_site(self, method: str, headers: Headers) -> InvalidRequest | None:
        if method in _SAFE_METHODS:
            return None
        origin = headers.get("origin")
        if origin is None:
            is_foreign = headers.get("sec-fetch-site") in _FOREIGN
        else:
            _, _, host = origin.partition("://")
            is_own = host.lower() == headers.get("host", "").lower()
            is_foreign = not (is_own or origin in self._origins)
        if not is_foreign:
            return None
        return InvalidRequest(
            "Web pages of other sites may not use this server; its operator can name their origin.",
            code="cross_site_request",
            status=403,
        )


class KeyGuard:
    """ASGI middleware: 401 without one of the keys as `Authorization: Bearer`.

    image_tool: for keys with a mode of their own; see `image_tool_of`.
    """

    def __init__(
        self, app: ASGIApp, keys: Iterable[str], image_tool: Mapping[str, ImageToolMode]
    ) -> None:
        self._app = app
        self._keys = [(_digest(key), image_tool.get(key)) for key in keys]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ASKING and (refusal := self._check(scope)):
            await error_response(refusal)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _check(self, scope: Scope) -> InvalidRequest | None:
        headers = Headers(scope=scope)
        scheme, _, key = headers.get("authorization", "").partition(" ")
        given = _digest(key.strip())
        # Every key is compared, each in constant time: how long it takes tells nothing.
        modes = [mode for digest, mode in self._keys if hmac.compare_digest(given, digest)]
        if scheme.lower() == "bearer" and modes:
            scope.setdefault("state", {}).update(image_tool=modes[0], owner=given.hex()[:32])
            return None
        problem = "The API key is not known here" if key else "An API key is needed"
        return InvalidRequest(
            f"{problem}; send one as 'Authorization: Bearer <key>'.",
            code="invalid_api_key",
            status=401,
        )


def image_tool_of(request: HTTPConnection) -> ImageToolMode | None:
    """The mode of the key that the request came with; None where that leaves it open."""
    mode: ImageToolMode | None = request.scope.get("state", {}).get("image_tool")
    return mode


def owner_of(request: HTTPConnection) -> str:
    """Whose things a request may see: a name made from its key; "" where no key is needed."""
    owner: str = request.scope.get("state", {}).get("owner", "")
    return owner


def check_may_paint(request: HTTPConnection) -> None:
    """Raise InvalidRequest at a door to pictures alone, where the key may not have any."""
    if image_tool_of(request) not in (None, "on"):
        raise InvalidRequest(GATE_MESSAGE, code=DISABLED)


def _digest(key: str) -> bytes:
    return sha256(key.encode()).digest()


def _is_loopback(bind: str) -> bool:
    try:
        return ipaddress.ip_address(bind.strip("[]")).is_loopback
    except ValueError:
        return bind == "localhost"
