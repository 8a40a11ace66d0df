"""The server's ASGI application, put together from its parts.

From outside to inside: `Access` (ids, the last resort), CORS where origins are named, `SiteGuard`
(hosts and origins), routes. Keys guard every route but the welcome and the health checks, unknown
paths included.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route, Router

from limner.core.gate import ImageToolMode
from limner.core.image_tool import Denial
from limner.core.ports import ImageBackend
from limner.gateway.archive import Archive
from limner.gateway.background import Background
from limner.gateway.responder import Responder
from limner.gateway.several import Select
from limner.server.access import Access
from limner.server.body import DEFAULT_LIMIT_BYTES
from limner.server.detached import Detached
from limner.server.errors import HANDLERS, json_response
from limner.server.guard import KeyGuard, SiteGuard
from limner.server.health import ReadinessOf, health_routes
from limner.server.input_tokens import input_tokens_routes
from limner.server.models import Models, Refresh, models_routes, nothing_to_refresh
from limner.server.openapi import openapi_route
from limner.server.responses import Responses, responses_routes
from limner.server.stored_responses import stored_responses_routes
from limner.server.streaming import DEFAULT_HEARTBEAT_S

Lifespan = Callable[[Starlette], AbstractAsyncContextManager[None]]


@dataclass(frozen=True, slots=True)
class Rules:
    """Who may ask.

    hosts: the names that this server answers for (`guard.allowed_hosts`); None means any.
    origins: of web pages that may use it. api_keys: one of them is needed; none means no key.
    image_tool: what keys say of the image tool; those that say nothing leave it to the upstream.
    """

    hosts: frozenset[str] | None = None
    origins: frozenset[str] = frozenset()
    api_keys: frozenset[str] = field(default=frozenset(), repr=False)
    image_tool: Mapping[str, ImageToolMode] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class ServerParts:
    """What the server is made of; whoever opened a part closes it.

    select: finds the language model. image_backend: None refuses the image tool by name.
    models, refresh_models: see `models_routes`. denial: see `ResponseRun`. readiness: of each part
    that takes time to load, by name. routes: further APIs. page: the chat page at `/`; without one,
    the endpoints are listed there. inner: middleware behind the keys. archive: where requests'
    names are looked up. background: keeps responses and runs those that need no client; None keeps
    nothing.
    """

    select: Select
    image_backend: ImageBackend | None
    models: Models
    refresh_models: Refresh = nothing_to_refresh
    denial: Denial = "recover"
    readiness: Mapping[str, ReadinessOf] = field(default_factory=dict)
    routes: Sequence[BaseRoute] = ()
    page: Sequence[BaseRoute] = ()
    inner: Sequence[Middleware] = ()
    archive: Archive = Archive()  # noqa: RUF009 - a frozen value
    background: Background | None = None
    rules: Rules = field(default_factory=Rules)
    body_limit_bytes: int = DEFAULT_LIMIT_BYTES
    heartbeat_s: float = DEFAULT_HEARTBEAT_S
    lifespan: Lifespan | None = None


def create(parts: ServerParts) -> Starlette:
    """The whole server."""
    responses = _responses(parts)
    counting = input_tokens_routes(
        parts.select,
        parts.image_backend,
        look_up=parts.archive.look_up,
        body_limit_bytes=parts.body_limit_bytes,
    )
    health = health_routes(parts.readiness)
    closed = [*responses, *counting, *models_routes(parts.models, parts.refresh_models)]
    closed += parts.routes
    closed.append(openapi_route([*closed, *health]))
    opened = [*(parts.page or [_welcome(closed)]), *health]
    return enclose(closed, opened, rules=parts.rules, inner=parts.inner, lifespan=parts.lifespan)


def _responses(parts: ServerParts) -> list[BaseRoute]:
    """The doors to responses; where there is no store, only that to new ones."""
    responder = Responder(parts.select, parts.image_backend, parts.denial)
    background = parts.background
    detached = (
        Detached(responder, background, heartbeat_s=parts.heartbeat_s) if background else None
    )
    begin = responses_routes(
        Responses(responder, parts.archive, background),
        detached,
        body_limit_bytes=parts.body_limit_bytes,
        heartbeat_s=parts.heartbeat_s,
    )
    stored = stored_responses_routes(background, detached) if background and detached else []
    return [*begin, *stored]


def enclose(
    closed: Sequence[BaseRoute],
    opened: Sequence[BaseRoute] = (),
    *,
    rules: Rules,
    inner: Sequence[Middleware] = (),
    lifespan: Lifespan | None = None,
) -> Starlette:
    """An application of these routes with ids, errors and guards around them.

    closed: behind the keys. opened: for everyone. inner: around the closed ones, behind the keys.
    """
    # Requests of the open ones reach the inside only by a method that they do not have: a 405.
    inside = Router([*closed, *opened], redirect_slashes=False)
    keys = [Middleware(KeyGuard, rules.api_keys, rules.image_tool)] if rules.api_keys else []
    cors = Middleware(
        CORSMiddleware, sorted(rules.origins), allow_methods=["*"], allow_headers=["*"]
    )
    around = [
        Middleware(Access),
        *([cors] if rules.origins else []),
        Middleware(SiteGuard, rules.hosts, rules.origins),
    ]
    routes = [*opened, Mount("/", inside, middleware=[*keys, *inner])]
    return Starlette(
        routes=routes, middleware=around, exception_handlers=HANDLERS, lifespan=lifespan
    )


def _welcome(routes: Sequence[BaseRoute]) -> Route:
    """What a person sees who opens the server's address."""
    offered = [
        f"{method} {route.path}"
        for route in routes
        if isinstance(route, Route)
        for method in sorted((route.methods or set()) - {"HEAD"})
    ]

    async def welcome(request: Request) -> Response:
        return json_response({"name": "limner", "endpoints": [*offered, *_HEALTH]})

    return Route("/", welcome)


_HEALTH = ("GET /livez", "GET /readyz")
