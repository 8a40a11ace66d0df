"""`/livez`: the process answers. `/readyz`: every part works, or how far it has come.

A server that stops is not ready, from the first moment, so that nobody sends it new work.
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
            return json_response({**body, "status": "stopping"}, 503)
        if status == "ready":
            return json_response(body)
        return json_response(body, 503, {"Retry-After": "1"} if status == "loading" else {})

    return [Route("/livez", live), Route("/readyz", ready)]


def _json(readiness: Readiness) -> dict[str, object]:
    return {
        "state": readiness.state,
        "message": readiness.message,
        "progress": readiness.progress,
    }
