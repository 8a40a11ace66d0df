"""Conversations as gpt-oss reads them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.core.errors import InvalidRequest
from limner.core.image import ImageData
from limner.core.items import (
    FunctionCall,
    FunctionCallOutput,
    ImageCall,
    ImagePart,
    Item,
    Message,
    Reasoning,
    RefusalPart,
    TextPart,
)
from limner.core.turn import FunctionTool, Sampling, TurnRequest
from limner.wire.harmony_parser import TOKENS
from limner.wire.harmony_render import START, render_conversation, spell, tokens_of
from limner.wire.harmony_tools import functions_text
from tests.wire.harmony_conversation import DATE, REQUEST, TEXT, TOOLS, output, says

HEAD = (
    "<|start|>system<|message|>You are ChatGPT, a large language model trained by OpenAI.\n"
    "Knowledge cutoff: 2024-06\n\nReasoning: low\n\n"
    "# Valid channels: analysis, commentary, final. Channel must be included for every message."
    "<|end|>"
)
JSON = "<|channel|>commentary <|constrain|>json<|message|>"
TAIL = "<|start|>assistant"


def render(*items: Item, **settings: Any) -> str:
    request = TurnRequest("m", items, **settings)
    text = spell(render_conversation(request, (), effort="low", date=None))
    assert text.startswith(HEAD)
    assert text.endswith(TAIL)
    return text.removeprefix(HEAD).removesuffix(TAIL)


def test_a_whole_conversation_is_written_as_the_makers_write_it() -> None:
    prompt = render_conversation(REQUEST, TOOLS, effort="high", date=DATE)
    assert "".join(prompt) == TEXT


def test_nobody_but_us_writes_special_tokens() -> None:
    prompt = render_conversation(REQUEST, TOOLS, effort="high", date=DATE)
    assert spell(prompt) == TEXT.replace("Paint <|end|>", "Paint < |end|>")


@given(st.text(st.sampled_from("<|end>art ")))
def test_no_text_can_spell_a_special_token(text: str) -> None:
    spelt = spell((START, text))
    assert not any(f"<|{name}|>" in spelt[len(START) :] for name in TOKENS.values())


def test_tokens_are_numbers_and_text_is_encoded_by_itself() -> None:
    assert tokens_of((START, "<|end|>", START), lambda text: [len(text)]) == [200006, 7, 200006]


def test_what_the_system_says_first_is_the_developers_instruction() -> None:
    text = render(says("system", "A"), says("developer", "B"), instructions="I")
    assert text == "<|start|>developer<|message|># Instructions\n\nI\n\nA\n\nB<|end|>"


def test_what_the_system_says_later_stands_where_it_was_said() -> None:
    assert render(says("user", "A"), says("system", "B")) == (
        "<|start|>user<|message|>A<|end|><|start|>developer<|message|># Instructions\n\nB<|end|>"
    )


def test_a_call_is_followed_by_its_own_output() -> None:
    calls = FunctionCall("a", "f", "1"), FunctionCall("a", "images.edit", "2")
    text = render(*calls, output("a", "one"), output("a", "two"))
    assert text == (
        f"<|start|>assistant to=functions.f{JSON}1<|call|>"
        "<|start|>functions.f to=assistant<|channel|>commentary<|message|>one<|end|>"
        f"<|start|>assistant to=images.edit{JSON}2<|call|>"
        "<|start|>images.edit to=assistant<|channel|>commentary<|message|>two<|end|>"
    )


def test_calls_and_outputs_must_pair() -> None:
    with pytest.raises(InvalidRequest, match="No tool output found for function call a"):
        render(FunctionCall("a", "f", "{}"))
    with pytest.raises(InvalidRequest, match=r"No tool call found .* with call_id b"):
        render(output("b", ""))


def test_thoughts_are_told_again_only_while_their_turn_goes_on() -> None:
    assert render(Reasoning("old"), says("user", "A"), Reasoning(""), Reasoning("new")) == (
        "<|start|>user<|message|>A<|end|><|start|>assistant<|channel|>analysis<|message|>new<|end|>"
    )


def test_pictures_are_told_in_words() -> None:
    picture = ImagePart(ImageData(b"abc", "png"))
    parts = (TextPart("Look:"), picture, picture)
    shown = "[a png picture of 3 bytes, which you cannot see]"
    assert render(Message("user", parts)) == (
        f"<|start|>user<|message|>Look:\n{shown}\n{shown}<|end|>"
    )
    answer = FunctionCallOutput("a", (picture,))
    assert f"<|message|>{shown}<|end|>" in render(FunctionCall("a", "f", "{}"), answer)


def test_a_refusal_is_an_answer() -> None:
    said = "<|start|>assistant<|channel|>final<|message|>No.<|end|>"
    assert render(Message("assistant", (RefusalPart("No."),))) == said


def test_an_image_call_is_a_bug() -> None:
    with pytest.raises(TypeError, match="rewritten"):
        render(ImageCall("ig_1", "a cat", None))


@pytest.mark.parametrize(
    ("text_format", "section"),
    [
        (
            {"type": "json_schema", "name": "list", "description": "Things.", "schema": {"a": 1}},
            '## list\n\n// Things.\n{"a":1}',
        ),
        ({"type": "json_schema", "schema": {}}, "## answer\n\n{}"),
        ({"type": "json_object"}, "## answer\n\n// One JSON object and nothing else\n{}"),
    ],
)
def test_a_format_is_asked_for_in_words(text_format: dict[str, Any], section: str) -> None:
    text = render(sampling=Sampling(text_format=text_format))
    assert text == f"<|start|>developer<|message|># Response Formats\n\n{section}<|end|>"


def test_plain_text_is_no_format() -> None:
    assert render(sampling=Sampling(text_format={"type": "text"})) == ""


def declared(parameters: Any) -> str:
    text = functions_text([FunctionTool("f", "", parameters)])
    return text.partition("type f = ")[2].partition(";\n")[0]


@pytest.mark.parametrize(
    ("schema", "written"),
    [
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "string | null"),
        ({"oneOf": [{"enum": ["a"]}, {"type": "integer"}]}, '"a" | number'),
        ({"anyOf": []}, "any"),
        ({"type": []}, "any"),
        ({"type": [7, "boolean"]}, "any | boolean"),
        ({"type": "date"}, "any"),
        ({"enum": [1, None, "x"]}, '1 | null | "x"'),
        ({"enum": []}, "any"),
        ({"type": "array", "items": 5}, "any[]"),
        ("string", "any"),
        (True, "any"),
    ],
)
def test_a_schema_becomes_a_type(schema: object, written: str) -> None:
    assert declared({"properties": {"p": schema}}) == f"(_: {{\np?: {written},\n}}) => any"


def test_odd_parameters_are_an_object_of_nothing() -> None:
    assert declared({"properties": [], "required": "p"}) == "(_: {\n}) => any"
    assert declared({"properties": {"p": {"description": 5, "default": [1]}}}) == (
        "(_: {\np?: any, // default: [1]\n}) => any"
    )
