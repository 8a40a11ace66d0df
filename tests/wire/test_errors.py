from __future__ import annotations

from typing import Any

import pytest

from limner.core.errors import (
    ConfigError,
    ImageError,
    InvalidRequest,
    LimnerError,
    StoreError,
    UpstreamError,
)
from limner.wire import json
from limner.wire.errors import encode_error, error_json, error_status
from limner.wire.sse import SseDecoder

CASES: list[tuple[LimnerError, int, dict[str, Any]]] = [
    (
        InvalidRequest("no such size", param="size", code="invalid_value"),
        400,
        {"type": "invalid_request_error", "param": "size", "code": "invalid_value"},
    ),
    (
        InvalidRequest("who are you", status=401, code="invalid_api_key", type="auth"),
        401,
        {"type": "auth", "param": None, "code": "invalid_api_key"},
    ),
    (
        UpstreamError("hung up", code="upstream_500"),
        502,
        {"type": "server_error", "param": None, "code": "upstream_500"},
    ),
    (
        UpstreamError("slow down", code="rate_limit_exceeded", status=429),
        429,
        {"type": "rate_limit_error", "param": None, "code": "rate_limit_exceeded"},
    ),
    (
        UpstreamError("no", code="unsupported_tool_choice", status=400, param="tool_choice"),
        400,
        {
            "type": "invalid_request_error",
            "param": "tool_choice",
            "code": "unsupported_tool_choice",
        },
    ),
    (
        ImageError("full", code="queue_full", status=503, param="prompt"),
        503,
        {"type": "image_generation_server_error", "param": "prompt", "code": "queue_full"},
    ),
    (
        StoreError("the disk is full", code="insufficient_storage"),
        503,
        {"type": "server_error", "param": None, "code": "insufficient_storage"},
    ),
    (
        ConfigError("port: expected a number"),
        500,
        {"type": "server_error", "param": None, "code": "server_error"},
    ),
]


@pytest.mark.parametrize(("error", "status", "details"), CASES)
def test_an_error_over_http_is_openais_envelope(
    error: LimnerError, status: int, details: dict[str, Any]
) -> None:
    assert error_status(error) == status
    assert error_json(error) == {"error": {"message": error.message, **details}}


@pytest.mark.parametrize(("error", "status", "details"), CASES)
def test_an_error_in_a_stream_is_flat_so_that_clients_read_on(
    error: LimnerError, status: int, details: dict[str, Any]
) -> None:
    (event,) = SseDecoder().feed(encode_error(error, 12))
    assert event.event == "error"
    assert json.load(event.data) == {
        "type": "error",
        "sequence_number": 12,
        "code": details["code"],
        "message": error.message,
        "param": details["param"],
    }
