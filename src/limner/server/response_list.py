"""`GET /v1/responses`: an owner's stored responses, found by their metadata. Limner's own."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from limner.server.errors import json_response
from limner.server.guard import owner_of
from limner.store.response_list import ResponseList
from limner.wire.response_list import INPUT, INPUT_PICTURES, read_list_query, response_list_json


def response_list_routes(responses: ResponseList) -> list[Route]:
    async def list_all(request: Request) -> Response:
        wanted = read_list_query(request.query_params.multi_items())
        listed = await responses.page(
            owner_of(request),
            wanted.page,
            labels=wanted.labels,
            has_input=INPUT in wanted.include,
            has_input_pictures=INPUT_PICTURES in wanted.include,
        )
        return json_response(response_list_json(listed))

    return [Route("/v1/responses", list_all, methods=["GET"])]
