"""Errors of Chat Completions servers, which every server shapes in its own way."""

from __future__ import annotations

from typing import Any

from limner.core.turn import TurnFailed
from limner.wire import json
from limner.wire.sse import SseDecoder

MAX_MESSAGE_CHARS = 500

# 529 is Anthropic's "overloaded".
_PASSED_ON = {429: 429, 503: 503, 504: 504, 408: 504, 529: 503}
# What has no name of its own is called as OpenAI calls it: its clients know a closed set of codes.
_CODES = {429: "rate_limit_exceeded", 500: "server_error"}
_RETRYABLE = frozenset({408, 429, 500, 502, 503, 504, 529})
# OpenAI sends both with 429; waiting does not help against them.
_FINAL_CODES = frozenset({"insufficient_quota", "billing_hard_limit_reached"})


def read_chat_error(body: bytes, status: int, *, retry_after_s: float | None = None) -> TurnFailed:
    """Make what a server answered instead of 200 readable for our client.

    body: JSON, JSON as the first event of a stream (LiteLLM), or words.
    """
    decoder = SseDecoder()
    events = (*decoder.feed(body), *decoder.flush())
    for text in (body, *(event.data for event in events[:1])):
        try:
            return failure_of(json.load(text), status, retry_after_s=retry_after_s)
        except ValueError:
            continue
    return failure_of(body.decode(errors="replace"), status, retry_after_s=retry_after_s)


def failure_of(value: Any, status: int | None, *, retry_after_s: float | None = None) -> TurnFailed:
    """Read an error's JSON in any of its known shapes.

    `{"error": {"message", "code"}}` (OpenAI), `{"error": "text"}` (Ollama, llama.cpp),
    `{"message", "code"}` (older vLLM, Mistral), `{"detail": …}` (FastAPI), or plain text.
    status: None for an error inside a stream that had begun with 200; the error may then name one.
    """
    if isinstance(value, dict):
        value = value.get("error") or value
    fields = value if isinstance(value, dict) else {"message": value}
    code = fields.get("code") or fields.get("type")
    if status is None:
        status = _http_status(fields.get("code")) or _http_status(fields.get("status")) or 500
    named = code if isinstance(code, str) and not code.isdecimal() else None
    # A server that refuses our key may quote it; the client must not learn even a part of it.
    said = "it refused our credentials" if status in (401, 403) else _text(fields)
    return TurnFailed(
        message=f"The language model server answered {status}: {said}",
        code=named or _CODES.get(status, f"upstream_{status}"),
        status=_PASSED_ON.get(status, 502),
        retryable=status in _RETRYABLE and named not in _FINAL_CODES,
        retry_after_s=retry_after_s,
    )


def _http_status(code: object) -> int | None:
    if isinstance(code, str) and code.isdecimal():
        code = int(code)
    return code if isinstance(code, int) and 400 <= code < 600 else None


def _text(fields: dict[str, Any]) -> str:
    message = fields.get("message") or fields.get("detail")
    if message and not isinstance(message, str):
        message = json.dump(message).decode()
    text = " ".join((message or "").split())
    if not text:
        return "it did not say why"
    return text if len(text) <= MAX_MESSAGE_CHARS else text[: MAX_MESSAGE_CHARS - 1] + "…"
