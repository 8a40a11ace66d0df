"""Readers that stall hold memory, in this process and in the kernel; here they are dropped."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import cast

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class SlowReader:
    """Watches one connection while writing to it is paused.

    Its buffer must shrink by `window_bytes` in every `window_s` seconds; nothing is added to it in
    the meantime.
    """

    def __init__(self, transport: asyncio.Transport, window_s: float, window_bytes: int) -> None:
        self._transport = transport
        self._window_s = window_s
        self._window_bytes = window_bytes
        self._timer: asyncio.TimerHandle | None = None

    def watch(self) -> None:
        """Writing is paused."""
        before = self._transport.get_write_buffer_size()

        def check() -> None:
            if before - self._transport.get_write_buffer_size() < self._window_bytes:
                drop(self._transport)
            else:
                self.watch()

        self.rest()
        self._timer = asyncio.get_running_loop().call_later(self._window_s, check)

    def rest(self) -> None:
        """Writing goes on, or is over."""
        if self._timer:
            self._timer.cancel()
            self._timer = None


def drop(transport: asyncio.Transport) -> None:
    """Reset the connection, so that the kernel too forgets what it holds for it."""
    if sock := tcp_socket(transport):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.abort()


def tcp_socket(transport: asyncio.Transport) -> socket.socket | None:
    """The connection's socket, when it is TCP and not a Unix socket."""
    found = transport.get_extra_info("socket")
    if found is None or found.family not in (socket.AF_INET, socket.AF_INET6):
        return None
    return cast(socket.socket, found)
