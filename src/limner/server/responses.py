"""`POST /v1/responses`, streaming and whole.

Refusals come as HTTP statuses: of the request, of the image tool where nothing can paint, and of
the model server as long as the model has not said anything. For that `response.created` is held
back until the first word. A response that fails later keeps what it has made: it arrives as a
Response of status `failed`, since pictures already painted are not worth less for it.

Streams end with `[DONE]`, as the Open Responses specification asks; OpenAI's clients do not mind.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response as HttpResponse
from starlette.routing import Route

from limner.core.errors import InvalidRequest, LimnerError, UpstreamError
from limner.core.events import (
    ImageCallItem,
    ImageCallProgress,
    Response,
    ResponseCompleted,
    ResponseCreated,
    ResponseError,
    ResponseEvent,
    ResponseFailed,
    ResponseIncomplete,
    ResponseInProgress,
    TerminalEvent,
)
from limner.core.gate import pass_gate
from limner.core.image_tool import Denial
from limner.core.ports import ImageBackend
from limner.core.session import NO_SESSION, Session, recall
from limner.core.turn import JsonObject
from limner.gateway.driver import random_id, respond
from limner.gateway.several import Select
from limner.gateway.silent import SilentUpstream
from limner.server.body import DEFAULT_LIMIT_BYTES, read_json
from limner.server.errors import json_response, request_id
from limner.server.guard import image_tool_of
from limner.server.streaming import DEFAULT_HEARTBEAT_S, EventStream, while_client_waits
from limner.wire import sse
from limner.wire.events import encode_event
from limner.wire.fields import cut
from limner.wire.known import Known
from limner.wire.listed_items import listed_items
from limner.wire.parse import parse_request
from limner.wire.references import references
from limner.wire.responses import response_json

logger = logging.getLogger(__name__)

_Lifecycle = (
    ResponseCreated | ResponseInProgress | ResponseCompleted | ResponseFailed | ResponseIncomplete
)


def responses_routes(
    select: Select,
    image_backend: ImageBackend | None,
    *,
    denial: Denial = "recover",
    body_limit_bytes: int = DEFAULT_LIMIT_BYTES,
    heartbeat_s: float = DEFAULT_HEARTBEAT_S,
) -> list[Route]:
    """image_backend: None refuses requests that offer the image tool, unless that is stripped."""

    responses = Responses(select, image_backend, denial)

    async def create(request: Request) -> HttpResponse:
        begun = await responses.begin(request, await read_json(request, body_limit_bytes))
        if begun.course.is_stream:
            frames = begun.frames()
            return EventStream(frames, last_word=begun.last_word, heartbeat_s=heartbeat_s)
        async with while_client_waits(request.receive):
            return json_response(response_json(await begun.final()))

    return [Route("/v1/responses", create, methods=["POST"])]


@dataclass(frozen=True, slots=True)
class Responses:
    """Begins responses, whichever door they are asked for at."""

    select: Select
    image_backend: ImageBackend | None
    denial: Denial = "recover"

    async def begin(
        self,
        connection: HTTPConnection,
        body: dict[str, Any],
        *,
        session: Session = NO_SESSION,
        generate: bool = True,
    ) -> Begun:
        """Check a request and begin its response, which runs as it is read.

        session: what the connection remembers. generate: False only prepares what a later response
        goes on from. Raises LimnerError.
        """
        asked = parse_request(body, Known(history=_history(body, session)))
        served = self.select(asked.model)
        mode = image_tool_of(connection) or served.image_tool
        upstream = served.upstream
        can_paint = self.image_backend is not None
        asked = pass_gate(asked, mode, upstream.capabilities, can_paint=can_paint)
        if not generate:
            upstream = SilentUpstream(upstream.capabilities)
            asked = replace(asked, image_tool=None, tool_choice="auto")
        events = respond(
            asked, upstream=upstream, image_backend=self.image_backend, denial=self.denial
        )
        course = _Course(request_id(connection), is_stream=asked.stream)
        return Begun(events, course, listed_items(body.get("input") or (), random_id))


@dataclass(frozen=True, slots=True)
class Begun:
    """A response under way, to be read once. input: the request's own items, whole."""

    events: AsyncGenerator[ResponseEvent, None]
    course: _Course
    input: Sequence[JsonObject]

    def frames(self) -> AsyncGenerator[bytes, None]:
        """Its events; closing them cancels it."""
        return _frames(self.events, self.course)

    async def final(self) -> Response:
        """The response in its end."""
        return await _final(self.events, self.course)

    def last_word(self, error: LimnerError) -> bytes:
        """The frames that end the stream after an error."""
        return self.course.last_word(error)


