"""`GET /v1/models` and `GET /v1/models/{id}`: what may be named as a model, and what it can do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from limner.core.routing import model_not_found
from limner.server.errors import json_response
from limner.wire.models import ModelEntry, model_json, models_json

Models = Callable[[], Sequence[ModelEntry]]
Refresh = Callable[[], Awaitable[None]]


async def nothing_to_refresh() -> None:
    """For servers whose models are known from the start."""


def models_routes(models: Models, refresh: Refresh = nothing_to_refresh) -> list[Route]:
    """models: asked each time, since readiness changes, and behind `refresh`, which ends soon."""

    async def list_all(request: Request) -> Response:
        await refresh()
        return json_response(models_json(models()))

    async def show(request: Request) -> Response:
        await refresh()
        wanted = request.path_params["id"]
        known = {entry.id: entry for entry in models()}
        if wanted not in known:
            raise model_not_found(wanted, known)
        return json_response(model_json(known[wanted]))

    return [Route("/v1/models", list_all), Route("/v1/models/{id:path}", show)]
