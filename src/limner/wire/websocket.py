"""The Responses API over a WebSocket: what clients send, and events as they go out.

Every message is one JSON object. Clients send `response.create`, the body of `POST /v1/responses`
without `stream`, `stream_options` and `background`, and `response.steer`. The server sends the
events of a stream; errors are nested, otherwise than within a stream. Whatever belongs to a request
with a `stream_id` repeats it.

Source: OpenAI API reference, "WebSocket mode" of the Responses API; Open Responses specification.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

from limner.core.errors import ImageError, InvalidRequest, LimnerError, StoreError, UpstreamError
from limner.core.turn import JsonObject
from limner.wire import json
from limner.wire.errors import error_json, error_status
from limner.wire.fields import Fields, invalid_value, not_among, unsupported, wrong_type
from limner.wire.items import Json

MAX_STEER_ITEMS = 100

_TYPES = ("response.create", "response.steer")
_LANE = re.compile(r"[\x21-\x7e]{1,64}", re.ASCII)
_NOT_HERE = {
    "stream": "Every response of a WebSocket is streamed: leave it out.",
    "stream_options": "No padding is added here: leave it out.",
    "background": "Responses of a WebSocket end with it: use POST /v1/responses instead.",
    "background_options": "Responses of a WebSocket end with it: use POST /v1/responses instead.",
}
_ANYWAY = {"stream": True, "background": False}
"""What is so without being said; clients that share their code with `POST` say it."""
_END = frozenset({"response.completed", "response.incomplete", "response.failed"})


@dataclass(frozen=True, slots=True)
class Create:
    """`response.create`. body: as of a streamed `POST`. stream_id: its lane, None for the unnamed.

    generate: False wants no output, only an id to go on from. carries: steering that has become a
    part of its input.
    """

    body: dict[str, Any]
    stream_id: str | None = None
    generate: bool = True
    carries: Sequence[Steer] = ()

    def prepended(self, steers: Sequence[Steer]) -> Create:
        """The same with steering before its own input."""
        own = self.body.get("input") or ()
        if isinstance(own, str):
            own = [{"role": "user", "content": own}]
        return replace(
            self, body={**self.body, "input": [*_items(steers), *own]}, carries=tuple(steers)
        )

    def successor(self, response_id: str, steers: Sequence[Steer]) -> Create:
        """A request with the same settings that goes on from the response to this one."""
        body = {**self.body, "previous_response_id": response_id, "input": _items(steers)}
        return replace(self, body=body, generate=True, carries=tuple(steers))


@dataclass(frozen=True, slots=True)
class Steer:
    """`response.steer`. input: as it came. items: the same as messages."""

    previous_response_id: str
    input: object
    items: Sequence[JsonObject]
    id: str | None = None


@dataclass(frozen=True, slots=True)
class OutEvent:
    """An event for the client. text: its JSON object."""

    type: str
    text: bytes

    @property
    def is_end(self) -> bool:
        """Whether its response is over."""
        return self.type in _END

    @property
    def response(self) -> Json:
        """The response of a lifecycle event."""
        response: Json = json.load(self.text)["response"]
        return response


def lane_of(message: Mapping[str, Any]) -> str | None:
    """The `stream_id` of a client's message; raises InvalidRequest."""
    lane = message.get("stream_id")
    if lane is None or (isinstance(lane, str) and _LANE.fullmatch(lane)):
        return lane
    raise InvalidRequest(
        "Invalid 'stream_id': expected a string of 1 to 64 printable ASCII characters.",
        param="stream_id",
        code="invalid_stream_id",
    )


def read_message(message: Mapping[str, Any]) -> Create | Steer:
    """Check a client's message as such, not yet what it asks; raises InvalidRequest."""
    fields = Fields(message)
    if fields.required_string("type") == "response.create":
        return _create(fields)
    if fields.get("type") == "response.steer":
        return _steer(fields)
    raise not_among("type", fields.get("type"), _TYPES)