def _history(body: dict[str, Any], session: Session) -> list[JsonObject]:
    unknown, items = recall(session, references(body).previous_response_id)
    if unknown is not None:
        raise InvalidRequest(
            f"Previous response with id '{cut(unknown)}' not found.",
            param="previous_response_id",
            code="previous_response_not_found",
        )
    return items


@dataclass(slots=True)
class _Course:
    """How far a response has come: for its last word, should we fail, and for the log.

    held: frames that wait for the model's first word.
    """

    request_id: str
    is_stream: bool
    began: float = field(default_factory=time.perf_counter)
    response: Response | None = None
    next_number: int = 0
    held: list[bytes] = field(default_factory=list)

    def follow(self, event: ResponseEvent) -> None:
        if isinstance(event, ImageCallProgress):
            return
        self.next_number = event.sequence_number + 1
        if isinstance(event, _Lifecycle):
            self.response = event.response

    def release(self) -> bytes:
        """Hand over what was held."""
        held, self.held = b"".join(self.held), []
        return held

    def last_word(self, error: LimnerError) -> bytes:
        """End the stream after `error`: with `response.failed`, and all that must precede it."""
        if self.response is None:
            return self.release()
        failed = self.response
        if failed.error is None:
            reason = ResponseError("server_error", error.message)
            failed = replace(failed, status="failed", error=reason)
        return self.release() + encode_event(ResponseFailed(self.next_number, failed)) + sse.DONE

    def log(self) -> None:
        """The one line of a response that began; without anyone's words or pictures."""
        if self.response is None:
            return
        status = self.response.status
        facts = {
            "action": "response",
            "request_id": self.request_id,
            "response_id": self.response.id,
            "status": "cancelled" if status == "in_progress" else status,
            "stream": self.is_stream,
            "pictures": _count_pictures(self.response),
            "seconds": round(time.perf_counter() - self.began, 3),
        }
        logger.info("response ended", extra=facts)


async def _frames(
    events: AsyncGenerator[ResponseEvent, None], course: _Course
) -> AsyncGenerator[bytes, None]:
    try:
        async with aclosing(events):
            async for event in events:
                if isinstance(event, ResponseCreated | ResponseInProgress):
                    course.follow(event)
                    course.held.append(encode_event(event))
                elif isinstance(event, ResponseFailed) and course.held:
                    course.response = event.response
                    raise _refusal(event.response)
                else:
                    course.follow(event)
                    ending = sse.DONE if isinstance(event, TerminalEvent) else b""
                    yield course.release() + encode_event(event) + ending
    finally:
        course.log()


async def _final(events: AsyncGenerator[ResponseEvent, None], course: _Course) -> Response:
    try:
        async with aclosing(events):
            async for event in events:
                course.follow(event)
    finally:
        course.log()
    response = course.response
    assert response is not None, "a run begins with its response"
    if response.status == "failed" and not response.output:
        raise _refusal(response)
    return response


def _refusal(response: Response) -> UpstreamError:
    """The HTTP error of a response that failed before the model said anything."""
    error = response.error
    assert error is not None, "a failed response says why"
    return UpstreamError(
        error.message,
        code=error.code,
        status=error.status,
        retryable=error.retryable,
        retry_after_s=error.retry_after_s,
    )


def _count_pictures(response: Response) -> int:
    return sum(isinstance(item, ImageCallItem) and bool(item.image) for item in response.output)
