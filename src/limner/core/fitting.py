"""A client's request made to fit the upstream that will answer it.

What an upstream cannot take is left out and reported, as long as the answer can still be what the
client wants; a choice that forces it and an item that carries it are refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from limner.core.errors import InvalidRequest
from limner.core.items import Item, Opaque
from limner.core.request import (
    AllowedTools,
    ClientChoice,
    HostedTool,
    ImageToolChoice,
    ResponseRequest,
)
from limner.core.turn import HostedChoice, UpstreamCapabilities

ENCRYPTED_REASONING = "reasoning.encrypted_content"
LOG_PROBABILITIES = "message.output_text.logprobs"
_ITEM_TYPES = (
    "message",
    "function_call",
    "function_call_output",
    "reasoning",
    "image_generation_call",
)
_TELLING_TOOLS = frozenset({"additional_tools", "tool_search_call", "tool_search_output"})
"""Items whose one purpose is to bring tools along, or that ask for such."""


def fit(request: ResponseRequest, can: UpstreamCapabilities) -> ResponseRequest:
    """Return what of the request this upstream can take; raises InvalidRequest.

    Doing it again changes nothing.
    """
    adjustments = list(request.adjustments)
    request = _including(request, can, adjustments)
    if can.hosted_tools:
        request = _each_tool_once(request)
    else:
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
        selector = HostedTool("tool_choice.tools", {"type": "image_generation"})
        choice = replace(choice, image_tool=False, hosted=(*choice.hosted, selector))
    entry = HostedTool("tools", tool.declared or {"type": "image_generation"})
    hosted = (*request.hosted_tools, entry)
    said = request.adjustments
    if tool.seed is not None:
        said = (*said, f"{tool.path}.seed: left out, the language model's own server paints.")
    return replace(
        request, image_tool=None, hosted_tools=hosted, tool_choice=choice, adjustments=said
    )


def _including(
    request: ResponseRequest, can: UpstreamCapabilities, adjustments: list[str]
) -> ResponseRequest:
    missing = {}
    if not can.encrypted_reasoning:
        missing[ENCRYPTED_REASONING] = (
            "reasoning is returned as plain text where the model shows it"
        )
    if not can.logprobs:
        missing[LOG_PROBABILITIES] = "log probabilities are not returned with this language model"
    told = [
        f"include[{index}]: {missing[value]}."
        for index, value in enumerate(request.include)
        if value in missing
    ]
    if not told:
        return request
    adjustments += told
    sampling = request.sampling
    if not can.logprobs:
        sampling = replace(sampling, logprobs=False, top_logprobs=None)
    kept = tuple(value for value in request.include if value not in missing)
    return replace(request, include=kept, sampling=sampling)


def _each_tool_once(request: ResponseRequest) -> ResponseRequest:
    """Such an upstream reads by itself which tools the items bring along."""
    hosted = tuple(tool for tool in request.hosted_tools if tool.path.startswith("tools"))
    if hosted != request.hosted_tools:
        request = replace(request, hosted_tools=hosted)
    return request if all(map(_says_something, request.items)) else _only(request, _says_something)


def _says_something(item: Item) -> bool:
    """Whether an item has brought more than the image tool, which is declared anyway."""
    return not (
        isinstance(item, Opaque) and item.type == "additional_tools" and not item.value["tools"]
    )


def _only(request: ResponseRequest, keeps: Callable[[Item], bool]) -> ResponseRequest:
    past, own = request.items[: request.past], request.items[request.past :]
    kept = tuple(filter(keeps, past))
    return replace(request, items=(*kept, *filter(keeps, own)), past=len(kept))


def _without_hosted(request: ResponseRequest, adjustments: list[str]) -> ResponseRequest:
    for tool in request.hosted_tools:
        adjustments.append(
            f"{tool.path}: left out. Of the hosted tools this server runs "
            f"image_generation only, not {tool.value.get('type')}."
        )
    if request.sampling.reasoning_summary:
        adjustments.append(
            "reasoning.summary: reasoning is shown as it is written, not summarised."
        )
    return replace(
        _with_plain_items(request),
        hosted_tools=(),
        include=(),
        sampling=replace(request.sampling, reasoning_summary=None),
        tool_choice=_choice(request, adjustments),
    )


def _with_plain_items(request: ResponseRequest) -> ResponseRequest:
    """Without the items that only tell which tools there are; those are declared anyway."""
    for index, item in enumerate(request.items):
        if isinstance(item, Opaque) and item.type not in _TELLING_TOOLS:
            raise _not_understood(item, request, index - request.past)
    return _only(request, lambda item: not isinstance(item, Opaque))


def _not_understood(item: Opaque, request: ResponseRequest, index: int) -> InvalidRequest:
    """index: among the request's own items; negative for one that was said before."""
    is_call = item.type in ("function_call", "function_call_output")
    if index < 0:
        param = "previous_response_id" if request.echo.conversation is None else "conversation"
    else:
        param = f"input[{index}].{'namespace' if is_call else 'type'}"
    if is_call:
        return InvalidRequest(
            f"Unsupported parameter: '{param}'. "
            "The language model here calls functions by their bare name, without a namespace.",
            param=param,
            code="unsupported_parameter",
        )
    return InvalidRequest(
        f"Invalid value: '{item.type}'. The language model here understands items of the "
        f"types {', '.join(_ITEM_TYPES)}.",
        param=param,
        code="invalid_value",
    )


def _choice(request: ResponseRequest, adjustments: list[str]) -> ClientChoice:
    choice = request.tool_choice
    if isinstance(choice, HostedChoice):
        raise InvalidRequest(
            f"Tool choice '{choice.selector.get('type')}' cannot be made: of the hosted tools this "
            "server runs image_generation only.",
            param="tool_choice",
            code="invalid_value",
        )
    if not isinstance(choice, AllowedTools):
        return choice
    for selector in choice.hosted:
        adjustments.append(f"{selector.path}: left out, since this server runs no such tool.")
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
