"""`GET /openapi.json`: what this server offers, described; see `wire.openapi`.

Behind the keys like what it describes: which doors are open is nobody's business who has none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from limner import __version__
from limner.wire import json
from limner.wire.openapi import document
from limner.wire.openapi_operations import OPERATIONS, SCHEMAS

PATH = "/openapi.json"


def openapi_route(routes: Sequence[BaseRoute]) -> Route:
    """routes: all others of the server, those without a key too."""
    offered = {*keys_of(routes), ("GET", PATH)}
    described = [it for it in OPERATIONS if it.key in offered]
    text = json.dump(document(described, SCHEMAS, __version__))

    async def show(request: Request) -> Response:
        return Response(text, media_type="application/json")

    return Route(PATH, show, methods=["GET"])


def keys_of(routes: Iterable[BaseRoute]) -> Iterator[tuple[str, str]]:
    """Method and path of each; other routes than HTTP's cannot be described."""
    for route in routes:
        if isinstance(route, Route):
            for method in sorted((route.methods or set()) - {"HEAD"}):
                yield method, route.path
