"""Errors as OpenAI's clients read them: an envelope over HTTP, an event within a stream.

Source: OpenAI API reference, "Errors" and "Streaming events". Within a stream the form is flat:
the official clients raise at an event with a key `error` and would miss the `response.failed` that
follows it.
"""

from __future__ import annotations

from typing import Any

from limner.core.errors import ImageError, InvalidRequest, LimnerError, StoreError, UpstreamError
from limner.wire import json, sse

SERVER_ERROR = "server_error"

_UPSTREAMS = {400: "invalid_request_error", 429: "rate_limit_error"}
"""What a model server's failure is called that is not the server's own fault, by its status."""


def error_status(error: LimnerError) -> int:
    """The HTTP status of an error that comes before the first byte of a reply."""
    match error:
        case InvalidRequest() | UpstreamError() | ImageError() | StoreError():
            return error.status
        case _:
            return 500


def error_json(error: LimnerError) -> dict[str, Any]:
    """The body of an HTTP error."""
    return {"error": {"message": error.message, **_details(error)}}


def encode_error(error: LimnerError, sequence_number: int) -> bytes:
    """The frame of an `error` event; a terminal event must follow it."""
    details = _details(error)
    body = {
        "type": "error",
        "sequence_number": sequence_number,
        "code": details["code"],
        "message": error.message,
        "param": details["param"],
    }
    return sse.encode("error", json.dump(body))


def _details(error: LimnerError) -> dict[str, str | None]:
    match error:
        case InvalidRequest() | ImageError():
            return {"type": error.type, "param": error.param, "code": error.code}
        case UpstreamError():
            kind = _UPSTREAMS.get(error.status, SERVER_ERROR)
            return {"type": kind, "param": error.param, "code": error.code}
        case StoreError():
            return {"type": SERVER_ERROR, "param": None, "code": error.code}
        case _:
            return {"type": SERVER_ERROR, "param": None, "code": SERVER_ERROR}
