"""Serve an ASGI application on a free port of loopback, as the product does, and talk to it rawly.

async with serving(app) as url: ... a client of any kind ...
async with connection(url) as (reader, writer): ... bytes ...
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import orjson
import uvicorn
from starlette.types import ASGIApp

from limner.server.protocol import ConnectionLimits, uvicorn_config

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class _Server(uvicorn.Server):
    def install_signal_handlers(self) -> None:
        """Signals are pytest's."""


@asynccontextmanager
async def serving(
    app: ASGIApp,
    limits: ConnectionLimits = ConnectionLimits(),  # noqa: B008 - a frozen value
    host: str = "127.0.0.1",
) -> AsyncIterator[str]:
    """The server's URL. Connections may be made at once: the socket listens already."""
    with socket.socket() as listener:
        listener.bind((host, 0))
        listener.listen(128)
        config = uvicorn_config(app, limits, lifespan="off", timeout_graceful_shutdown=1)
        server = _Server(config)
        task = asyncio.create_task(server._serve([listener]))
        try:
            yield f"http://{host}:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task


@asynccontextmanager
async def connection(url: str) -> AsyncIterator[Connection]:
    """A bare TCP connection to the server."""
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


def post(path: str, value: object, *headers: str) -> bytes:
    """The bytes of a whole JSON request."""
    body = value if isinstance(value, bytes) else orjson.dumps(value)
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: localhost",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *headers,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def rest(reader: asyncio.StreamReader) -> bytes:
    """All that still comes until the server closes, or b"reset" at the end if it breaks off."""
    received = []
    async with asyncio.timeout(30):
        try:
            while piece := await reader.read(65536):
                received.append(piece)
        except ConnectionError:
            received.append(b"reset")
    return b"".join(received)
