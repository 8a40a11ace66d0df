"""Bodies of requests: JSON only, whole, and never larger than a limit.

The content type is insisted on because browsers send `text/plain` and forms to any host without
asking, but `application/json` only after a preflight, which this server does not grant.
Senders that stop or trickle are dropped by the protocol.
"""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request

from limner.core.errors import InvalidRequest
from limner.server.errors import MAX_QUOTED_CHARS
from limner.wire import json

MIB = 1024 * 1024
DEFAULT_LIMIT_BYTES = 64 * MIB
"""Holds sixteen pictures of 3 MB, as base64, in a conversation."""

PARSED_ASIDE_BYTES = MIB
"""Larger bodies are parsed in a thread: a hostile 10 MB of brackets takes a second."""


async def read_json(request: Request, limit_bytes: int = DEFAULT_LIMIT_BYTES) -> dict[str, Any]:
    """Read the body, one JSON object.

    Raises InvalidRequest: 415 for another content type or an encoding, 413 above the limit, 400 for
    what is not strict JSON; ClientDisconnect when the client left before the end.
    """
    _check_headers(request)
    body = await read_bytes(request, limit_bytes)
    if not body:
        raise InvalidRequest(
            "The request body is empty; a JSON object is needed.", code="invalid_json"
        )
    if len(body) > PARSED_ASIDE_BYTES:
        return await asyncio.to_thread(json.load_body, body)
    return json.load_body(body)


async def read_bytes(request: Request, limit_bytes: int) -> bytes:
    """Read the body, whatever it is; raises InvalidRequest (413) above the limit."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit_bytes:
        raise _too_large(f"{int(declared)} bytes", limit_bytes)
    size = 0
    pieces = []
    async for piece in request.stream():
        size += len(piece)
        if size > limit_bytes:
            raise _too_large("more", limit_bytes)
        pieces.append(piece)
    return b"".join(pieces)


def _check_headers(request: Request) -> None:
    content_type = request.headers.get("content-type", "")
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise InvalidRequest(
            f"Content-Type must be application/json, got {_quoted(content_type)}.",
            code="unsupported_content_type",
            status=415,
        )
    encoding = request.headers.get("content-encoding", "identity")
    if encoding.strip().lower() != "identity":
        raise InvalidRequest(
            f"Content-Encoding {_quoted(encoding)} is not supported; send the body as it is.",
            code="unsupported_content_encoding",
            status=415,
        )


def _quoted(value: str) -> str:
    return repr(value[:MAX_QUOTED_CHARS]) if value else "none"


def _too_large(got: str, limit_bytes: int) -> InvalidRequest:
    return InvalidRequest(
        f"The request body must be at most {limit_bytes} bytes, got {got}.",
        code="request_too_large",
        status=413,
    )
