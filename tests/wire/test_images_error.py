"""Errors of image servers, row by row."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from limner.core.errors import ImageError
from limner.core.image import ImageFailed
from limner.wire.images import encode_failure
from limner.wire.images_error import failure_of, read_image_failure

SERVER, USER = "image_generation_server_error", "image_generation_user_error"


def openai(message: str = "why", **fields: Any) -> dict[str, Any]:
    return {"error": {"message": message, **fields}}


@pytest.mark.parametrize(
    ("status", "body", "code", "ours", "retryable"),
    [
        (400, openai(code="moderation_blocked", type=USER), "moderation_blocked", 400, False),
        (400, openai(code="invalid_value", type="invalid_request_error"), "invalid_value", 400, 0),
        (400, openai(code="EngineOverloaded"), "EngineOverloaded", 400, True),
        (400, openai(type=SERVER), SERVER, 400, True),
        (400, openai(code="x", type=SERVER), "x", 400, True),
        (413, {"detail": "too large"}, "upstream_413", 413, False),
        (422, {"detail": [{"msg": "bad"}]}, "upstream_422", 422, False),
        (401, openai(code="invalid_api_key"), "invalid_api_key", 502, False),
        (404, openai(code="model_not_found"), "model_not_found", 404, False),
        (404, {"message": "no such page"}, "upstream_404", 502, False),
        (408, {}, "upstream_408", 504, True),
        (429, openai(code="insufficient_quota"), "insufficient_quota", 429, False),
        (429, {}, "rate_limit_exceeded", 429, True),
        (
            500,
            openai(code="image_generation_failed", type=SERVER),
            "image_generation_failed",
            502,
            1,
        ),
        (500, openai(code="500"), "upstream_500", 502, True),
        (500, [], "upstream_500", 502, True),
        (501, {}, "upstream_501", 502, False),
        (503, openai(code="queue_full"), "queue_full", 503, True),
        (504, {}, "upstream_504", 504, True),
        (529, {}, "upstream_529", 503, True),
    ],
)
def test_a_refusal_is_read(
    status: int, body: object, code: str, ours: int, retryable: bool
) -> None:
    failed = read_image_failure(orjson.dumps(body), status)
    assert (failed.code, failed.status, failed.retryable) == (code, ours, bool(retryable))


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (400, b'{"error": {"message": "size  is\\n odd"}}', "size is odd"),
        (400, b'{"error": "size is odd"}', "size is odd"),
        (400, b"", "The image back end answered 400: it did not say why"),
        (422, b'{"detail": [{"msg": "bad"}]}', '[{"msg":"bad"}]'),
        (404, b'{"error": {"code": "model_not_found", "message": "no x"}}', "no x"),
        (500, b"<html>", "The image back end answered 500: <html>"),
        (500, b"\xff", "The image back end answered 500: \ufffd"),
        (401, b"bad key sk-1", "The image back end answered 401: it refused our credentials"),
        (400, b"x" * 501, "x" * 499 + "…"),
    ],
)
def test_its_message_is_told(status: int, body: bytes, message: str) -> None:
    assert read_image_failure(body, status).message == message


def test_what_the_client_asked_wrong_is_told_with_its_name() -> None:
    body = openai(param="size", code="invalid_value")
    failed = read_image_failure(orjson.dumps(body), 400)
    assert (failed.param, failed.type) == ("size", USER)
    assert read_image_failure(b"", 500).type == SERVER


def test_a_server_that_knows_says_whether_to_ask_again() -> None:
    assert read_image_failure(b"", 400, should_retry=True, retry_after_s=3) == ImageFailed(
        "The image back end answered 400: it did not say why",
        code="upstream_400",
        type=USER,
        retryable=True,
        status=400,
        retry_after_s=3,
    )
    assert not read_image_failure(b"", 503, should_retry=False).retryable


@pytest.mark.parametrize("retry_after_s", [7.5, None])
def test_our_own_failure_within_a_stream_comes_through_whole(retry_after_s: float | None) -> None:
    error = ImageError(
        "full", code="queue_full", retryable=True, status=503, retry_after_s=retry_after_s
    )
    data = encode_failure(error).partition(b"data: ")[2]
    assert failure_of(orjson.loads(data), None) == ImageFailed(
        "full", code="queue_full", retryable=True, status=503, retry_after_s=retry_after_s
    )


@pytest.mark.parametrize(
    "ours", [{"status": 200, "retry_after_s": -1}, {"status": "x", "retry_after_s": True}]
)
def test_odd_words_of_ours_are_not_taken_over(ours: dict[str, Any]) -> None:
    failed = failure_of(openai(limner=ours), None)
    assert (failed.status, failed.retryable, failed.retry_after_s) == (502, False, None)
