from __future__ import annotations

from typing import Any

import pytest

from limner.core.request import AllowedTools, FunctionChoice, HostedTool, ImageToolChoice
from limner.core.turn import FunctionTool, HostedChoice
from tests.wire.asking import parsed, parsed_whole, refusal, refused

IMAGE = {"type": "image_generation"}
WEATHER = {"type": "function", "name": "get_weather"}
SEARCH = {"type": "web_search"}


def test_a_function_is_read_whole() -> None:
    parameters = {"type": "object", "properties": {"city": {"type": "string"}}}
    entry = {**WEATHER, "description": "Tells.", "parameters": parameters, "strict": True}
    assert parsed(tools=[entry]).functions == (
        FunctionTool("get_weather", "Tells.", parameters, True),
    )


def test_a_function_needs_a_name_only() -> None:
    assert parsed(tools=[WEATHER]).functions == (FunctionTool("get_weather"),)


@pytest.mark.parametrize(
    ("entry", "code", "param"),
    [
        ("function", "invalid_type", "tools[0]"),
        ({}, "missing_required_parameter", "tools[0].type"),
        ({"type": 1}, "invalid_type", "tools[0].type"),
        ({"type": "function"}, "missing_required_parameter", "tools[0].name"),
        ({"type": "function", "name": "a.b"}, "invalid_value", "tools[0].name"),
        ({"type": "function", "name": "a" * 65}, "invalid_value", "tools[0].name"),
        ({**WEATHER, "function": {"name": "x"}}, "unknown_parameter", "tools[0].function"),
        ({**WEATHER, "parameters": []}, "invalid_type", "tools[0].parameters"),
        ({**WEATHER, "description": 1}, "invalid_type", "tools[0].description"),
        ({**WEATHER, "strict": 1}, "invalid_type", "tools[0].strict"),
    ],
)
def test_a_tool_that_does_not_fit_is_refused(entry: object, code: str, param: str) -> None:
    assert refused(tools=[entry])[:2] == (code, param)


def test_tools_must_be_an_array_of_bounded_length() -> None:
    assert refused(tools={})[:2] == ("invalid_type", "tools")
    assert refused(tools=[WEATHER] * 129) == (
        "array_above_max_length",
        "tools",
        "Invalid 'tools': array too long. Expected an array with maximum length 128, "
        "but got an array with length 129 instead.",
    )


def test_hosted_tools_of_other_kinds_are_left_out_and_reported() -> None:
    request = parsed(tools=[SEARCH, IMAGE, {"type": "mcp", "server_label": "x", "whatever": 1}])
    assert request.functions == ()
    assert request.image_tool is not None
    assert request.adjustments == (
        "tools[0]: left out. Of the hosted tools this server runs image_generation only, "
        "not web_search.",
        "tools[2]: left out. Of the hosted tools this server runs image_generation only, not mcp.",
    )


def test_hosted_tools_of_other_kinds_are_kept_for_an_upstream_that_takes_them() -> None:
    allowed = {"type": "allowed_tools", "mode": "required", "tools": [SEARCH]}
    request = parsed_whole(tools=[IMAGE, SEARCH], tool_choice=allowed)
    assert request.hosted_tools == (HostedTool("tools[1]", SEARCH),)
    assert request.tool_choice == AllowedTools(
        frozenset(),
        image_tool=False,
        required=True,
        hosted=(HostedTool("tool_choice.tools[0]", SEARCH),),
    )
    assert parsed_whole(tools=[SEARCH], tool_choice=SEARCH).tool_choice == HostedChoice(SEARCH)
    assert request.adjustments == ()


def test_hints_of_a_function_without_effect_are_reported() -> None:
    entry: dict[str, Any] = {
        **WEATHER,
        "defer_loading": True,
        "output_schema": {},
        "allowed_callers": None,
        "async": False,
    }
    assert parsed(tools=[entry]).adjustments == (
        "tools[0].async: has no effect on this server.",
        "tools[0].defer_loading: has no effect on this server.",
        "tools[0].output_schema: has no effect on this server.",
    )


@pytest.mark.parametrize("choice", ["none", "auto", "required"])
def test_the_plain_choices_are_taken(choice: str) -> None:
    assert parsed(tools=[IMAGE], tool_choice=choice).tool_choice == choice


@pytest.mark.parametrize(
    ("choice", "understood"),
    [
        (None, "auto"),
        (IMAGE, ImageToolChoice()),
        (WEATHER, FunctionChoice("get_weather")),
        (
            {"type": "allowed_tools", "mode": "auto", "tools": [WEATHER, WEATHER]},
            AllowedTools(frozenset({"get_weather"}), image_tool=False, required=False),
        ),
        (
            {"type": "allowed_tools", "mode": "required", "tools": [WEATHER, IMAGE]},
            AllowedTools(frozenset({"get_weather"}), image_tool=True, required=True),
        ),
        (
            {"type": "allowed_tools", "mode": "auto", "tools": []},
            AllowedTools(frozenset(), image_tool=False, required=False),
        ),
    ],
)
def test_every_form_of_choice_is_understood(choice: object, understood: object) -> None:
    request = parsed(tools=[IMAGE, WEATHER], tool_choice=choice)
    assert request.tool_choice == understood
    assert request.adjustments == ()