def events_of(frames: bytes) -> list[OutEvent]:
    """The events among whole frames of a stream, as `wire.sse.encode` writes them."""
    events = []
    for frame in frames.split(b"\n\n"):
        head, _, data = frame.partition(b"\ndata: ")
        if head.startswith(b"event: "):
            events.append(OutEvent(head[len(b"event: ") :].decode(), data))
    return events


def message_text(event: OutEvent, lane: str | None) -> str:
    """The message that carries an event."""
    return _in_lane(event.text, lane).decode()


def error_text(error: LimnerError, lane: str | None) -> str:
    """The message that refuses a request."""
    said: Json = {"type": "error", "status": error_status(error), **error_json(error)}
    match error:
        case InvalidRequest() | UpstreamError() | ImageError() | StoreError():
            if error.retry_after_s:
                said["error"]["headers"] = {"retry-after": str(ceil(error.retry_after_s))}
    return _in_lane(json.dump(said), lane).decode()


def steer_accepted(steer: Steer, number: int, lane: str | None) -> str:
    """The message that takes a client's steering over."""
    return _steer_text("accepted", number, lane, steer={**_named(steer), "id": steer.id})


def steer_pending(steer: Steer, response: Json, number: int, lane: str | None) -> str:
    """The message that says which calls the client must answer before its steering counts."""
    return _steer_text(
        "pending",
        number,
        lane,
        steer={**_named(steer), "id": steer.id},
        reason="waiting_for_required_input",
        required_input=required_input(response),
    )


def steer_failed(steer: Steer, code: str, message: str, number: int, lane: str | None) -> str:
    """The message that gives steering back to the client."""
    named = _named(steer) | {"input": steer.input} | ({"id": steer.id} if steer.id else {})
    error = {"type": "invalid_request_error", "code": code, "message": message}
    return _steer_text("failed", number, lane, steer=named, error=error)


def required_input(response: Json) -> list[Json]:
    """The outputs of calls that only the client can give."""
    return [
        {"type": "function_call_output", "call_id": item["call_id"], "name": item["name"]}
        for item in response["output"]
        if item["type"] == "function_call"
    ]


def _items(steers: Sequence[Steer]) -> list[JsonObject]:
    return [item for steer in steers for item in steer.items]


def _create(fields: Fields) -> Create:
    for name, instead in _NOT_HERE.items():
        value = fields.get(name)
        if value is not None and value is not _ANYWAY.get(name):
            raise unsupported(name, instead)
    generate = fields.boolean("generate")
    own = ("type", "stream_id", "generate", *_NOT_HERE)
    body = {name: value for name, value in fields.values.items() if name not in own}
    return Create({**body, "stream": True}, lane_of(fields.values), generate is not False)


def _steer(fields: Fields) -> Steer:
    fields.allow_only({"type", "previous_response_id", "input"})
    id = fields.required_string("previous_response_id", min_length=1, max_length=256)
    fields.require("input")
    given = fields.get("input")
    if isinstance(given, str):
        return Steer(id, given, [{"role": "user", "content": given}])
    if not isinstance(given, list) or not given:
        raise wrong_type("input", "a string or an array that is not empty", given)
    entries = fields.objects("input", max_length=MAX_STEER_ITEMS)
    for entry in entries:
        entry.allow_only({"type", "role", "content"})
        if entry.get("role") != "user" or entry.get("type") not in (None, "message"):
            raise invalid_value(entry.path, entry.values, "a message of the user")
    return Steer(id, given, [entry.values for entry in entries])


def _named(steer: Steer) -> Json:
    return {"previous_response_id": steer.previous_response_id}


def _steer_text(what: str, number: int, lane: str | None, **said: object) -> str:
    event = {"type": f"response.steer.{what}", "sequence_number": number, **said}
    return _in_lane(json.dump(event), lane).decode()


def _in_lane(text: bytes, lane: str | None) -> bytes:
    """A JSON object with the name of its lane as its last member; pictures are not parsed again."""
    return text if lane is None else b'%b,"stream_id":%b}' % (text[:-1], json.dump(lane))
