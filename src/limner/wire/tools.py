"""`tools` and `tool_choice`: the client's functions, the hosted image tool, and what may be called.

Items of the input may declare tools too; those count like the others. Tools of other kinds are kept
as they came: whether an upstream takes them is told later (`core.fitting`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from limner.core.errors import InvalidRequest
from limner.core.items import Item, Opaque
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
from limner.wire.input import Input
from limner.wire.input_items import IMAGE_TOOL, MAX_TOOLS
from limner.wire.known import Known

MAX_TYPE = 256
MAX_DESCRIPTION = 100_000

_FUNCTION_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}", re.ASCII)
_FUNCTION_FIELDS = frozenset({"type", "name", "description", "parameters", "strict"})
_FUNCTION_HINTS = ("allowed_callers", "async", "defer_loading", "output_schema")
_MODES = ("none", "auto", "required")


@dataclass(frozen=True, slots=True)
class Tools:
    """What of the client's `tools` takes part."""

    functions: tuple[FunctionTool, ...] = ()
    image_tool: ImageTool | None = None
    hosted: tuple[HostedTool, ...] = ()

    def has_function(self, name: str) -> bool:
        return any(function.name == name for function in self.functions)

    def has_hosted(self, kind: str, key: str, name: str) -> bool:
        """Whether a tool of this kind has that name under `key`."""
        return any(
            tool.value.get("type") == kind and tool.value.get(key) == name for tool in self.hosted
        )


def parse_tools(
    request: Fields, given: Input, known: Known, *, stream: bool, adjustments: list[str]
) -> Tools:
    """Check every entry in order: of the request, then of the items that it sends.

    Of several image tools the last one counts, as at OpenAI, and stands where the first one stood.
    What earlier items declare holds unless this request says otherwise.
    """
    functions: dict[str, FunctionTool] = {}
    image_tool: ImageTool | None = None
    hosted: list[HostedTool] = []
    asked = request.objects("tools", max_length=MAX_TOOLS)
    for entry in chain(given.earlier_tools, asked, given.own_tools):
        kind = entry.required_string("type", min_length=1, max_length=MAX_TYPE)
        if kind == "function":
            function = _function(entry, adjustments)
            functions[function.name] = function
        elif kind == IMAGE_TOOL:
            place = image_tool.index if image_tool else len(functions)
            if image_tool:
                adjustments.append(f"{image_tool.path}: replaced by the later entry {entry.path}.")
            image_tool = parse_image_tool(entry, place, known)
        else:
            hosted.append(HostedTool(entry.path, entry.values))
    if image_tool and image_tool.partial_images and not stream:
        adjustments.append(
            f"{image_tool.path}.partial_images: none are made, only a stream shows them."
        )
        image_tool = replace(image_tool, partial_images=0)
    return Tools(tuple(functions.values()), image_tool, tuple(hosted))


def taken_names(tools: Tools, items: Iterable[Item], choice: ClientChoice) -> frozenset[str]:
    """Names that our own function must not have: whatever else the model may know by one.

    Those of functions and of calls are known already.
    """
    values = [tool.value for tool in tools.hosted]
    values += [item.value for item in items if isinstance(item, Opaque)]
    match choice:
        case HostedChoice(selector):
            values.append(selector)
        case AllowedTools(hosted=hosted):
            values += [selector.value for selector in hosted]
        case _:
            pass
    return frozenset(name for value in values for name in _names(value))


def _names(value: Mapping[str, Any]) -> Iterator[str]:
    """The name of a tool, call or selector, and those of the functions in a namespace."""
    inner = value.get("tools")
    for holder in (value, *(inner if isinstance(inner, list) else ())):
        name = holder.get("name") if isinstance(holder, Mapping) else None
        if isinstance(name, str):
            yield name


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
    if selector.required_string("type", min_length=1, max_length=MAX_TYPE) == "allowed_tools":
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
    for entry in entries:
        match _selected(entry, tools):
            case FunctionChoice(name):
                functions.add(name)
            case ImageToolChoice():
                image_tool = True
            case chosen:
                hosted.append(HostedTool(entry.path, chosen.selector))
    return AllowedTools(frozenset(functions), image_tool, mode == "required", tuple(hosted))


def _selected(selector: Fields, tools: Tools) -> FunctionChoice | ImageToolChoice | HostedChoice:
    """The tool that a selector names."""
    match selector.required_string("type", min_length=1, max_length=MAX_TYPE):
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
        case "custom" | "mcp" as kind:
            key = "name" if kind == "custom" else "server_label"
            name = selector.required_string(key)
            if not tools.has_hosted(kind, key, name):
                raise _not_found(selector.path, name)
            return HostedChoice(selector.values)
        case _:
            return HostedChoice(selector.values)


def _not_found(path: str, name: str) -> InvalidRequest:
    return InvalidRequest(
        f"Tool choice '{cut(name)}' not found in 'tools' parameter.",
        param=path,
        code="invalid_value",
    )
