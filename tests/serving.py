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
    """Ends as soon as it is asked to and done; uvicorn's own looks every tenth of a second."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._asked_to_stop = asyncio.Event()

    def stop(self) -> None:
        self.should_exit = True
        self._asked_to_stop.set()

    async def main_loop(self) -> None:
        await self.on_tick(0)  # makes the headers that every response has
        await self._asked_to_stop.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for listener in (*self.servers, *(sockets or ())):
            listener.close()
        state = self.server_state
        for open_connection in list(state.connections):
            open_connection.shutdown()
        try:
            async with asyncio.timeout(self.config.timeout_graceful_shutdown):
                while state.connections or state.tasks:  # noqa: ASYNC110 - they are plain sets
                    await asyncio.sleep(0.002)
        except TimeoutError:
            for task in state.tasks:
                task.cancel()


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
            server.stop()
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
