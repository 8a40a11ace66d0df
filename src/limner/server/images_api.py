"""`POST /v1/images/generations` over any image back end.

The same door stands in the engine's process, before the engine, and in the server's, before the
client of an engine or of somebody else's Images API.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from limner.core.errors import ImageError, InvalidRequest
from limner.core.image import ImageCompleted, ImageFailed, ImageProgress, PartialImage
from limner.core.image_tool import GATE_MESSAGE
from limner.core.ports import ImageBackend
from limner.server.body import MIB, read_json
from limner.server.errors import request_id
from limner.server.guard import check_may_paint
from limner.server.streaming import DEFAULT_HEARTBEAT_S, EventStream, while_client_waits
from limner.wire.images import (
    PATH,
    ImagesCall,
    as_error,
    encode_event,
    encode_failure,
    encode_reply,
    parse_images_request,
)

BODY_LIMIT_BYTES = MIB
"""Holds a prompt of 32 000 characters, however they are escaped."""

logger = logging.getLogger(__name__)

_Shown = ImageProgress | PartialImage | ImageCompleted


def images_routes(
    backend: ImageBackend | None, *, heartbeat_s: float = DEFAULT_HEARTBEAT_S
) -> list[Route]:
    """backend: None refuses every request by name."""

    async def generate(request: Request) -> Response:
        check_may_paint(request)
        call = parse_images_request(await read_json(request, BODY_LIMIT_BYTES))
        if backend is None:
            raise InvalidRequest(GATE_MESSAGE, code="image_generation_disabled")
        events = _followed(backend, call, request_id(request))
        if call.stream:
            return EventStream(
                _frames(call, events), last_word=encode_failure, heartbeat_s=heartbeat_s
            )
        async with while_client_waits(request.receive), aclosing(events):
            pictures = [event async for event in events if isinstance(event, ImageCompleted)]
        pictures.sort(key=lambda completed: completed.picture)
        body = encode_reply(call, pictures, created=int(time.time()))
        return Response(body, media_type="application/json")

    return [Route(PATH, generate, methods=["POST"])]


async def _frames(
    call: ImagesCall, events: AsyncGenerator[_Shown, None]
) -> AsyncGenerator[bytes, None]:
    async with aclosing(events):
        async for event in events:
            if call.progress or not isinstance(event, ImageProgress):
                yield encode_event(call, event, now=int(time.time()))


async def _followed(
    backend: ImageBackend, call: ImagesCall, id: str
) -> AsyncGenerator[_Shown, None]:
    """The events of a call up to all its pictures, and a line in the log; raises ImageError."""
    began, pictures, outcome = time.perf_counter(), 0, "abandoned"
    try:
        async with aclosing(backend.generate(call.request)) as events:
            async for event in events:
                if isinstance(event, ImageFailed):
                    outcome = event.code
                    raise as_error(event)
                pictures += isinstance(event, ImageCompleted)
                if pictures == call.request.n:
                    outcome = "completed"
                yield event
        if pictures < call.request.n:
            outcome = "server_error"
            raise ImageError(
                f"The image back end ended with {pictures} of {call.request.n} pictures",
                retryable=True,
            )
    finally:
        facts = {
            "action": "image_call",
            "request_id": id,
            "outcome": outcome,
            "stream": call.stream,
            "pictures": pictures,
            "seconds": round(time.perf_counter() - began, 3),
        }
        logger.info("image call ended", extra=facts)
