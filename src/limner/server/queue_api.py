"""`GET /v1/queue`: where one's pictures stand, at once or as a stream of what changes.

Limner's own. Waiting work is taken back where it was asked for: a response and a job have a cancel
of their own, and a request whose client waits ends with its connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from limner.core.errors import LimnerError
from limner.gateway.bells import heard
from limner.gateway.queue import QueuedBackend
from limner.server.drain import current_drain
from limner.server.errors import json_response
from limner.server.guard import owner_of
from limner.server.query import checked_query, truth
from limner.server.streaming import DEFAULT_HEARTBEAT_S, EventStream
from limner.wire import sse
from limner.wire.queue import encode_queue, queue_json

PAUSE_S = 0.25
"""Between two frames: steps may come faster than anybody can look."""

LOOK_S = 1.0
"""How soon a stream notices that the server stops: it has no end of its own to wait for."""


def queue_routes(
    queue: QueuedBackend, *, pause_s: float = PAUSE_S, heartbeat_s: float = DEFAULT_HEARTBEAT_S
) -> list[Route]:
    """pause_s: at least so long between two frames."""

    async def show(request: Request) -> Response:
        owner = owner_of(request)
        if not truth(checked_query(request, {"stream"}), "stream"):
            return json_response(queue_json(queue.state(owner)))
        frames = _frames(queue, owner, pause_s)
        return EventStream(frames, last_word=_last_word, heartbeat_s=heartbeat_s)

    return [Route("/v1/queue", show, methods=["GET"])]


async def _frames(queue: QueuedBackend, owner: str, pause_s: float) -> AsyncGenerator[bytes, None]:
    """The queue whenever this owner sees it changed, until the server stops."""
    drain, told = current_drain(), None
    while not drain.has_begun:
        news, state = queue.news, queue.state(owner)
        if state != told:
            yield encode_queue(state)
            told = state
            await asyncio.sleep(pause_s)
        while not (drain.has_begun or await heard(news, LOOK_S)):
            pass
    yield sse.DONE


def _last_word(error: LimnerError) -> bytes:
    return sse.DONE
