"""The lanes of one WebSocket: requests of a lane take turns in their order, lanes go side by side.

What a connection may have under way is bounded, in lanes, in requests and in bytes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

from limner.core.errors import InvalidRequest

InLane = AbstractAsyncContextManager[None]
"""Entered when all that came before in the lane has left it."""


@dataclass(frozen=True, slots=True)
class SocketLimits:
    """What one connection may have under way: lanes, requests, and bytes of requests."""

    lanes: int = 8
    requests: int = 32
    request_bytes: int = 128 * 1024 * 1024


@dataclass(slots=True)
class _Lane:
    """waiting: how many requests have not been answered yet."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: int = 0


class Lanes:
    """By their names; None is the unnamed one."""

    def __init__(self, limits: SocketLimits) -> None:
        self._limits = limits
        self._lanes: dict[str | None, _Lane] = {}
        self._bytes = 0

    def check_room(self, name: str | None, size_bytes: int) -> None:
        """Raises InvalidRequest (429) where one more request would be too much."""
        limits = self._limits
        names = self._lanes.keys() | {name}
        requests = sum(lane.waiting for lane in self._lanes.values()) + 1
        size = self._bytes + size_bytes
        for asked, limit, what in (
            (len(names), limits.lanes, "lanes"),
            (requests, limits.requests, "requests"),
            (size, limits.request_bytes, "bytes of requests"),
        ):
            if asked > limit:
                raise InvalidRequest(
                    f"One connection may have at most {limit} {what} under way, this would make "
                    f"it {asked}: wait for responses to end, or open another connection.",
                    code="websocket_connection_limit_reached",
                    status=429,
                )

    def enter(self, name: str | None, size_bytes: int) -> InLane:
        """Queue up in a lane."""
        lane = self._lanes.setdefault(name, _Lane())
        lane.waiting += 1
        self._bytes += size_bytes
        return self._in(name, lane, size_bytes)

    @asynccontextmanager
    async def _in(self, name: str | None, lane: _Lane, size_bytes: int) -> AsyncIterator[None]:
        try:
            async with lane.lock:
                yield
        finally:
            self._bytes -= size_bytes
            lane.waiting -= 1
            if not lane.waiting:
                self._lanes.pop(name, None)
