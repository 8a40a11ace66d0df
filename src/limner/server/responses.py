"""`POST /v1/responses`: streaming and whole, with its client or in the background.

Refusals come as HTTP statuses: of the request, of the image tool where nothing can paint, and of
the model server as long as the model has not said anything. A response that fails later keeps what
it has made: it arrives as a Response of status `failed`, since pictures already painted are not
worth less for it.

Streams end with `[DONE]`, as the Open Responses specification asks; OpenAI's clients do not mind.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response as HttpResponse
from starlette.routing import BaseRoute, Route

from limner.core.errors import InvalidRequest, LimnerError
from limner.core.events import Response, ResponseEvent
from limner.core.session import NO_SESSION, Session, recall
from limner.core.turn import JsonObject
from limner.gateway.archive import Archive
from limner.gateway.background import Background
from limner.gateway.direct import kept, unkept
from limner.gateway.responder import Asked, Responder
from limner.gateway.silent import SilentUpstream
from limner.server.body import DEFAULT_LIMIT_BYTES, read_json
from limner.server.course import Course, final, frames
from limner.server.detached import Detached, idempotency_key
from limner.server.drain import current_drain
from limner.server.errors import json_response, request_id
from limner.server.guard import image_tool_of, owner_of
from limner.server.streaming import DEFAULT_HEARTBEAT_S, EventStream, while_client_waits
from limner.server.websocket import websocket_route
from limner.wire.fields import unsupported
from limner.wire.orders import Order, own_input
from limner.wire.references import references
from limner.wire.responses import response_json


def responses_routes(
    responses: Responses,
    detached: Detached | None = None,
    *,
    body_limit_bytes: int = DEFAULT_LIMIT_BYTES,
    heartbeat_s: float = DEFAULT_HEARTBEAT_S,
) -> list[BaseRoute]:
    """The doors to them. detached: where there is a store."""

    async def create(request: Request) -> HttpResponse:
        body = await read_json(request, body_limit_bytes)
        key = idempotency_key(request)
        if detached and (body.get("background") is True or key):
            return await detached.answer(request, body, key, lambda: responses.read(request, body))
        begun = await responses.begin(request, body)
        if begun.course.is_stream:
            return EventStream(begun.frames(), last_word=begun.last_word, heartbeat_s=heartbeat_s)
        async with while_client_waits(request.receive):
            return json_response(response_json(await begun.final()))

    async def compact(request: Request) -> HttpResponse:
        raise InvalidRequest(
            "Contexts are not compacted here: send the items themselves to POST /v1/responses, or "
            "name them by previous_response_id or conversation.",
            code="not_supported",
        )

    return [
        Route("/v1/responses", create, methods=["POST"]),
        Route("/v1/responses/compact", compact, methods=["POST"]),
        websocket_route("/v1/responses", responses.begin),
    ]


@dataclass(frozen=True, slots=True)
class Responses:
    """Begins responses, whichever door they are asked for at.

    background: None where nothing is kept, so that every response lives with its client.
    """

    responder: Responder
    archive: Archive = Archive()  # noqa: RUF009 - a frozen value
    background: Background | None = None

    async def read(
        self,
        connection: HTTPConnection,
        body: dict[str, Any],
        session: Session = NO_SESSION,
        *,
        is_silent: bool = False,
    ) -> Asked:
        """Look up what a request names, and check it; raises LimnerError.

        session: what the connection remembers. is_silent: as `Order` has it.
        """
        owner, names = owner_of(connection), references(body)
        previous, remembered = recall(session, names.previous_response_id)
        known = await self.archive.look_up(owner, replace(names, previous_response_id=previous))
        known = replace(known, history=[*known.history, *remembered])
        order = Order(body, known, image_tool_of(connection), is_silent)
        asked = self.responder.read(owner, order)
        return asked if self.background else _unkept(asked)

    async def begin(
        self,
        connection: HTTPConnection,
        body: dict[str, Any],
        *,
        session: Session = NO_SESSION,
        generate: bool = True,
    ) -> Begun:
        """Check a request and begin its response, which runs as it is read.

        generate: False only prepares what a later response goes on from. Raises LimnerError.
        """
        asked = await self.read(connection, body, session, is_silent=not generate)
        if not generate:
            upstream = SilentUpstream(asked.upstream.capabilities)
            request = replace(asked.request, image_tool=None, tool_choice="auto")
            asked = replace(asked, request=request, upstream=upstream)
        if self.background and asked.request.echo.store:
            drain, kept_by = current_drain(), self.background
            events = kept(
                self.responder,
                asked,
                kept_by.store,
                kept_by.leases,
                is_stopping=lambda: drain.is_over,
            )
        else:
            events = unkept(self.responder, asked)
        course = Course(request_id(connection), is_stream=asked.request.stream)
        return Begun(events, course, own_input(asked.order, self.responder.new_id))


@dataclass(frozen=True, slots=True)
class Begun:
    """A response under way, to be read once. input: the request's own items, whole."""

    events: AsyncGenerator[ResponseEvent, None]
    course: Course
    input: Sequence[JsonObject]

    def frames(self) -> AsyncGenerator[bytes, None]:
        """Its events; closing them cancels it."""
        return frames(self.events, self.course)

    async def final(self) -> Response:
        """The response in its end."""
        return await final(self.events, self.course)

    def last_word(self, error: LimnerError) -> bytes:
        """The frames that end the stream after an error."""
        return self.course.last_word(error)


def _unkept(asked: Asked) -> Asked:
    """Where nothing is kept, the response says so. Raises InvalidRequest for what needs that."""
    request, echo = asked.request, asked.request.echo
    if echo.background:
        raise unsupported("background", "Responses do not run in the background here.")
    if not echo.store:
        return asked
    adjustments = (*request.adjustments, "store: responses are not kept on this server.")
    told = adjustments if asked.order.body.get("store") else request.adjustments
    echo = replace(echo, store=False)
    return replace(asked, request=replace(request, echo=echo, adjustments=told))
