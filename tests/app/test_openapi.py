"""`GET /openapi.json` of the whole server: every route is described, and nothing else is."""

from __future__ import annotations

import httpx
from openapi_spec_validator import validate
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount

from limner.app.server import open_server
from limner.config import load
from limner.server.openapi import keys_of
from limner.wire.openapi_operations import OPERATIONS

PAGE = {("GET", "/"), ("GET", "/web/{path:path}")}
"""For people; no API."""


def routes_of(app: Starlette) -> list[BaseRoute]:
    mounted = [route.routes for route in app.routes if isinstance(route, Mount)]
    return [*app.routes, *(route for routes in mounted for route in routes)]


async def test_every_route_of_the_server_is_described() -> None:
    async with open_server(load({"store": "memory", "image_backend": "none"}, {})) as app:
        offered = set(keys_of(routes_of(app))) - PAGE
    described = [operation.key for operation in OPERATIONS]
    assert len(described) == len(set(described))
    assert set(described) == offered, "src/limner/wire/openapi_*.py says what each route takes"


async def test_the_document_is_valid_openapi() -> None:
    async with open_server(load({"store": "memory", "image_backend": "none"}, {})) as app:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            document = (await client.get("/openapi.json")).json()
    validate(document)
    assert document["openapi"] == "3.1.0"
    said = [it for path in document["paths"].values() for it in path.values()]
    assert len(said) == len(OPERATIONS)
    assert len({operation["operationId"] for operation in said}) == len(said)


async def test_the_description_is_behind_the_keys() -> None:
    settings = load({"store": "memory", "image_backend": "none"}, {"LIMNER_API_KEYS": "sk-one"})
    async with open_server(settings) as app:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            assert (await client.get("/openapi.json")).status_code == 401
