"""Requests passed on to another server as they are, and its answers passed back, piece by piece.

- Bodies stream in both directions; nothing is decompressed, parsed or kept.
- Headers pass but those of the connection itself (RFC 9110, 7.6.1), the Host, and our client's key,
  which is ours to check and nobody else's to see.
- A client that leaves takes its request along: the other server sees a closed connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import suppress

import aiohttp
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from yarl import URL

from limner.core.errors import InvalidRequest
from limner.core.readiness import Readiness
from limner.server.errors import error_response

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
RETRY_AFTER_S = 5.0
AWAY = Readiness("failed", "the server behind this one does not answer")

OF_CONNECTION = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_AUTO = ("accept", "accept-encoding", "content-type", "user-agent")
"""What the client library would add by itself."""

OURS = frozenset({"host", "authorization", "x-api-key"})


def relay_route(
    session: aiohttp.ClientSession, there: str, readiness: Callable[[], Readiness]
) -> Route:
    """Every path that no route before this one has.

    session: with `auto_decompress=False`. there: the other server's root. readiness: its own.
    """

    async def relay(request: Request) -> Response:
        if (state := readiness()).state != "ready":
            return not_ready(state)
        try:
            answer = await _answer(session, there, request)
        except aiohttp.ClientError:
            return not_ready(AWAY)
        return _passed_back(answer)

    return Route("/{path:path}", relay, methods=METHODS)


async def _answer(
    session: aiohttp.ClientSession, there: str, request: Request
) -> aiohttp.ClientResponse:
    """The head of the answer; raises ClientDisconnect when the client leaves before it comes."""
    is_sent = asyncio.Event()
    if not _has_body(request):
        is_sent.set()
    asking = asyncio.ensure_future(
        session.request(
            request.method,
            address_there(there, request),
            headers=passed_headers(request.headers.items(), OF_CONNECTION | OURS),
            data=_body(request, is_sent) if _has_body(request) else None,
            allow_redirects=False,
            skip_auto_headers=_AUTO,
        )
    )
    leaving = asyncio.ensure_future(_left(request, is_sent))
    try:
        await asyncio.wait([asking, leaving], return_when=asyncio.FIRST_COMPLETED)
        if not asking.done():
            raise ClientDisconnect
        return await asking
    finally:
        leaving.cancel()
        asking.cancel()
        with suppress(asyncio.CancelledError):
            await leaving


def address_there(there: str, request: HTTPConnection) -> URL:
    """The same path and query, untouched, on the other server."""
    query = request.scope["query_string"].decode("latin-1")
    path = request.scope["raw_path"].decode("latin-1")
    return URL(f"{there}{path}?{query}" if query else f"{there}{path}", encoded=True)


def _has_body(request: Request) -> bool:
    return "content-length" in request.headers or "transfer-encoding" in request.headers


async def _body(request: Request, is_sent: asyncio.Event) -> AsyncGenerator[bytes, None]:
    async for piece in request.stream():
        yield piece
    is_sent.set()


async def _left(request: Request, is_sent: asyncio.Event) -> None:
    await is_sent.wait()
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _passed_back(answer: aiohttp.ClientResponse) -> Response:
    async def pieces() -> AsyncGenerator[bytes, None]:
        try:
            async for piece in answer.content.iter_any():
                yield piece
        finally:
            answer.close()

    response = StreamingResponse(pieces(), answer.status)
    response.raw_headers = [
        (name.lower(), value)
        for name, value in answer.raw_headers
        if name.decode("latin-1").lower() not in OF_CONNECTION
    ]
    return response


def passed_headers(
    headers: Iterable[tuple[str, str]], without: frozenset[str]
) -> list[tuple[str, str]]:
    """All but those of these names, which are in small letters."""
    return [(name, value) for name, value in headers if name.lower() not in without]


def not_ready(readiness: Readiness) -> Response:
    """503 in the readiness's words."""
    return error_response(
        InvalidRequest(
            readiness.message,
            status=503,
            type="server_error",
            code="model_loading",
            retry_after_s=RETRY_AFTER_S,
        )
    )
