"""`POST /v1/responses/input_tokens`: what a request's input would cost, without a response."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from limner.core.actions import StartTurn
from limner.core.fitting import fit
from limner.core.gate import pass_gate
from limner.core.ports import ImageBackend
from limner.core.request import ResponseRequest
from limner.core.run import ResponseRun
from limner.core.turn import TurnRequest, UpstreamCapabilities
from limner.gateway.several import Select, count_tokens
from limner.server.body import DEFAULT_LIMIT_BYTES, read_json
from limner.server.errors import json_response
from limner.server.guard import image_tool_of, owner_of
from limner.wire.input_tokens import count_json, estimate_tokens, parse_count_request
from limner.wire.known import NOTHING_KNOWN, Known, References
from limner.wire.references import references

LookUp = Callable[[str, References], Awaitable[Known]]
"""Finds what a request of this owner names; raises InvalidRequest."""

_ANYTHING = UpstreamCapabilities("any", hosted_tools=True)


async def look_nowhere(owner: str, names: References) -> Known:
    """For a server that keeps nothing."""
    return NOTHING_KNOWN


def input_tokens_routes(
    select: Select,
    image_backend: ImageBackend | None,
    *,
    look_up: LookUp = look_nowhere,
    body_limit_bytes: int = DEFAULT_LIMIT_BYTES,
) -> list[Route]:
    """What is counted is the first turn of the response, as its language model would be asked."""

    async def count(request: Request) -> Response:
        body = await read_json(request, body_limit_bytes)
        asked = parse_count_request(body, await look_up(owner_of(request), references(body)))
        if body.get("model") is None:
            fitted, counted = fit(asked, _ANYTHING), None
            turn = _first_turn(fitted, image_backend)
        else:
            served = select(asked.model)
            can = served.upstream.capabilities
            mode = image_tool_of(request) or served.image_tool
            passed = pass_gate(asked, mode, can, can_paint=image_backend is not None)
            fitted = fit(passed, can)
            turn = _first_turn(fitted, image_backend)
            counted = await count_tokens(served.upstream, turn)
        tokens = estimate_tokens(turn) if counted is None else counted
        said = fitted.adjustments
        return json_response(count_json(tokens, estimated=counted is None, adjustments=said))

    return [Route("/v1/responses/input_tokens", count, methods=["POST"])]


def _first_turn(request: ResponseRequest, image_backend: ImageBackend | None) -> TurnRequest:
    run = ResponseRun(
        request,
        response_id="",
        new_id=lambda prefix: prefix,
        clock=lambda: 0,
        painter=image_backend.capabilities if image_backend else None,
    )
    action = run.action()
    assert isinstance(action, StartTurn), "a response begins by asking its language model"
    return action.request
