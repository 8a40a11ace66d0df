"""What becomes of the hosted image tool in a request, by the operator's word.

A key's own mode holds before that of the upstream.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, assert_never

from limner.core.errors import InvalidRequest
from limner.core.fitting import pass_image_tool
from limner.core.image_tool import DISABLED, GATE_MESSAGE, NAME
from limner.core.request import AllowedTools, ClientChoice, Echo, ImageToolChoice, ResponseRequest
from limner.core.turn import UpstreamCapabilities

ImageToolMode = Literal["on", "off", "passthrough", "strip"]
"""`on`: run here, or, where nothing can paint, by an upstream that has the tool itself. `off`:
refused by name. `passthrough`: left to the upstream. `strip`: taken out, for clients that always
offer it."""

STRIPPED = "limner_image_tool"
"""The key in the response's metadata that says so, beside the adjustment."""

MAX_METADATA = 16


def pass_gate(
    request: ResponseRequest, mode: ImageToolMode, can: UpstreamCapabilities, *, can_paint: bool
) -> ResponseRequest:
    """The request as it may go on to an upstream that can do this. can_paint: whether we can.

    Raises InvalidRequest when the tool is offered and is off, or is to be passed to an upstream
    that has none of its own.
    """
    if request.image_tool is None:
        return request
    param = request.image_tool.path
    if mode == "on" and not can_paint and can.native_image_tool:
        mode = "passthrough"
    match mode:
        case "on":
            return request
        case "off":
            raise InvalidRequest(GATE_MESSAGE, param=param, code=DISABLED)
        case "passthrough" if can.native_image_tool:
            return pass_image_tool(request)
        case "passthrough":
            raise InvalidRequest(
                "The language model here has no image tool of its own, to which this server's "
                "operator leaves such requests.",
                param=param,
                code=DISABLED,
            )
        case "strip":
            return _strip(request)
        case _:
            assert_never(mode)


def _strip(request: ResponseRequest) -> ResponseRequest:
    said = f"The tool {NAME} was taken out of the request, as this server's operator decided."
    return replace(
        request,
        image_tool=None,
        tool_choice=_without_tool(request),
        adjustments=(*request.adjustments, said),
        echo=_noted(request.echo),
    )


def _without_tool(request: ResponseRequest) -> ClientChoice:
    """The choice among what is left; where nothing is left to call it demands no call."""
    match request.tool_choice:
        case ImageToolChoice():
            return "auto"
        case "required" if not (request.functions or request.hosted_tools):
            return "auto"
        case AllowedTools(required=required, functions=functions, hosted=hosted) as choice:
            required = required and bool(functions or hosted)
            return replace(choice, image_tool=False, required=required)
        case choice:
            return choice


def _noted(echo: Echo) -> Echo:
    """Metadata hold 16 pairs at most; where they are full the adjustment alone says it."""
    if len(echo.metadata) >= MAX_METADATA:
        return echo
    return replace(echo, metadata={**echo.metadata, STRIPPED: "stripped"})
