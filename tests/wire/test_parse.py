from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.core.errors import InvalidRequest
from limner.core.items import Message, TextPart
from limner.core.request import Echo, ResponseRequest
from limner.core.turn import Sampling
from limner.wire import json
from limner.wire.parse import parse_request
from tests.wire.asking import parsed, refused


def test_a_small_request_is_taken_with_the_defaults() -> None:
    assert parsed() == ResponseRequest(
        model="m", items=(Message("user", (TextPart("hello"),)),), stream=False
    )


def test_every_setting_arrives_and_is_echoed() -> None:
    form: dict[str, Any] = {
        "type": "json_schema",
        "name": "x",
        "schema": {},
        "strict": None,
        "description": "d",
    }
    tools = [{"type": "image_generation"}]
    settings: dict[str, Any] = {
        "temperature": 2,
        "top_p": 0.5,
        "max_output_tokens": 16,
        "presence_penalty": -2,
        "frequency_penalty": 0.25,
    }
    echoed: dict[str, Any] = {
        "instructions": "be kind",
        "metadata": {"k" * 64: "v" * 512},
        "text": {"format": form, "verbosity": "low"},
        "reasoning": {"effort": "high"},
        "max_tool_calls": 1,
        "parallel_tool_calls": False,
        "safety_identifier": "s",
        "prompt_cache_key": "p",
        "user": "u",
        "tool_choice": "required",
        **settings,
    }
    request = parsed(stream=True, tools=tools, **echoed)
    assert request.adjustments == ()
    assert request.stream
    assert request.instructions == "be kind"
    assert request.max_tool_calls == 1
    assert not request.parallel_tool_calls
    assert request.user == "u"
    assert request.sampling == Sampling(
        text_format=form, verbosity="low", reasoning_effort="high", **settings
    )
    assert request.echo == Echo(tools=tuple(tools), **echoed)


def test_the_safety_identifier_stands_in_for_the_user() -> None:
    assert parsed(safety_identifier="s").user == "s"


@pytest.mark.parametrize("form", [None, {"type": "text"}])
def test_plain_text_needs_no_format(form: object) -> None:
    assert parsed(text={"format": form}).sampling.text_format is None


def test_the_older_json_mode_is_passed_on() -> None:
    form = {"type": "json_object"}
    assert parsed(text={"format": form}).sampling.text_format == form


@pytest.mark.parametrize(
    ("asked", "priority", "tier"),
    [
        ({}, "interactive", "default"),
        ({"service_tier": "flex"}, "background", "flex"),
        ({"service_tier": "flex", "stream": True}, "background", "flex"),
        ({"background": True}, "background", "default"),
        ({"background": True, "service_tier": "auto"}, "background", "default"),
        ({"background": True, "stream": True}, "interactive", "default"),
        ({"background": True, "service_tier": "default"}, "interactive", "default"),
        ({"background": True, "service_tier": "priority"}, "interactive", "default"),
    ],
)
def test_the_tier_says_whether_somebody_waits_for_pictures(
    asked: dict[str, Any], priority: str, tier: str
) -> None:
    request = parsed(**asked)
    assert (request.priority, request.echo.service_tier) == (priority, tier)


def test_null_is_as_good_as_absent_for_every_field() -> None:
    names = [
        "stream", "instructions", "tools", "tool_choice", "parallel_tool_calls", "max_tool_calls",
        "max_output_tokens", "temperature", "top_p", "top_logprobs", "presence_penalty",
        "frequency_penalty", "text", "reasoning", "user", "safety_identifier", "metadata", "store",
        "background", "truncation", "service_tier", "image", "stream_options", "prompt_cache_key",
        "include", "previous_response_id", "conversation", "prompt", "context_management",
        "moderation", "background_options", "access_programs", "prompt_cache_options",
        "prompt_cache_retention", "no_such_field",
    ]  # fmt: skip
    assert parsed(**dict.fromkeys(names)) == parsed()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("store", False),
        ("store", True),
        ("background", False),
        ("background", True),
        ("background_options", {"completion_window": "soonest"}),
        ("background_options", {}),
        ("previous_response_id", "resp_1"),
        ("conversation", "conv_1"),
        ("conversation", {"id": "conv_1"}),
        ("truncation", "disabled"),
        ("service_tier", "auto"),
        ("service_tier", "default"),
        ("service_tier", "flex"),
        ("image", {"context_compression": "auto"}),
        ("image", {"context_compression": "disabled"}),
        ("stream_options", {"include_obfuscation": False}),
        ("stream_options", {}),
        ("top_logprobs", 0),
        ("reasoning", {"effort": None, "context": "auto", "mode": "standard"}),
        ("prompt_cache_key", "key"),
        ("include", ["message.input_image.image_url", "web_search_call.results"]),
        ("include", []),
    ],
)
def test_what_is_so_anyway_needs_no_words(field: str, value: object) -> None:
    assert parsed(**{field: value}).adjustments == ()


