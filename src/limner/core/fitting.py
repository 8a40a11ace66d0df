"""A client's request made to fit the upstream that will answer it.

What an upstream cannot take is left out and reported, as long as the answer can still be what the
client wants; a choice that forces it and an item that carries it are refused.
"""

from __future__ import annotations

from dataclasses import replace

from limner.core.errors import InvalidRequest
from limner.core.items import Opaque
from limner.core.request import (
    AllowedTools,
    ClientChoice,
    HostedTool,
    ImageToolChoice,
    ResponseRequest,
)
from limner.core.turn import HostedChoice, UpstreamCapabilities

ENCRYPTED_REASONING = "reasoning.encrypted_content"
_ITEM_TYPES = (
    "message",
    "function_call",
    "function_call_output",
    "reasoning",
    "image_generation_call",
)


def fit(request: ResponseRequest, can: UpstreamCapabilities) -> ResponseRequest:
    """Return what of the request this upstream can take; raises InvalidRequest."""
    adjustments = list(request.adjustments)
    if ENCRYPTED_REASONING in request.include and not can.encrypted_reasoning:
        index = request.include.index(ENCRYPTED_REASONING)
        adjustments.append(
            f"include[{index}]: reasoning is returned as plain text where the model shows it."
        )
    if not can.hosted_tools:
        request = _without_hosted(request, adjustments)
    _check_required(request)
    if request.adjustments != tuple(adjustments):
        request = replace(request, adjustments=tuple(adjustments))
    return request


def pass_image_tool(request: ResponseRequest) -> ResponseRequest:
    """Leave the image tool to an upstream that has its own; of several entries the last counts."""
    tool = request.image_tool
    if tool is None:
        return request
    choice = request.tool_choice
    if isinstance(choice, ImageToolChoice):
        choice = HostedChoice({"type": "image_generation"})
    elif isinstance(choice, AllowedTools) and choice.image_tool:
        selector = HostedTool(len(choice.hosted), {"type": "image_generation"})
        choice = replace(choice, image_tool=False, hosted=(*choice.hosted, selector))
    entry = HostedTool(tool.index, request.echo.tools[tool.index])
    hosted = (*request.hosted_tools, entry)
    return replace(request, image_tool=None, hosted_tools=hosted, tool_choice=choice)


def _without_hosted(request: ResponseRequest, adjustments: list[str]) -> ResponseRequest:
    _check_items(request)
    for tool in request.hosted_tools:
        adjustments.append(
            f"tools[{tool.index}]: left out. Of the hosted tools this server runs "
            f"image_generation only, not {tool.value.get('type')}."
        )
    if request.sampling.reasoning_summary:
        adjustments.append(
            "reasoning.summary: reasoning is shown as it is written, not summarised."
        )
    return replace(
        request,
        hosted_tools=(),
        include=(),
        sampling=replace(request.sampling, reasoning_summary=None),
        tool_choice=_choice(request, adjustments),
    )


def _check_items(request: ResponseRequest) -> None:
    for index, item in enumerate(request.items):
        if isinstance(item, Opaque) and item.type == "function_call":
            raise InvalidRequest(
                f"Unsupported parameter: 'input[{index}].namespace'. "
                "The language model here calls functions by their bare name.",
                param=f"input[{index}].namespace",
                code="unsupported_parameter",
            )
        if isinstance(item, Opaque):
            raise InvalidRequest(
                f"Invalid value: '{item.type}'. The language model here understands items of the "
                f"types {', '.join(_ITEM_TYPES)}.",
                param=f"input[{index}].type",
                code="invalid_value",
            )


def _choice(request: ResponseRequest, adjustments: list[str]) -> ClientChoice:
    choice = request.tool_choice
    if isinstance(choice, HostedChoice):
        raise InvalidRequest(
            f"Tool choice '{choice.selector.get('type')}' not found in 'tools' parameter.",
            param="tool_choice",
            code="invalid_value",
        )
    if not isinstance(choice, AllowedTools):
        return choice
    for selector in choice.hosted:
        adjustments.append(
            f"tool_choice.tools[{selector.index}]: left out, since this server runs no such tool."
        )
    return replace(choice, hosted=())


def _check_required(request: ResponseRequest) -> None:
    """A choice that demands a call needs something to call."""
    match request.tool_choice:
        case "required" if not (request.functions or request.image_tool or request.hosted_tools):
            what, where, param = "'required'", "tools", "tool_choice"
        case AllowedTools(
            required=True, functions=functions, image_tool=image_tool, hosted=hosted
        ) if not (functions or image_tool or hosted):
            what, where, param = "mode 'required'", "tool_choice.tools", "tool_choice.tools"
        case _:
            return
    raise InvalidRequest(
        f"Tool choice {what} needs at least one function or image_generation in '{where}'.",
        param=param,
        code="invalid_value",
    )
