"""The table of the request's fields says what the parser does."""

from __future__ import annotations

from typing import Any

import pytest
from openai.types.responses import (
    easy_input_message_param,
    function_tool_param,
    response_create_params,
    response_function_tool_call_param,
    response_input_image_param,
    response_input_item_param,
    response_input_text_param,
    response_output_message_param,
    response_output_text_param,
    response_reasoning_item_param,
    tool_param,
)

from limner.core.errors import InvalidRequest
from limner.wire.request_fields import (
    IMAGE_TOOL_FIELDS,
    REQUEST_FIELDS,
    FieldRule,
    names_of,
)
from tests.wire.asking import parsed
from tests.wire.test_input import PNG_URL

EXAMPLES: dict[str, Any] = {
    "conversation with `store: false`": "conv_1",
    "background_options.completion_window 2h or 8h": {"completion_window": "2h"},
    "reasoning.context not auto": {"context": "all_turns"},
    "reasoning.mode not standard": {"mode": "pro"},
    "prompt_cache_options": {"mode": "explicit"},
    "prompt_cache_retention": "24h",
    "include message.output_text.logprobs": ["message.output_text.logprobs"],
    "top_logprobs from 1, without that": 5,
    "truncation auto": "auto",
    "service_tier not auto, default or flex": "priority",
    "stream_options.include_obfuscation true": {"include_obfuscation": True},
    "image.context_compression enabled": {"context_compression": "enabled"},
    "access_programs": {"cyber": "standard"},
    "client_metadata": {"x-codex-installation-id": "1"},
    "tools any other type": [{"type": "web_search"}],
    "reasoning.summary": {"summary": "auto"},
    "include reasoning.encrypted_content": ["reasoning.encrypted_content"],
    "prompt": {"id": "pmpt_1"},
    "context_management": [{"type": "compaction"}],
    "moderation": {"model": "m"},
}

BESIDE: dict[str, Any] = {"conversation with `store: false`": {"store": False}}
"""What else the request says, where a row is about two fields."""


def key(rule: FieldRule) -> str:
    return f"{rule.name} {rule.when}".strip()


TOLD = [
    rule
    for rule in REQUEST_FIELDS
    if rule.fate in ("adjusted", "passed on", "refused") and key(rule) != "include"
]


def test_every_field_of_openais_api_has_its_row() -> None:
    asked = response_create_params.ResponseCreateParamsBase.__annotations__
    others = {"presence_penalty", "frequency_penalty", "client_metadata"}
    assert names_of(REQUEST_FIELDS) - others == {*asked, "stream"}


def test_every_field_of_openais_image_tool_has_its_row() -> None:
    asked = tool_param.ImageGeneration.__annotations__
    ours = {"n", "seed", "loras"}
    assert names_of(IMAGE_TOOL_FIELDS) == {*asked, *ours} - {"type"}


ITEMS: list[tuple[type, dict[str, Any]]] = [
    (response_input_item_param.Message, {"type": "message", "role": "user", "content": []}),
    (easy_input_message_param.EasyInputMessageParam, {"role": "user", "content": ""}),
    (
        response_output_message_param.ResponseOutputMessageParam,
        {"type": "message", "role": "assistant", "content": []},
    ),
    (
        response_function_tool_call_param.ResponseFunctionToolCallParam,
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": ""},
    ),
    (
        response_input_item_param.FunctionCallOutput,
        {"type": "function_call_output", "call_id": "c", "output": ""},
    ),
    (
        response_input_item_param.ImageGenerationCall,
        {"type": "image_generation_call", "id": "ig", "status": "failed"},
    ),
    (response_reasoning_item_param.ResponseReasoningItemParam, {"type": "reasoning"}),
]
PARTS: list[tuple[type, dict[str, Any]]] = [
    (response_input_text_param.ResponseInputTextParam, {"type": "input_text", "text": ""}),
    (response_output_text_param.ResponseOutputTextParam, {"type": "output_text", "text": ""}),
    (
        response_input_image_param.ResponseInputImageParam,
        {"type": "input_image", "image_url": PNG_URL},
    ),
]


def nulls(kind: type, given: dict[str, Any]) -> dict[str, Any]:
    return {**dict.fromkeys(kind.__annotations__), **given}


@pytest.mark.parametrize(("kind", "given"), ITEMS)
def test_every_field_of_openais_items_is_known(kind: type, given: dict[str, Any]) -> None:
    assert len(parsed(input=[nulls(kind, given)]).items) == 1
    fields = {name: given.get(name, {}) for name in kind.__annotations__}
    assert not is_unknown(input=[fields])


@pytest.mark.parametrize(("kind", "given"), PARTS)
def test_every_field_of_openais_parts_is_known(kind: type, given: dict[str, Any]) -> None:
    fields = {name: given.get(name, {}) for name in kind.__annotations__}
    assert not is_unknown(input=[{"role": "user", "content": [fields]}])


def test_every_field_of_openais_functions_is_known() -> None:
    fields: dict[str, Any] = {
        name: {} for name in function_tool_param.FunctionToolParam.__annotations__
    }
    assert not is_unknown(tools=[{**fields, "type": "function"}])
    assert is_unknown(tools=[{**fields, "type": "function", "colour": "red"}])


def is_unknown(**body: Any) -> bool:
    """Whether a field is refused because nobody has heard of it."""
    try:
        parsed(**body)
    except InvalidRequest as error:
        return error.code == "unknown_parameter"
    return False


@pytest.mark.parametrize("rule", [r for r in TOLD if r.fate != "refused"], ids=key)
def test_what_is_not_done_as_asked_is_told_in_the_words_of_its_row(rule: FieldRule) -> None:
    example = {rule.name.partition(".")[0]: EXAMPLES[key(rule)]}
    (said,) = parsed(**example, **BESIDE.get(key(rule), {})).adjustments
    assert said.startswith(rule.name)
    assert said.endswith(rule.note) or rule.name == "tools"


@pytest.mark.parametrize("rule", [r for r in TOLD if r.fate == "refused"], ids=key)
def test_what_is_refused_is_refused_in_the_words_of_its_row(rule: FieldRule) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parsed(**{rule.name: EXAMPLES[key(rule)]})
    assert caught.value.param == rule.name
    assert caught.value.message.endswith(rule.note)
