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
        if isinstance(item, Opaque):
            raise InvalidRequest(
                f"Invalid value: '{item.type}'. The language model here understands items of the "
                "types message, function_call, function_call_output, reasoning and "
                "image_generation_call.",
                param=f"input[{index}].type",
                code="invalid_value",
            )


def _choice(request: ResponseRequest, adjustments: list[str]) -> ClientChoice:
    choice = request.tool_choice
    has_any = bool(request.functions) or request.image_tool is not None
    if isinstance(choice, HostedChoice):
        raise _not_found(f"Tool choice '{choice.selector.get('type')}'", "tool_choice")
    if choice == "required" and not has_any:
        raise _not_found("Tool choice 'required'", "tool_choice")
    if not isinstance(choice, AllowedTools):
        return choice
    for selector in choice.hosted:
        adjustments.append(
            f"tool_choice.tools[{selector.index}]: left out, since this server runs no such tool."
        )
    if choice.required and not choice.functions and not choice.image_tool:
        raise _not_found("Tool choice mode 'required'", "tool_choice.tools")
    return replace(choice, hosted=())


def _not_found(what: str, param: str) -> InvalidRequest:
    return InvalidRequest(
        f"{what} needs a function or image_generation in '{param.replace('_choice', 's', 1)}': "
        "the language model here has no other tools.",
        param=param,
        code="invalid_value",
    )
