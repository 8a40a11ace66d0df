from __future__ import annotations

from typing import Any

import pybase64
import pytest

from limner.core.image import ImageData
from limner.core.items import (
    FunctionCall,
    FunctionCallOutput,
    ImageCall,
    ImageCallError,
    ImagePart,
    Item,
    Message,
    Opaque,
    Reasoning,
    RefusalPart,
    TextPart,
)
from limner.wire import input as wire_input
from limner.wire.parse import parse_request
from tests.wire.asking import parsed, parsed_whole, refused

PNG = b"\x89PNG\r\n\x1a\n rest"
PNG_BASE64 = pybase64.b64encode(PNG).decode()
PNG_URL = f"data:image/png;base64,{PNG_BASE64}"


def read(*items: dict[str, Any]) -> tuple[Item, ...]:
    request = parsed(input=list(items))
    assert request.adjustments == ()
    return request.items


def user(*parts: object) -> dict[str, Any]:
    return {"role": "user", "content": list(parts)}


def image(**fields: Any) -> dict[str, Any]:
    return {"type": "input_image", **fields}


def test_a_string_is_what_the_user_says() -> None:
    assert parsed(input="hello").items == (Message("user", (TextPart("hello"),)),)


@pytest.mark.parametrize("role", ["user", "assistant", "system", "developer"])
def test_an_easy_message_needs_no_type(role: Any) -> None:
    assert read({"role": role, "content": "hello"}) == (Message(role, (TextPart("hello"),)),)


def test_a_message_of_parts_keeps_them_in_order() -> None:
    message = {
        "type": "message",
        "role": "user",
        "id": "msg_1",
        "status": "completed",
        "content": [{"type": "input_text", "text": "look"}, image(image_url=PNG_URL, detail="low")],
    }
    parts = (TextPart("look"), ImagePart(ImageData(PNG, "png"), "low"))
    assert read(message) == (Message("user", parts, id="msg_1"),)


def test_the_assistants_own_message_comes_back_whole() -> None:
    echo = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "phase": "final_answer",
        "content": [
            {"type": "output_text", "text": "no", "annotations": [], "logprobs": []},
            {"type": "refusal", "refusal": "never"},
        ],
    }
    parts = (TextPart("no"), RefusalPart("never"))
    assert read(echo) == (Message("assistant", parts, id="msg_1", phase="final_answer"),)


def test_a_message_may_be_empty() -> None:
    assert read(user()) == (Message("user", ()),)


def test_a_function_call_and_its_output_are_read() -> None:
    call = {
        "type": "function_call",
        "id": "fc_1",
        "call_id": "call_1",
        "name": "f",
        "arguments": "{}",
        "status": "completed",
        "namespace": None,
        "async": None,
    }
    output = {"type": "function_call_output", "call_id": "call_1", "output": "done", "id": None}
    assert read(call, output) == (
        FunctionCall("call_1", "f", "{}", id="fc_1"),
        FunctionCallOutput("call_1", (TextPart("done"),)),
    )


def test_a_function_may_answer_with_pictures() -> None:
    parts = [{"type": "input_text", "text": "see"}, image(image_url=PNG_URL)]
    output = {"type": "function_call_output", "call_id": "c", "output": parts}
    assert read(output) == (
        FunctionCallOutput("c", (TextPart("see"), ImagePart(ImageData(PNG, "png")))),
    )


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"summary": []}, ""),
        ({"summary": [{"type": "summary_text", "text": "short"}]}, "short"),
        (
            {
                "summary": [{"type": "summary_text", "text": "short"}],
                "content": [
                    {"type": "reasoning_text", "text": "long"},
                    {"type": "reasoning_text", "text": "er"},
                ],
            },
            "long\ner",
        ),
        ({"summary": [], "content": None}, ""),
    ],
)
def test_reasoning_is_its_content_or_else_its_summary(fields: dict[str, Any], text: str) -> None:
    item = {"type": "reasoning", "id": "rs_1", "encrypted_content": "gAAA", **fields}
    assert read(item) == (Reasoning(text, id="rs_1", encrypted_content="gAAA"),)


def test_an_image_call_comes_back_with_its_picture() -> None:
    echo = {
        "id": "ig_1",
        "type": "image_generation_call",
        "status": "completed",
        "action": "generate",
        "background": "opaque",
        "error": None,
        "output_format": "jpeg",
        "quality": "low",
        "result": PNG_BASE64,
        "revised_prompt": "a cat",
        "size": "256x256",
        "svg_usage": None,
        "limner": {"seed": 1},
    }
    assert read(echo) == (ImageCall("ig_1", "a cat", ImageData(PNG, "png")),)


