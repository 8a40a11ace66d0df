"""`tools` and `tool_choice`: the client's functions, the hosted image tool, and what may be called.

Hosted tools of other kinds are kept as they came: whether an upstream takes them is told later.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from limner.core.errors import InvalidRequest
from limner.core.request import (
    AllowedTools,
    ClientChoice,
    FunctionChoice,
    HostedTool,
    ImageTool,
    ImageToolChoice,
)
from limner.core.turn import FunctionTool, HostedChoice
from limner.wire.fields import Fields, cut, invalid_value, one_of, wrong_type
from limner.wire.image_tool import parse_image_tool

MAX_TOOLS = 128
MAX_TYPE = 256
MAX_DESCRIPTION = 100_000
IMAGE_TOOL = "image_generation"

_FUNCTION_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}", re.ASCII)
_FUNCTION_FIELDS = frozenset({"type", "name", "description", "parameters", "strict"})
_FUNCTION_HINTS = ("allowed_callers", "defer_loading", "output_schema")
_MODES = ("none", "auto", "required")


@dataclass(frozen=True, slots=True)
class Tools:
    """What of the client's `tools` takes part."""

    functions: tuple[FunctionTool, ...] = ()
    image_tool: ImageTool | None = None
    hosted: tuple[HostedTool, ...] = ()

    def has_function(self, name: str) -> bool:
        return any(function.name == name for function in self.functions)


def parse_tools(request: Fields, *, stream: bool, adjustments: list[str]) -> Tools:
    """Check every entry in order; of several image tools the last one counts, as at OpenAI."""
    functions: list[FunctionTool] = []
    image_tool: ImageTool | None = None
    hosted: list[HostedTool] = []
    for index, entry in enumerate(request.objects("tools", max_length=MAX_TOOLS)):
        kind = entry.required_string("type", max_length=MAX_TYPE)
        if kind == "function":
            functions.append(_function(entry, adjustments))
        elif kind == IMAGE_TOOL:
            if image_tool:
                adjustments.append(
                    f"tools[{image_tool.index}]: replaced by the later entry tools[{index}]."
                )
            image_tool = parse_image_tool(entry, index, adjustments)
        else:
            hosted.append(HostedTool(index, entry.values))
    if image_tool and image_tool.partial_images and not stream:
        adjustments.append(
            f"tools[{image_tool.index}].partial_images: none are made, only a stream shows them."
        )
        image_tool = replace(image_tool, partial_images=0)
    return Tools(tuple(functions), image_tool, tuple(hosted))


def parse_tool_choice(request: Fields, tools: Tools) -> ClientChoice:
    """Which of `tools` the model may or must call; raises InvalidRequest for one not among them."""
    choice = request.get("tool_choice")
    if choice is None:
        return "auto"
    if isinstance(choice, str):
        return one_of(choice, request.at("tool_choice"), _MODES)
    if not isinstance(choice, dict):
        raise wrong_type(request.at("tool_choice"), "a string or an object", choice)
    selector = Fields(choice, request.at("tool_choice"))
    if selector.required_string("type", max_length=MAX_TYPE) == "allowed_tools":
        return _allowed_tools(selector, tools)
    return _selected(selector, tools)


def _function(entry: Fields, adjustments: list[str]) -> FunctionTool:
    entry.allow_only(_FUNCTION_FIELDS.union(_FUNCTION_HINTS))
    name = entry.required_string("name")
    if not _FUNCTION_NAME.fullmatch(name):
        raise invalid_value(entry.at("name"), name, "1 to 64 of the characters a-z A-Z 0-9 _ -")
    parameters = entry.object("parameters")
    for hint in _FUNCTION_HINTS:
        if entry.get(hint) is not None:
            adjustments.append(f"{entry.at(hint)}: has no effect on this server.")
    return FunctionTool(
        name=name,
        description=entry.string("description", max_length=MAX_DESCRIPTION),
        parameters=None if parameters is None else parameters.values,
        strict=entry.boolean("strict"),
    )


def _allowed_tools(selector: Fields, tools: Tools) -> AllowedTools:
    selector.allow_only({"type", "mode", "tools"})
    mode = selector.required_choice("mode", ("auto", "required"))
    selector.require("tools")
    functions: set[str] = set()
    image_tool = False
    hosted: list[HostedTool] = []
    entries = selector.objects("tools", max_length=MAX_TOOLS)
    for index, entry in enumerate(entries):
        match _selected(entry, tools):
            case FunctionChoice(name):
                functions.add(name)
            case ImageToolChoice():
                image_tool = True
            case chosen:
                hosted.append(HostedTool(index, chosen.selector))
    return AllowedTools(frozenset(functions), image_tool, mode == "required", tuple(hosted))


def _selected(selector: Fields, tools: Tools) -> FunctionChoice | ImageToolChoice | HostedChoice:
    """The tool that a selector names."""
    match selector.required_string("type", max_length=MAX_TYPE):
        case "function":
            selector.allow_only({"type", "name"})
            name = selector.required_string("name")
            if not tools.has_function(name):
                raise _not_found(selector.path, name)
            return FunctionChoice(name)
        case "image_generation":
            selector.allow_only({"type"})
            if not tools.image_tool:
                raise _not_found(selector.path, IMAGE_TOOL)
            return ImageToolChoice()
        case _:
            return HostedChoice(selector.values)


def _not_found(path: str, name: str) -> InvalidRequest:
    return InvalidRequest(
        f"Tool choice '{cut(name)}' not found in 'tools' parameter.",
        param=path,
        code="invalid_value",
    )
