"""Stored responses: fetched, followed, cancelled, deleted, and their input listed.

Unknown, foreign and deleted ids are one and the same to a client.
Source: OpenAI API reference, "Responses", and its guide to background mode.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from limner.core.errors import InvalidRequest
from limner.core.response_store import StoredResponse
from limner.gateway.background import Background
from limner.server.detached import Detached
from limner.server.errors import json_response
from limner.server.guard import owner_of
from limner.server.query import checked_query, truth
from limner.wire.conversations import check_include
from limner.wire.fields import cut, invalid_value, unsupported
from limner.wire.pages import page_json, read_page

_NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)
_INCLUDE = ("include", "include[]")
"""Whatever they name, stored items are given whole."""


def stored_responses_routes(background: Background, detached: Detached) -> list[Route]:
    """background: runs those that are under way."""
    doors = _Doors(background, detached)
    path = "/v1/responses/{id}"
    return [
        Route(path, doors.get, methods=["GET"]),
        Route(path, doors.delete, methods=["DELETE"]),
        Route(f"{path}/cancel", doors.cancel, methods=["POST"]),
        Route(f"{path}/input_items", doors.input_items, methods=["GET"]),
    ]


@dataclass(frozen=True, slots=True)
class _Doors:
    background: Background
    detached: Detached

    async def get(self, request: Request) -> Response:
        query = checked_query(
            request, {"stream", "starting_after", "include_obfuscation", *_INCLUDE}
        )
        check_include(request.query_params.multi_items())
        is_stream = truth(query, "stream")
        after = _starting_after(query, is_stream=is_stream)
        if truth(query, "include_obfuscation"):
            raise unsupported("include_obfuscation", "No padding is added here.")
        stored = await self._find(request)
        if not is_stream:
            return json_response(await self.detached.whole(stored))
        if not (stored.nature.is_logged and stored.nature.streamed):
            raise InvalidRequest(
                "This response cannot be streamed: only those can that were created with "
                "background=true and stream=true.",
                param="stream",
                code="invalid_value",
            )
        return self.detached.stream(stored.id, after)

    async def cancel(self, request: Request) -> Response:
        stored = await self._find(request)
        if not stored.nature.background:
            raise InvalidRequest("Cannot cancel a synchronous response.", code="not_cancellable")
        if not stored.has_ended:
            await self.background.cancel(stored.id)
        return json_response(await self.detached.whole(await self._find(request)))

    async def delete(self, request: Request) -> Response:
        stored = await self._find(request)
        if stored.nature.is_logged and not stored.has_ended:
            await self.background.cancel(stored.id)
        await self.background.store.delete(stored.nature.owner, stored.id)
        return json_response({"id": stored.id, "object": "response", "deleted": True})

    async def input_items(self, request: Request) -> Response:
        query = request.query_params.multi_items()
        check_include(query)
        page = read_page(query, also=_INCLUDE)
        stored = await self._find(request)
        listed = await self.background.store.input_page(stored.id, page)
        return json_response(page_json(list(map(dict, listed.entries)), listed.has_more))

    async def _find(self, request: Request) -> StoredResponse:
        id = request.path_params["id"]
        stored = await self.background.store.get(owner_of(request), id)
        if stored is None:
            raise InvalidRequest(f"Response with id '{cut(id)}' not found.", status=404)
        return stored


def _starting_after(query: Mapping[str, str], *, is_stream: bool) -> int:
    """The number given; -1 for the start."""
    value = query.get("starting_after")
    if value is None:
        return -1
    if not is_stream:
        raise unsupported("starting_after", "It needs stream=true.")
    if not _NUMBER.fullmatch(value):
        raise invalid_value("starting_after", value, "the number of an event")
    return int(value)