def test_a_failed_image_call_comes_back_with_its_error() -> None:
    error = {"code": None, "message": "no", "param": None, "type": "image_generation_user_error"}
    echo = {"id": "ig_1", "type": "image_generation_call", "status": "failed", "error": error}
    assert read(echo) == (
        ImageCall("ig_1", "", None, ImageCallError("no", type="image_generation_user_error")),
    )


def test_an_error_without_type_is_the_servers() -> None:
    echo = {
        "id": "ig_1",
        "type": "image_generation_call",
        "status": "failed",
        "result": None,
        "error": {"code": "busy", "message": "no"},
    }
    assert read(echo) == (ImageCall("ig_1", "", None, ImageCallError("no", "busy")),)


def test_an_image_call_that_was_never_done_has_no_picture() -> None:
    echo = {"id": "ig_1", "type": "image_generation_call", "status": "generating", "result": None}
    assert read(echo) == (ImageCall("ig_1", "", None),)


CALL = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "c", "output": ""}
DRAWN = {"type": "image_generation_call", "id": "ig", "status": "completed"}
FILE = {"type": "input_file", "file_id": "file_1"}


@pytest.mark.parametrize(
    ("item", "code", "param"),
    [
        ("hello", "invalid_type", "[0]"),
        ({}, "missing_required_parameter", "[0].type"),
        ({"type": 1}, "invalid_type", "[0].type"),
        ({"type": "web_search_call"}, "invalid_value", "[0].type"),
        ({"type": "message", "content": ""}, "missing_required_parameter", "[0].role"),
        ({"role": "tool", "content": ""}, "invalid_value", "[0].role"),
        ({"role": "user"}, "missing_required_parameter", "[0].content"),
        ({"role": "user", "content": 1}, "invalid_type", "[0].content"),
        ({"role": "user", "content": "", "name": "x"}, "unknown_parameter", "[0].name"),
        ({"role": "user", "content": "", "id": 1}, "invalid_type", "[0].id"),
        (user("hello"), "invalid_type", "[0].content[0]"),
        (user({"text": "x"}), "missing_required_parameter", "[0].content[0].type"),
        (user({"type": "text", "text": "x"}), "invalid_value", "[0].content[0].type"),
        (user({"type": "input_text"}), "missing_required_parameter", "[0].content[0].text"),
        (user({"type": "input_text", "text": 1}), "invalid_type", "[0].content[0].text"),
        (user({"type": "refusal"}), "missing_required_parameter", "[0].content[0].refusal"),
        (
            user({"type": "refusal", "refusal": "", "text": ""}),
            "unknown_parameter",
            "[0].content[0].text",
        ),
        (user(FILE), "unsupported_parameter", "[0].content[0]"),
        (user([FILE]), "invalid_type", "[0].content[0]"),
        ({"type": ""}, "string_below_min_length", "[0].type"),
        ({**CALL, "call_id": None}, "missing_required_parameter", "[0].call_id"),
        ({**CALL, "call_id": ""}, "string_below_min_length", "[0].call_id"),
        ({**CALL, "call_id": "c" * 257}, "string_above_max_length", "[0].call_id"),
        ({**CALL, "name": None}, "missing_required_parameter", "[0].name"),
        ({**CALL, "arguments": {}}, "invalid_type", "[0].arguments"),
        ({**CALL, "namespace": "x"}, "unsupported_parameter", "[0].namespace"),
        ({**OUTPUT, "namespace": "x"}, "unsupported_parameter", "[0].namespace"),
        ({**OUTPUT, "call_id": None}, "missing_required_parameter", "[0].call_id"),
        ({**OUTPUT, "output": None}, "missing_required_parameter", "[0].output"),
        ({**OUTPUT, "output": [FILE]}, "unsupported_parameter", "[0].output[0]"),
        ({"type": "reasoning", "summary": ""}, "invalid_type", "[0].summary"),
        (
            {"type": "reasoning", "summary": [{}]},
            "missing_required_parameter",
            "[0].summary[0].text",
        ),
        ({**DRAWN, "id": None}, "missing_required_parameter", "[0].id"),
        ({**DRAWN, "result": 1}, "invalid_type", "[0].result"),
        ({**DRAWN, "result": "*"}, "invalid_value", "[0].result"),
        ({**DRAWN, "result": "R0lGODlh"}, "invalid_value", "[0].result"),
        ({**DRAWN, "error": {}}, "missing_required_parameter", "[0].error.message"),
        ({**DRAWN, "error": {"message": "no"}, "colour": "red"}, "unknown_parameter", "[0].colour"),
        (user(image()), "missing_mutually_exclusive_parameters", "[0].content[0]"),
        (
            user(image(image_url=PNG_URL, file_id="f")),
            "mutually_exclusive_parameters",
            "[0].content[0]",
        ),
        (user(image(file_id="f")), "image_file_not_found", "[0].content[0].file_id"),
        (user(image(image_url={"url": "x"})), "invalid_type", "[0].content[0].image_url"),
        (user(image(image_url=PNG_URL, detail="fine")), "invalid_value", "[0].content[0].detail"),
        (user(image(image_url=PNG_URL, alt="x")), "unknown_parameter", "[0].content[0].alt"),
        (user(image(image_url=PNG_BASE64)), "invalid_value", "[0].content[0].image_url"),
    ],
)
def test_an_item_that_does_not_fit_is_refused_by_its_path(
    item: object, code: str, param: str
) -> None:
    assert refused(input=[item])[:2] == (code, f"input{param}")