@pytest.mark.parametrize(
    ("field", "value", "adjustment"),
    [
        (
            "background_options",
            {"completion_window": "8h"},
            "background_options.completion_window: every response runs as soon as it can.",
        ),
        ("truncation", "auto", "truncation: the input is never cut here."),
        ("service_tier", "fast", "service_tier: this server has no tier above the default."),
        (
            "stream_options",
            {"include_obfuscation": True},
            "stream_options.include_obfuscation: no padding is added here.",
        ),
        (
            "image",
            {"context_compression": "enabled"},
            "image.context_compression: pictures are shown as they came.",
        ),
        (
            "top_logprobs",
            1,
            "top_logprobs: has no effect without message.output_text.logprobs in include.",
        ),
        (
            "include",
            ["message.output_text.logprobs"],
            "include[0]: log probabilities are not returned with this language model.",
        ),
        (
            "include",
            ["message.input_image.image_url", "reasoning.encrypted_content"],
            "include[1]: reasoning is returned as plain text where the model shows it.",
        ),
        (
            "reasoning",
            {"summary": "auto"},
            "reasoning.summary: reasoning is shown as it is written, not summarised.",
        ),
        (
            "reasoning",
            {"generate_summary": "concise"},
            "reasoning.summary: reasoning is shown as it is written, not summarised.",
        ),
        (
            "reasoning",
            {"context": "all_turns"},
            "reasoning.context: left to the model server.",
        ),
        ("reasoning", {"mode": "pro"}, "reasoning.mode: left to the model server."),
        ("access_programs", {}, "access_programs: has no meaning on this server."),
        (
            "prompt_cache_options",
            {"mode": "implicit"},
            "prompt_cache_options: caching of prompts is left to the model server.",
        ),
        (
            "prompt_cache_retention",
            "24h",
            "prompt_cache_retention: caching of prompts is left to the model server.",
        ),
    ],
)
def test_what_is_not_done_as_asked_is_reported(field: str, value: object, adjustment: str) -> None:
    assert parsed(**{field: value}).adjustments == (adjustment,)


