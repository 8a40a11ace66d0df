"""Tools wherever a request declares them, and the names that they take."""

from __future__ import annotations

from typing import Any

import pytest

from limner.core.image_tool import tool_name
from limner.core.items import Message, Opaque, TextPart
from limner.core.request import HostedTool, ImageTool, ImageToolChoice, ResponseRequest
from limner.core.turn import FunctionTool
from limner.wire.known import Known
from limner.wire.parse import parse_request
from tests.wire.asking import parsed, parsed_whole, refused

IMAGE: dict[str, Any] = {"type": "image_generation"}
HELLO = {"role": "user", "content": "hello"}


def function(name: str) -> dict[str, Any]:
    return {"type": "function", "name": name}


def brought(*tools: Any) -> dict[str, Any]:
    return {"type": "additional_tools", "role": "developer", "tools": list(tools)}


def found(*tools: Any) -> dict[str, Any]:
    return {"type": "tool_search_output", "call_id": "c", "status": "completed", "tools": [*tools]}


@pytest.mark.parametrize("carrier", [brought, found])
def test_the_image_tool_and_functions_may_come_with_the_input(carrier: Any) -> None:
    item = carrier(function("f"), {**IMAGE, "quality": "low"}, function("g"))
    request = parsed(input=[HELLO, item], tool_choice=IMAGE)
    assert request.image_tool == ImageTool(1, quality="low", path="input[1].tools[1]")
    assert request.functions == (FunctionTool("f"), FunctionTool("g"))
    assert request.tool_choice == ImageToolChoice()
    assert request.items == (Message("user", (TextPart("hello"),)),)
    assert request.echo.tools == ()


@pytest.mark.parametrize("carrier", [brought, found])
def test_an_upstream_that_reads_such_items_is_not_shown_the_image_tool(carrier: Any) -> None:
    item = carrier(IMAGE, function("f"))
    assert parsed_whole(input=[item]).items == (Opaque({**item, "tools": [function("f")]}),)


def test_of_several_image_tools_the_last_counts_and_the_first_has_the_place() -> None:
    request = parsed(
        tools=[function("a"), {**IMAGE, "quality": "low"}, function("b")],
        input=[HELLO, brought(function("c"), {**IMAGE, "quality": "high"})],
    )
    assert request.image_tool == ImageTool(1, quality="high", path="input[1].tools[1]")
    assert request.adjustments == ("tools[1]: replaced by the later entry input[1].tools[1].",)


def test_what_this_request_declares_goes_before_what_an_earlier_one_did() -> None:
    known = Known(history=[brought(function("f"), {**IMAGE, "quality": "low"})])
    body: dict[str, Any] = {"model": "m", "input": "hi", "previous_response_id": "r"}
    request = parse_request(body, known)
    path = "previous_response_id.items[0].tools[1]"
    assert request.image_tool == ImageTool(1, quality="low", path=path)
    assert request.functions == (FunctionTool("f"),)
    request = parse_request({**body, "tools": [{**IMAGE, "quality": "high"}]}, known)
    assert request.image_tool == ImageTool(1, quality="high")


def test_a_function_that_is_declared_again_is_the_later_one() -> None:
    again = {**function("f"), "description": "new"}
    assert parsed(tools=[function("f")], input=[HELLO, found(again)]).functions == (
        FunctionTool("f", "new"),
    )


@pytest.mark.parametrize("carrier", [brought, found])
@pytest.mark.parametrize(
    ("tool", "code", "param"),
    [
        ({**IMAGE, "quality": "best"}, "invalid_value", "quality"),
        ({**IMAGE, "colour": "red"}, "unknown_parameter", "colour"),
        ({**IMAGE, "partial_images": True}, "invalid_value", "partial_images"),
        ({"type": "function"}, "missing_required_parameter", "name"),
        ({}, "missing_required_parameter", "type"),
    ],
)
def test_a_tool_that_does_not_fit_is_refused_by_its_path_in_the_input(
    carrier: Any, tool: dict[str, Any], code: str, param: str
) -> None:
    assert refused(input=[HELLO, carrier(IMAGE, tool)])[:2] == (code, f"input[1].tools[1].{param}")


@pytest.mark.parametrize(
    ("item", "code", "param"),
    [
        ({**brought(), "role": "user"}, "invalid_value", "input[0].role"),
        ({**brought(), "role": None}, "missing_required_parameter", "input[0].role"),
        ({**brought(), "tools": None}, "missing_required_parameter", "input[0].tools"),
        ({**brought(), "colour": "red"}, "unknown_parameter", "input[0].colour"),
        ({**found(), "tools": "all"}, "invalid_type", "input[0].tools"),
        (found(1), "invalid_type", "input[0].tools[0]"),
    ],
)
def test_an_item_that_brings_tools_is_checked(item: Any, code: str, param: str) -> None:
    assert refused(input=[item])[:2] == (code, param)


def test_tools_of_other_kinds_in_the_input_are_left_out_by_their_path() -> None:
    request = parsed(input=[HELLO, brought({"type": "mcp", "server_label": "x"})])
    assert request.hosted_tools == ()
    assert request.adjustments == (
        "input[1].tools[0]: left out. Of the hosted tools this server runs image_generation only, "
        "not mcp.",
    )
    whole = parsed_whole(input=[HELLO, brought({"type": "shell"})])
    assert whole.hosted_tools == (HostedTool("input[1].tools[0]", {"type": "shell"}),)


NAME = "image_generation"
NAMESPACE = {"type": "namespace", "name": "n", "tools": [function(NAME), "x", {"name": 1}]}


def name_in(request: ResponseRequest) -> str:
    return tool_name(request.functions, request.items, request.taken_names)


@pytest.mark.parametrize(
    "body",
    [
        {"tools": [IMAGE, function(NAME)]},
        {"tools": [IMAGE, {"type": "custom", "name": NAME}]},
        {"tools": [IMAGE, NAMESPACE]},
        {"tools": [IMAGE], "input": [brought(function(NAME))]},
        {"tools": [IMAGE], "input": [{"type": "custom_tool_call", "name": NAME}]},
        {
            "tools": [IMAGE],
            "input": [
                {"type": "function_call", "call_id": "c", "name": NAME, "arguments": "{}"},
            ],
        },
        {
            "tools": [IMAGE],
            "tool_choice": {
                "type": "allowed_tools",
                "mode": "auto",
                "tools": [{"type": "namespace", "name": NAME}],
            },
        },
        {"tools": [IMAGE], "tool_choice": {"type": "other", "name": NAME}},
    ],
)
def test_a_name_that_something_else_has_is_not_given_to_the_image_tool(
    body: dict[str, Any],
) -> None:
    assert name_in(parsed_whole(**body)) == "image_generation_2"


def test_a_name_that_nothing_has_is_given_to_the_image_tool() -> None:
    assert name_in(parsed_whole(tools=[IMAGE, function("f"), {"type": "shell"}])) == NAME
