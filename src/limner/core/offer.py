"""What a turn offers the model to call.

- `allowed_tools` is a hard limit: what is not allowed is not declared, and not run when called.
- A forced choice holds for the first turn; later ones are free, or the calls would never end.
- Some upstreams refuse calls in the history whose function is not declared: the image function is
  declared while the history has calls of it, also where it may not be called.
- Where nothing may be called the choice is `none`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from limner.core.request import (
    AllowedTools,
    FunctionChoice,
    HostedTool,
    ImageToolChoice,
    ResponseRequest,
)
from limner.core.turn import FunctionTool, HostedChoice, JsonObject, NamedChoice, ToolChoice


@dataclass(frozen=True, slots=True)
class Offer:
    """tools, choice, hosted: for the upstream. functions, image: the names that may be called."""

    tools: tuple[FunctionTool, ...]
    choice: ToolChoice
    functions: frozenset[str]
    image: str | None
    hosted: tuple[JsonObject, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        return self.functions if self.image is None else self.functions | {self.image}


def make_offer(
    request: ResponseRequest,
    function: FunctionTool,
    *,
    is_first: bool,
    is_last: bool,
    may_paint: bool,
    has_past_calls: bool,
) -> Offer:
    """Decide the offer of one turn.

    function: the image tool's. may_paint: False once the client's `max_tool_calls` are used; that
    goes for hosted tools of all kinds.
    has_past_calls: whether the turn's items hold calls of the image function.
    """
    allowed = request.tool_choice if isinstance(request.tool_choice, AllowedTools) else None
    functions = tuple(
        tool for tool in request.functions if allowed is None or tool.name in allowed.functions
    )
    image = request.image_tool is not None and may_paint and (allowed is None or allowed.image_tool)
    tools = functions
    if image or has_past_calls:
        place = len(functions) if request.image_tool is None else request.image_tool.index
        tools = (*functions[:place], function, *functions[place:])
    hosted = tuple(
        tool.value for tool in request.hosted_tools if may_paint and _allows(allowed, tool)
    )
    if is_last or not (functions or image or hosted) or request.tool_choice == "none":
        return Offer(tools, "none", frozenset(), None, hosted)
    return Offer(
        tools,
        _forced(request, function.name) if is_first else "auto",
        frozenset(tool.name for tool in functions),
        function.name if image else None,
        hosted,
    )


def _allows(allowed: AllowedTools | None, tool: HostedTool) -> bool:
    """A selector names a tool by some of its fields, such as the type and the server's label."""
    return allowed is None or any(
        selector.value.items() <= tool.value.items() for selector in allowed.hosted
    )


def _forced(request: ResponseRequest, name: str) -> ToolChoice:
    match request.tool_choice:
        case "required":
            return "required"
        case str():
            return "auto"
        case FunctionChoice(function):
            return NamedChoice(function)
        case ImageToolChoice():
            return NamedChoice(name)
        case HostedChoice():
            return request.tool_choice
        case AllowedTools(required=required):
            return "required" if required else "auto"
        case _:
            assert_never(request.tool_choice)
