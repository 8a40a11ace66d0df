"""`/livez`: the process answers. `/readyz`: every part works, or how far it has come.

A part may be several that do the same work, which are told within it: one that works is enough.

Both are open to everyone, keys or not, and cost nothing: a page may ask every second. A server that
stops is not ready, from the first moment, so that nobody sends it new work.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from limner.core.readiness import Readiness, ReadinessState
from limner.server.drain import current_drain
from limner.server.errors import json_response

ReadinessOf = Callable[[], Readiness]

_FRESH = {"Cache-Control": "no-store"}
_WORST_FIRST: tuple[ReadinessState, ...] = ("failed", "loading", "ready")


def health_routes(parts: Mapping[str, ReadinessOf]) -> list[Route]:
    """parts: by name, what each says of itself at the moment."""

    async def live(request: Request) -> Response:
        return json_response({"status": "live"})

    async def ready(request: Request) -> Response:
        now = {name: readiness() for name, readiness in parts.items()}
        states = {readiness.state for readiness in now.values()}
        status = next((state for state in _WORST_FIRST if state in states), "ready")
        body = {"status": status, "parts": {name: _json(part) for name, part in now.items()}}
        if current_drain().has_begun:
            return json_response({**body, "status": "stopping"}, 503, _FRESH)
        if status == "ready":
            return json_response(body, 200, _FRESH)
        later = {"Retry-After": "1"} if status == "loading" else {}
        return json_response(body, 503, {**_FRESH, **later})

    return [Route("/livez", live), Route("/readyz", ready)]


def _json(readiness: Readiness) -> dict[str, object]:
    parts = readiness.parts
    return {
        "state": readiness.state,
        "message": readiness.message,
        "progress": readiness.progress,
        **({"parts": {name: _json(part) for name, part in parts.items()}} if parts else {}),
    }
