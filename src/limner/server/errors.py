"""Errors on their way out: OpenAI's envelope, a request id on every reply, advice on retrying.

Handlers are found by the class of the error. What nobody foresaw is caught in one place,
`access.Access`, which says 500 and nothing of the inside.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Mapping

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Mount, Route
from starlette.types import ExceptionHandler, Scope

from limner.core.errors import (
    ImageError,
    InvalidRequest,
    LimnerError,
    StoreError,
    UpstreamError,
)
from limner.core.image_tool import DISABLED
from limner.wire import json
from limner.wire.errors import error_json, error_status

CLIENT_CLOSED_REQUEST = 499
"""Not sent to anyone, since nobody is left; it is what logs know this case by, after nginx."""

MAX_QUOTED_CHARS = 200
"""How much of a client's own words an error repeats."""

_TIMED = InvalidRequest | UpstreamError | ImageError | StoreError
"""Errors that may know when to ask again."""

logger = logging.getLogger(__name__)


def json_response(
    value: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """A whole reply in JSON."""
    return Response(json.dump(value), status, headers, "application/json")


def error_response(error: LimnerError) -> Response:
    """The envelope, and in headers when to ask again.

    `x-should-retry: false` keeps OpenAI's clients, which repeat every 5xx and 429 by themselves,
    from paying twice for what will fail again.
    """
    status = error_status(error)
    headers = {}
    if isinstance(error, _TIMED) and error.retry_after_s:
        headers["Retry-After"] = str(math.ceil(error.retry_after_s))
    if isinstance(error, UpstreamError | ImageError) and not error.retryable:
        headers["x-should-retry"] = "false"
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return json_response(error_json(error), status, headers)


def request_id(request: HTTPConnection) -> str:
    """The id that this request's reply and log lines carry; empty outside of `Access`."""
    found = request.scope.get("state", {}).get("request_id", "")
    return str(found)


def unforeseen(id: str) -> LimnerError:
    """What a client is told of a bug of ours: nothing but where its operator finds more."""
    return LimnerError(f"The server failed. Its log says more under the request id {id or 'none'}.")


async def _on_limner_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, LimnerError)
    reply = error_response(error)
    if reply.status_code >= 500:
        facts = {"action": "refused", "status": reply.status_code, "error": error.message}
        logger.warning("request failed", extra={**facts, "request_id": request_id(request)})
    elif isinstance(error, InvalidRequest) and error.code == DISABLED:
        facts = {"action": "denied", "path": request.scope["path"]}
        logger.warning(
            "image generation denied", extra={**facts, "request_id": request_id(request)}
        )
    return reply


async def _on_http_exception(request: Request, error: Exception) -> Response:
    """What routing itself refuses: unknown paths and methods."""
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    asked = f"{request.method} {request.scope['path']}"[:MAX_QUOTED_CHARS]
    if error.status_code == 405:
        headers["Allow"] = ", ".join(sorted(_methods(request.app.routes, request.scope)))
        message = f"{asked} is not possible; this path accepts {headers['Allow']}."
        refusal = InvalidRequest(message, code="method_not_allowed", status=405)
    elif error.status_code == 404:
        message = f"There is nothing at {asked}; GET / lists what this server offers."
        refusal = InvalidRequest(message, code="not_found", status=404)
    else:
        refusal = InvalidRequest(str(error.detail), status=error.status_code)
    return json_response(error_json(refusal), error.status_code, headers)


def _methods(routes: Iterable[BaseRoute], scope: Scope) -> set[str]:
    """What can be done at a path, by whatever route: Starlette names the first one's alone."""
    found: set[str] = set()
    for route in routes:
        if isinstance(route, Mount):
            found |= _methods(route.routes, scope)
        elif isinstance(route, Route) and route.matches(scope)[0] != Match.NONE:
            found |= route.methods or set()
    return found


async def _on_client_gone(request: Request, error: Exception) -> Response:
    facts = {"action": "abandoned", "request_id": request_id(request)}
    logger.debug("client left before the reply", extra=facts)
    return Response(status_code=CLIENT_CLOSED_REQUEST)


HANDLERS: Mapping[type[Exception], ExceptionHandler] = {
    LimnerError: _on_limner_error,
    HTTPException: _on_http_exception,
    ClientDisconnect: _on_client_gone,
}