def test_required_is_met_by_one_function_alone() -> None:
    assert parsed(tools=[WEATHER], tool_choice="required").tool_choice == "required"


def test_selectors_of_tools_that_do_not_run_here_are_left_out_of_the_allowed_ones() -> None:
    choice = {"type": "allowed_tools", "mode": "auto", "tools": [SEARCH, WEATHER]}
    request = parsed(tools=[WEATHER], tool_choice=choice)
    assert request.tool_choice == AllowedTools(frozenset({"get_weather"}), False, False)
    assert request.adjustments == (
        "tool_choice.tools[0]: left out, since this server runs no such tool.",
    )


MCP = {"type": "mcp", "server_label": "docs"}
CUSTOM = {"type": "custom", "name": "sql"}


@pytest.mark.parametrize("choice", [IMAGE, WEATHER, MCP, CUSTOM])
def test_a_forced_tool_must_be_there(choice: dict[str, Any]) -> None:
    name = choice.get("name") or choice.get("server_label") or choice["type"]
    assert refused(tools=[SEARCH], tool_choice=choice) == (
        "invalid_value",
        "tool_choice",
        f"Tool choice '{name}' not found in 'tools' parameter.",
    )


HOSTED = [
    *({"type": kind} for kind in ("file_search", "web_search_preview", "computer")),
    *({"type": kind} for kind in ("computer_use_preview", "computer_use", "code_interpreter")),
    {"type": "web_search_preview_2025_03_11"},
    {"type": "programmatic_tool_calling"},
    {"type": "apply_patch"},
    {"type": "shell"},
    MCP,
    {**MCP, "name": "search"},
    CUSTOM,
]
DECLARED = [
    {"type": choice["type"]} for choice in HOSTED if choice["type"] not in ("mcp", "custom")
]
DECLARED += [{**MCP, "server_url": "https://example.com"}, {**CUSTOM, "description": "d"}]


@pytest.mark.parametrize("choice", HOSTED)
def test_a_choice_of_a_tool_of_another_kind_is_the_upstreams(choice: dict[str, Any]) -> None:
    assert parsed_whole(tools=DECLARED, tool_choice=choice).tool_choice == HostedChoice(choice)
    allowed = {"type": "allowed_tools", "mode": "auto", "tools": [choice]}
    assert parsed_whole(tools=DECLARED, tool_choice=allowed).tool_choice == AllowedTools(
        frozenset(), False, False, hosted=(HostedTool("tool_choice.tools[0]", choice),)
    )


@pytest.mark.parametrize("choice", HOSTED)
def test_a_choice_of_what_was_left_out_is_refused_by_name(choice: dict[str, Any]) -> None:
    assert refused(tools=DECLARED, tool_choice=choice) == (
        "invalid_value",
        "tool_choice",
        f"Tool choice '{choice['type']}' cannot be made: of the hosted tools this server runs "
        "image_generation only.",
    )


ALLOWED = {"type": "allowed_tools", "mode": "required", "tools": [WEATHER]}


@pytest.mark.parametrize(
    ("choice", "code", "param"),
    [
        ("sometimes", "invalid_value", "tool_choice"),
        (1, "invalid_type", "tool_choice"),
        ([], "invalid_type", "tool_choice"),
        ({}, "missing_required_parameter", "tool_choice.type"),
        ({"type": "function"}, "missing_required_parameter", "tool_choice.name"),
        ({"type": "custom"}, "missing_required_parameter", "tool_choice.name"),
        ({"type": "mcp"}, "missing_required_parameter", "tool_choice.server_label"),
        (
            {"type": "function", "function": {"name": "get_weather"}},
            "unknown_parameter",
            "tool_choice.function",
        ),
        ({**IMAGE, "size": "auto"}, "unknown_parameter", "tool_choice.size"),
        ({**ALLOWED, "mode": None}, "missing_required_parameter", "tool_choice.mode"),
        ({**ALLOWED, "mode": "none"}, "invalid_value", "tool_choice.mode"),
        ({**ALLOWED, "tools": None}, "missing_required_parameter", "tool_choice.tools"),
        ({**ALLOWED, "tools": [{}]}, "missing_required_parameter", "tool_choice.tools[0].type"),
        ({**ALLOWED, "tools": [IMAGE]}, "invalid_value", "tool_choice.tools[0]"),
        ({**ALLOWED, "tools": [SEARCH]}, "invalid_value", "tool_choice.tools"),
        ({**ALLOWED, "extra": 1}, "unknown_parameter", "tool_choice.extra"),
    ],
)
def test_a_choice_that_does_not_fit_is_refused(choice: object, code: str, param: str) -> None:
    error = refusal(tools=[WEATHER], tool_choice=choice)
    assert (error.code, error.param) == (code, param)


def test_required_without_any_tool_is_refused() -> None:
    assert refused(tools=[SEARCH], tool_choice="required")[:2] == ("invalid_value", "tool_choice")
