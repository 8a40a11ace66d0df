"""`POST /v1/images/generations` and `POST /v1/images/edits` over any image back end.

The same doors stand in the engine's process, before the engine, and in the server's, before the
client of an engine or of somebody else's Images API.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from limner.core.errors import ImageError, InvalidRequest
from limner.core.image import ImageCompleted, ImageFailed, ImageProgress, PartialImage
from limner.core.image_tool import GATE_MESSAGE
from limner.core.picture_fitting import fit_image
from limner.core.ports import ImageBackend
from limner.server.body import MIB, read_form, read_json
from limner.server.errors import MAX_QUOTED_CHARS, request_id
from limner.server.guard import check_may_paint, owner_of
from limner.server.picture_sources import PictureSources
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
from limner.wire.images_edits import PATH as EDITS_PATH
from limner.wire.images_edits import EditCall, parse_edit, parse_edit_form

BODY_LIMIT_BYTES = MIB
"""Holds a prompt of 32 000 characters, however they are escaped."""

NO_SOURCES = PictureSources()

logger = logging.getLogger(__name__)

_Shown = ImageProgress | PartialImage | ImageCompleted


def images_routes(
    backend: ImageBackend | None,
    sources: PictureSources = NO_SOURCES,
    *,
    heartbeat_s: float = DEFAULT_HEARTBEAT_S,
    shares_by_user: bool = False,
) -> list[Route]:
    """backend: None refuses every request by name. sources: of pictures that edits only name.

    shares_by_user: whether `user` tells apart the clients of one API key, of which each has a fair
    share: so it is where the one client is a server with many.
    """

    def with_client(request: Request, call: ImagesCall) -> ImagesCall:
        owner, user = owner_of(request), call.request.client
        client = f"{owner} {user}" if shares_by_user else owner
        return replace(call, request=replace(call.request, client=client))

    async def generate(request: Request) -> Response:
        check_may_paint(request)
        call = parse_images_request(await read_json(request, BODY_LIMIT_BYTES))
        return await _answer(request, _able(backend), with_client(request, call), heartbeat_s)

    async def edit(request: Request) -> Response:
        check_may_paint(request)
        call = await _read_edit(request)
        able = _able(backend)
        whole = await sources.complete(call, owner_of(request))
        return await _answer(request, able, with_client(request, whole), heartbeat_s)

    return [Route(PATH, generate, methods=["POST"]), Route(EDITS_PATH, edit, methods=["POST"])]


def _able(backend: ImageBackend | None) -> ImageBackend:
    if backend is None:
        raise InvalidRequest(GATE_MESSAGE, code="image_generation_disabled")
    return backend


async def _read_edit(request: Request) -> EditCall:
    content_type = request.headers.get("content-type", "").lower()
    if content_type.startswith("application/json"):
        return parse_edit(await read_json(request))
    if not content_type.startswith("multipart/form-data"):
        raise InvalidRequest(
            "Content-Type must be multipart/form-data, or application/json for pictures that are "
            f"named by URL or file id, got {content_type[:MAX_QUOTED_CHARS]!r}.",
            code="unsupported_content_type",
            status=415,
        )
    form = await read_form(request)
    return parse_edit_form(form.fields, [(name, file.content) for name, file in form.files])


async def _answer(
    request: Request, backend: ImageBackend, call: ImagesCall, heartbeat_s: float
) -> Response:
    asked, said = fit_image(call.request, backend.capabilities)
    call = replace(call, request=asked, adjustments=(*call.adjustments, *said))
    events = _followed(backend, call, request_id(request))
    if call.stream:
        return EventStream(_frames(call, events), last_word=encode_failure, heartbeat_s=heartbeat_s)
    async with while_client_waits(request.receive), aclosing(events):
        pictures = [event async for event in events if isinstance(event, ImageCompleted)]
    pictures.sort(key=lambda completed: completed.picture)
    body = encode_reply(call, pictures, created=int(time.time()))
    return Response(body, media_type="application/json")


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
            "is_edit": call.request.is_edit,
            "request_id": id,
            "outcome": outcome,
            "stream": call.stream,
            "pictures": pictures,
            "seconds": round(time.perf_counter() - began, 3),
        }
        logger.info("image call ended", extra=facts)
