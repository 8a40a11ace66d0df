"""Errors of image servers, in every shape that is out there, as the failures of a call."""

from __future__ import annotations

from typing import Any

from limner.core.image import ImageFailed
from limner.wire import json

MAX_MESSAGE_CHARS = 500
SERVER_TYPE = "image_generation_server_error"
USER_TYPE = "image_generation_user_error"

_CODES = {429: "rate_limit_exceeded"}
_RETRYABLE_CODES = frozenset(
    {"EngineOverloaded", "server_error", SERVER_TYPE, "image_generation_failed"}
)
_RETRYABLE_STATUSES = frozenset({408, 429, 500, 502, 503, 504, 529})
# OpenAI sends these with 429; waiting does not help against them.
_FINAL_CODES = frozenset(
    {"insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "moderation_blocked"}
)
# What the client asked wrong is told as it is. Other 4xx are between us and the back end.
_CLIENT_STATUSES = frozenset({400, 413, 422})
_PASSED_ON = {408: 504, 429: 429, 503: 503, 504: 504, 529: 503}


def read_image_failure(
    body: bytes,
    status: int,
    *,
    retry_after_s: float | None = None,
    should_retry: bool | None = None,
) -> ImageFailed:
    """Read what a server answered instead of 200.

    should_retry: what its header `x-should-retry` said, if anything.
    """
    try:
        value = json.load(body)
    except ValueError:
        value = body.decode(errors="replace")
    return failure_of(value, status, retry_after_s=retry_after_s, should_retry=should_retry)


def failure_of(
    value: Any,
    status: int | None,
    *,
    retry_after_s: float | None = None,
    should_retry: bool | None = None,
) -> ImageFailed:
    """Read an error's JSON.

    `{"error": {"message", "type", "code", "param"}}` (OpenAI), `{"error": "text"}`,
    `{"message", "code"}`, `{"detail": …}` (FastAPI), or plain text.
    status: None for an error inside a stream that had begun with 200; ours then name one.
    """
    error = (value.get("error") or value) if isinstance(value, dict) else value
    fields: dict[str, Any] = error if isinstance(error, dict) else {"message": error}
    ours = fields.get("limner")
    if isinstance(ours, dict):
        status = _status(ours.get("status")) or status
        should_retry = ours.get("retryable") is True
        retry_after_s = _seconds(ours.get("retry_after_s"))
    status = status or 500
    kind, code = _text_or_none(fields.get("type")), _text_or_none(fields.get("code"))
    named = code if code and not code.isdecimal() else kind
    if should_retry is None:
        should_retry = _is_retryable(named, kind, status)
    own_status = _own_status(status, named)
    return ImageFailed(
        _message(fields, status, own_status),
        code=named or _CODES.get(status, f"upstream_{status}"),
        type=kind or (USER_TYPE if own_status in _CLIENT_STATUSES else SERVER_TYPE),
        retryable=should_retry,
        status=own_status,
        param=_text_or_none(fields.get("param")),
        retry_after_s=retry_after_s,
    )


def _own_status(status: int, code: str | None) -> int:
    if status in _CLIENT_STATUSES or (status == 404 and code == "model_not_found"):
        return status
    return _PASSED_ON.get(status, 502)


def _is_retryable(code: str | None, kind: str | None, status: int) -> bool:
    if code in _FINAL_CODES:
        return False
    return code in _RETRYABLE_CODES or kind in _RETRYABLE_CODES or status in _RETRYABLE_STATUSES


def _message(fields: dict[str, Any], status: int, own_status: int) -> str:
    # A server that refuses our key may quote it; the client must not learn even a part of it.
    if status in (401, 403):
        return f"The image back end answered {status}: it refused our credentials"
    message = fields.get("message") or fields.get("detail")
    if message and not isinstance(message, str):
        message = json.dump(message).decode()
    text = " ".join((message or "").split()) or "it did not say why"
    if len(text) > MAX_MESSAGE_CHARS:
        text = text[: MAX_MESSAGE_CHARS - 1] + "…"
    if message and (own_status in _CLIENT_STATUSES or "limner" in fields or own_status == 404):
        return text
    return f"The image back end answered {status}: {text}"


def _status(value: object) -> int | None:
    return value if isinstance(value, int) and 400 <= value < 600 else None


def _seconds(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if value > 0 else None


def _text_or_none(value: object) -> str | None:
    return value[:MAX_MESSAGE_CHARS] if isinstance(value, str) and value else None
