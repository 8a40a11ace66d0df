"""What becomes of the hosted image tool in a request, by the operator's word.

A key's own mode holds before that of the upstream.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, assert_never

from limner.core.image_tool import NAME, check_gate
from limner.core.request import AllowedTools, ClientChoice, Echo, ImageToolChoice, ResponseRequest

ImageToolMode = Literal["on", "off", "strip"]
"""`on`: run here. `off`: refused by name. `strip`: taken out, for clients that always offer it."""

STRIPPED = "limner_image_tool"
"""The key in the response's metadata that says so, beside the adjustment."""

MAX_METADATA = 16


def pass_gate(request: ResponseRequest, mode: ImageToolMode) -> ResponseRequest:
    """The request as it may go on; raises InvalidRequest when the tool is off and is offered."""
    if request.image_tool is None:
        return request
    match mode:
        case "on":
            return request
        case "off":
            check_gate(request, can_paint=False)
            return request
        case "strip":
            return _strip(request)
        case _:
            assert_never(mode)


def _strip(request: ResponseRequest) -> ResponseRequest:
    said = f"The tool {NAME} was taken out of the request, as this server's operator decided."
    return replace(
        request,
        image_tool=None,
        tool_choice=_without_tool(request.tool_choice),
        adjustments=(*request.adjustments, said),
        echo=_noted(request.echo),
    )


def _without_tool(choice: ClientChoice) -> ClientChoice:
    match choice:
        case ImageToolChoice():
            return "auto"
        case AllowedTools():
            return replace(choice, image_tool=False)
        case _:
            return choice


def _noted(echo: Echo) -> Echo:
    """Metadata hold 16 pairs at most; where they are full the adjustment alone says it."""
    if len(echo.metadata) >= MAX_METADATA:
        return echo
    return replace(echo, metadata={**echo.metadata, STRIPPED: "stripped"})
