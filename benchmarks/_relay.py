"""A plain reverse proxy: copies bytes from one socket to the other and understands none of them."""

from __future__ import annotations

import asyncio
import sys
from typing import cast


class Copier(asyncio.Protocol):
    """Copies what comes to the other side, and stops reading while that cannot take it."""

    def __init__(self, upstream: int, other: Copier | None = None) -> None:
        self._upstream = upstream
        self._other = other
        self._early: list[bytes] = []
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports have the methods but not the class.
        self.transport = cast(asyncio.Transport, transport)
        if self._other is None:
            self._dialling = asyncio.get_running_loop().create_task(self._dial())

    async def _dial(self) -> None:
        loop = asyncio.get_running_loop()
        port = self._upstream
        _, self._other = await loop.create_connection(lambda: Copier(port, self), "127.0.0.1", port)
        for data in self._early:
            self.data_received(data)

    def data_received(self, data: bytes) -> None:
        if self._other and self._other.transport:
            self._other.transport.write(data)
        else:
            self._early.append(data)

    def pause_writing(self) -> None:
        if self._other and self._other.transport:
            self._other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self._other and self._other.transport:
            self._other.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._other and self._other.transport:
            self._other.transport.close()


async def relay(upstream: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Copier(upstream), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