def test_an_unknown_type_of_item_is_answered_by_the_known_ones() -> None:
    assert refused(input=[{"type": "mcp_call"}])[2] == (
        "Invalid value: 'mcp_call'. The language model here understands items of the types "
        "message, function_call, function_call_output, reasoning, image_generation_call."
    )


def test_items_of_other_types_are_kept_for_an_upstream_that_understands_them() -> None:
    search = {"type": "web_search_call", "id": "ws_1", "status": "completed", "anything": [1]}
    named = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    named["namespace"] = "n"
    answer = {"type": "function_call_output", "call_id": "c", "output": "", "namespace": "n"}
    items: list[dict[str, Any]] = [search, named, answer]
    assert parsed_whole(input=items).items == tuple(Opaque(item) for item in items)


def test_a_thought_is_kept_as_it_came_beside_its_text() -> None:
    thought = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x"}
    (item,) = parsed_whole(input=[thought]).items
    assert isinstance(item, Reasoning)
    assert item.source == thought


def test_sources_of_past_text_are_kept() -> None:
    source = {"type": "url_citation", "url": "https://example.org"}
    part = {"type": "output_text", "text": "a", "annotations": [source]}
    assert read({"role": "assistant", "content": [part]}) == (
        Message("assistant", (TextPart("a", (source,)),)),
    )


def test_input_must_be_there_as_text_or_as_items() -> None:
    assert refused(input=None)[:2] == ("missing_required_parameter", "input")
    assert refused(input={}) == (
        "invalid_type",
        "input",
        "Invalid type for 'input': expected a string or an array, but got an object instead.",
    )
    assert refused(input=[])[:2] == ("empty_array", "input")
    assert parse_request({"model": "m", "input": []}, may_be_empty=True).items == ()


def test_text_has_a_limit_in_every_place() -> None:
    text = "x" * (10 * 1024 * 1024 + 1)
    code = "string_above_max_length"
    assert refused(input=text)[:2] == (code, "input")
    assert refused(input=[{"role": "user", "content": text}])[:2] == (code, "input[0].content")
    part = {"type": "input_text", "text": text}
    assert refused(input=[user(part)])[:2] == (code, "input[0].content[0].text")


def test_pictures_are_counted_over_the_whole_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire_input, "MAX_IMAGES", 2)
    shown = user(image(image_url=PNG_URL), {"type": "input_text", "text": "and"})
    call = {"type": "reasoning", "summary": []}
    assert len(read(shown, call, shown)) == 3
    assert refused(input=[shown, call, shown, shown]) == (
        "array_above_max_length",
        "input",
        "Too many images in the input: expected at most 2, got 3.",
    )


def test_pictures_in_outputs_that_only_the_upstream_reads_are_found() -> None:
    shown = {"type": "input_image", "image_url": f"data:image/png;base64,{PNG_BASE64}"}
    output = [{"type": "input_text", "text": "so"}, "odd", {**shown, "image_url": "?"}, shown]
    item = {"type": "custom_tool_call_output", "call_id": "c", "output": output}
    (kept,) = parsed_whole(input=[item]).items
    assert isinstance(kept, Opaque)
    assert kept.value == item
    assert [picture.format for picture in kept.pictures] == ["png"]
    (plain,) = parsed_whole(input=[{**item, "output": "done"}]).items
    assert isinstance(plain, Opaque)
    assert plain.pictures == ()