@pytest.mark.parametrize(
    ("field", "value", "instead"),
    [
        ("prompt", {"id": "p"}, "Prompts are not stored here: send 'instructions' and 'input'."),
        ("context_management", [], "The context is not compacted here: leave it out."),
        ("moderation", {"model": "m"}, "Text is not moderated here: leave it out."),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_what_cannot_be_done_here_is_refused_by_name(
    field: str, value: object, instead: str, stream: bool
) -> None:
    assert refused(stream=stream, **{field: value}) == (
        "unsupported_parameter",
        field,
        f"Unsupported parameter: '{field}'. {instead}",
    )


LONG = "x" * 513


@pytest.mark.parametrize(
    ("field", "value", "code", "param"),
    [
        ("model", None, "missing_required_parameter", "model"),
        ("model", 1, "invalid_type", "model"),
        ("model", "", "string_below_min_length", "model"),
        ("model", LONG, "string_above_max_length", "model"),
        ("stream", 1, "invalid_type", "stream"),
        ("store", "yes", "invalid_type", "store"),
        ("background", 0, "invalid_type", "background"),
        ("parallel_tool_calls", 0, "invalid_type", "parallel_tool_calls"),
        ("instructions", ["x"], "invalid_type", "instructions"),
        ("max_tool_calls", 0, "integer_below_min_value", "max_tool_calls"),
        ("max_tool_calls", True, "invalid_value", "max_tool_calls"),
        ("max_output_tokens", 15, "integer_below_min_value", "max_output_tokens"),
        ("max_output_tokens", 2**31, "integer_above_max_value", "max_output_tokens"),
        ("max_output_tokens", 16.0, "invalid_value", "max_output_tokens"),
        ("temperature", 2.1, "decimal_above_max_value", "temperature"),
        ("temperature", -0.1, "decimal_below_min_value", "temperature"),
        ("temperature", "1", "invalid_value", "temperature"),
        ("temperature", True, "invalid_value", "temperature"),
        ("top_p", 1.5, "decimal_above_max_value", "top_p"),
        ("top_logprobs", 21, "integer_above_max_value", "top_logprobs"),
        ("presence_penalty", 3, "decimal_above_max_value", "presence_penalty"),
        ("frequency_penalty", -3, "decimal_below_min_value", "frequency_penalty"),
        ("truncation", "middle", "invalid_value", "truncation"),
        ("service_tier", "gold", "invalid_value", "service_tier"),
        ("user", LONG, "string_above_max_length", "user"),
        ("safety_identifier", "x" * 129, "string_above_max_length", "safety_identifier"),
        ("prompt_cache_key", LONG, "string_above_max_length", "prompt_cache_key"),
        ("metadata", [], "invalid_type", "metadata"),
        ("metadata", {"a": 1}, "invalid_type", "metadata.a"),
        ("metadata", {"a": None}, "invalid_type", "metadata.a"),
        ("metadata", {"a": LONG}, "string_above_max_length", "metadata.a"),
        ("metadata", {"k" * 65: "v"}, "string_above_max_length", "metadata"),
        (
            "metadata",
            {str(k): "v" for k in range(17)},
            "object_above_max_properties",
            "metadata",
        ),
        ("text", "json", "invalid_type", "text"),
        ("text", {"style": "x"}, "unknown_parameter", "text.style"),
        ("text", {"verbosity": "huge"}, "invalid_value", "text.verbosity"),
        ("text", {"format": {}}, "missing_required_parameter", "text.format.type"),
        ("text", {"format": {"type": "xml"}}, "invalid_value", "text.format.type"),
        ("text", {"format": {"type": "text", "x": 1}}, "unknown_parameter", "text.format.x"),
        ("reasoning", {"effort": "huge"}, "invalid_value", "reasoning.effort"),
        ("reasoning", {"budget": 1}, "unknown_parameter", "reasoning.budget"),
        ("include", "all", "invalid_type", "include"),
        ("include", ["all"], "invalid_value", "include[0]"),
        ("include", [1], "invalid_value", "include[0]"),
        ("include", ["all"] * 33, "array_above_max_length", "include"),
        ("stream_options", {"x": True}, "unknown_parameter", "stream_options.x"),
        ("image", {"detail": "low"}, "unknown_parameter", "image.detail"),
        ("messages", [], "unknown_parameter", "messages"),
        ("y" * 200, 1, "unknown_parameter", "y" * 100 + "…"),
    ],
)  # fmt: skip
def test_a_field_that_does_not_fit_is_refused_by_its_path(
    field: str, value: object, code: str, param: str
) -> None:
    assert refused(**{field: value})[:2] == (code, param)


@pytest.mark.parametrize(
    ("change", "code", "param"),
    [
        ({"name": None}, "missing_required_parameter", "text.format.name"),
        ({"name": "a b"}, "invalid_value", "text.format.name"),
        ({"schema": None}, "missing_required_parameter", "text.format.schema"),
        ({"schema": "x"}, "invalid_type", "text.format.schema"),
        ({"description": 1}, "invalid_type", "text.format.description"),
        ({"strict": 1}, "invalid_type", "text.format.strict"),
        ({"json_schema": {}}, "unknown_parameter", "text.format.json_schema"),
    ],
)
def test_a_json_schema_format_is_checked_field_by_field(
    change: dict[str, Any], code: str, param: str
) -> None:
    form = {"type": "json_schema", "name": "x", "schema": {}, **change}
    assert refused(text={"format": form})[:2] == (code, param)


def test_messages_of_refusals_show_the_value_and_what_is_accepted() -> None:
    assert refused(temperature=9)[2] == "Invalid value: 9. Expected a number <= 2."
    assert refused(top_p="x")[2] == 'Invalid value: "x". Expected a number in [0, 1].'
    assert refused(model="")[2] == (
        "Invalid 'model': string too short. Expected a string with minimum length 1, "
        "but got a string with length 0 instead."
    )
    assert refused(stream="x")[2] == (
        "Invalid type for 'stream': expected a boolean, but got a string instead."
    )


def test_long_values_are_cut_in_messages() -> None:
    shown = refused(service_tier=["x" * 1000])[2]
    assert shown.startswith('Invalid value: ["' + "x" * 98 + "…. Supported values are: 'auto'")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(-5, 5) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=10,
)
WORDS = st.sampled_from(
    [
        "message", "function", "function_call", "function_call_output", "reasoning", "input_text",
        "image_generation", "image_generation_call", "input_image", "allowed_tools", "user",
        "auto", "output_text", "refusal", "required", "json_schema",
        "data:image/png;base64,iVBORw0KGgo=",
    ]
)  # fmt: skip
NAMES = st.sampled_from(
    [
        "type", "role", "content", "text", "tools", "mode", "name", "call_id", "output", "id",
        "size", "arguments", "summary", "result", "status", "error", "image_url", "file_id",
        "format", "schema", "effort", "parameters", "detail", "message", "refusal",
        "input_image_mask",
    ]
)  # fmt: skip
NEAR_JSON = st.recursive(
    JSON | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=6),
    max_leaves=25,
)
OBJECTS = st.builds(
    lambda kind, fields: {**fields, "type": kind},
    WORDS,
    st.dictionaries(NAMES, NEAR_JSON, max_size=5),
)
FIELDS = st.sampled_from(
    [
        "text", "reasoning", "metadata", "include", "stream", "temperature", "store", "tool_choice",
        "stream_options", "image", "max_tool_calls", "truncation", "instructions", "user",
    ]
)  # fmt: skip
BODIES = st.builds(
    lambda fields, items, tools: {"model": "m", "input": items, "tools": tools, **fields},
    st.dictionaries(FIELDS, NEAR_JSON | OBJECTS, max_size=2),
    st.text(max_size=5) | st.lists(OBJECTS, min_size=1, max_size=3),
    st.none() | st.lists(OBJECTS, max_size=2),
)


@given(BODIES | st.dictionaries(st.text(), JSON))
def test_any_json_is_either_taken_or_refused_politely(body: dict[str, Any]) -> None:
    with contextlib.suppress(InvalidRequest):
        request = parse_request(json.load_body(json.dump(body)))
        json.dump(request.echo.tools)
