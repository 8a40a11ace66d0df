"""A response said in the words of its store."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict

from limner.core.errors import UpstreamError
from limner.core.events import (
    ImageCallProgress,
    NumberedEvent,
    OutputItemDone,
    Response,
    ResponseCreated,
    ResponseError,
    ResponseEvent,
    ResponseFailed,
    ResponseQueued,
    ResponseStatus,
    TerminalEvent,
)
from limner.core.response_store import Ending, Frame, Nature, NewResponse, StoredResponse
from limner.core.run import first_response
from limner.core.turn import JsonObject
from limner.gateway.responder import Asked, Responder
from limner.wire import json, sse
from limner.wire.events import EVENT_TYPES, encode_event, event_json
from limner.wire.items import Json, item_json
from limner.wire.kept import pictures_in
from limner.wire.orders import dump_order, own_input
from limner.wire.responses import response_json

UNBEGUN = 2
"""Events of a response that say nothing yet."""


def new_response(responder: Responder, asked: Asked, id: str, nature: Nature) -> NewResponse:
    """A response that is kept from now on. One in the background is queued, and says so at once."""
    status: ResponseStatus = "queued" if nature.background else "in_progress"
    first = first_response(asked.request, id, int(nature.created_at), status)
    opening: list[NumberedEvent] = [ResponseCreated(0, first), ResponseQueued(1, first)]
    return NewResponse(
        id,
        nature,
        "queued" if nature.is_logged else "in_progress",
        json.dump(response_json(first)),
        own_input(asked.order, responder.new_id),
        dump_order(asked.order) if nature.is_logged else b"",
        [encode_event(event) for event in opening] if nature.background else [],
        asked.request.echo.metadata,
    )


def numbered(events: Iterable[ResponseEvent]) -> list[NumberedEvent]:
    """The events that are kept: progress is for who looks on at that moment."""
    return [event for event in events if not isinstance(event, ImageCallProgress)]


def frame_of(event: NumberedEvent) -> Frame:
    """An event as clients get it."""
    body = event_json(event)
    content = sse.encode(body["type"], json.dump(body))
    return Frame(event.sequence_number, content, tuple(pictures_in(body)))


def done_in(events: Iterable[NumberedEvent]) -> dict[int, JsonObject]:
    """The output items that these events finish."""
    return {
        event.output_index: item_json(event.item)
        for event in events
        if isinstance(event, OutputItemDone)
    }


def ending_of(event: TerminalEvent) -> Ending:
    """How a run ended. What failed before a word was said is an HTTP error, and may be repeated."""
    response = event.response
    is_refused = isinstance(event, ResponseFailed) and not response.output
    refusal = json.dump(asdict(response.error)).decode() if response.error else None
    return Ending(
        response.status,
        json.dump(response_json(response)),
        [item_json(item) for item in response.output],
        refusal if is_refused else None,
        frees_key=is_refused,
    )


def failed_ending(
    stored: StoredResponse, output: Sequence[JsonObject], error: ResponseError, number: int
) -> tuple[list[Frame], Ending]:
    """The end of a response whose run is lost; number: of its last event, for one with a log."""
    told = {"code": error.code, "message": error.message}
    response = {**json.load(stored.text), "status": "failed", "error": told, "output": list(output)}
    ending = Ending("failed", json.dump(response), output)
    if not stored.nature.is_logged:
        return [], ending
    name = EVENT_TYPES[ResponseFailed]
    body = {"type": name, "sequence_number": number, "response": response}
    frame = Frame(number, sse.encode(name, json.dump(body)), tuple(pictures_in(response)))
    return [frame], ending


def refusal_of(stored: StoredResponse) -> UpstreamError | None:
    """The HTTP error that a response became, if it did."""
    return refusal(ResponseError(**json.load(stored.refusal))) if stored.refusal else None


def refusal(error: ResponseError) -> UpstreamError:
    """The HTTP error of a response that failed before the model said anything."""
    return UpstreamError(
        error.message,
        code=error.code,
        status=error.status,
        retryable=error.retryable,
        retry_after_s=error.retry_after_s,
        param=error.param,
    )


def as_it_stands(stored: StoredResponse, output: Sequence[JsonObject]) -> Json:
    """The Response object of one under way. output: the items that are done."""
    return {**json.load(stored.text), "status": stored.status, "output": list(output)}


def count_pictures(response: Response) -> int:
    """How many pictures a response has made."""
    return sum(bool(getattr(item, "image", None)) for item in response.output)
