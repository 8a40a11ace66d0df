"""A turn in the words of Anthropic's Messages API; its official types are the judge."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from anthropic.types.message_create_params import MessageCreateParamsStreaming
from pydantic import TypeAdapter, ValidationError

from limner.core.image import ImageData
from limner.core.items import (
    FunctionCall,
    FunctionCallOutput,
    ImagePart,
    Message,
    Reasoning,
    TextPart,
)
from limner.core.turn import FunctionTool, NamedChoice, Sampling, TurnRequest
from limner.wire.anthropic_request import AnthropicRequest, render_anthropic_request
from limner.wire.anthropic_thoughts import seal
from tests.pictures import picture

OFFICIAL: TypeAdapter[Any] = TypeAdapter(MessageCreateParamsStreaming)
# Newer official types no longer have these, which older models and other servers still take.
OLDER = frozenset({"temperature", "top_p"})

HI = Message("user", (TextPart("hi"),))
SAID = [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]
DRAW = FunctionTool("draw", "Draws.", {"properties": {"prompt": {}}}, strict=True)
DECLARED = {
    "name": "draw",
    "description": "Draws.",
    "input_schema": {"type": "object", "properties": {"prompt": {}}},
    "strict": True,
}
BARE = {"name": "bare", "input_schema": {"type": "object"}}


def render(
    *items: Any, thinking: Any = "adaptive", model: str | None = None, **fields: Any
) -> AnthropicRequest:
    request = TurnRequest("m", items or (HI,), **fields)
    rendered = render_anthropic_request(request, model=model, thinking=thinking)
    known = {name: value for name, value in rendered.body.items() if name not in OLDER}
    exhaust(OFFICIAL.validate_python(known, extra="forbid"))
    return rendered


def exhaust(value: object) -> None:
    """Walk through everything: what is declared as an iterable is validated only then."""
    if isinstance(value, Mapping):
        value = value.values()
    if isinstance(value, Iterable) and not isinstance(value, str):
        for inner in value:
            exhaust(inner)


def body(*items: Any, **fields: Any) -> dict[str, Any]:
    rendered = render(*items, **fields)
    assert rendered.adjustments == ()
    return rendered.body


def sampled(thinking: str = "adaptive", **sampling: Any) -> AnthropicRequest:
    return render(sampling=Sampling(**sampling), thinking=thinking)


def test_the_smallest_request_sets_the_limit_that_the_api_demands() -> None:
    assert body() == {"model": "m", "max_tokens": 8192, "stream": True, "messages": SAID}


def test_every_setting_has_its_place() -> None:
    schema = {"type": "object", "properties": {}}
    form = {"type": "json_schema", "name": "n", "schema": schema, "strict": True}
    assert body(
        model="theirs",
        instructions="Be kind.",
        tools=(DRAW, FunctionTool("bare")),
        tool_choice=NamedChoice("draw"),
        parallel_tool_calls=False,
        user="u",
        sampling=Sampling(
            temperature=0, top_p=0.9, max_output_tokens=70, text_format=form, verbosity="medium"
        ),
    ) == {
        "model": "theirs",
        "max_tokens": 70,
        "stream": True,
        "system": [{"type": "text", "text": "Be kind."}],
        "messages": SAID,
        "tools": [DECLARED, BARE],
        "tool_choice": {"type": "tool", "name": "draw", "disable_parallel_tool_use": True},
        "output_config": {"format": {"type": "json_schema", "schema": schema}},
        "metadata": {"user_id": "u"},
        "temperature": 0,
        "top_p": 0.9,
    }


@pytest.mark.parametrize(
    ("choice", "parallel", "sent"),
    [
        ("auto", True, None),
        ("auto", False, {"type": "auto", "disable_parallel_tool_use": True}),
        ("none", False, {"type": "none"}),
        ("required", True, {"type": "any"}),
        ("required", False, {"type": "any", "disable_parallel_tool_use": True}),
        (NamedChoice("draw"), True, {"type": "tool", "name": "draw"}),
    ],
)
def test_a_tool_choice_is_sent_unless_it_is_the_default(
    choice: Any, parallel: bool, sent: Any
) -> None:
    request = body(tools=(DRAW,), tool_choice=choice, parallel_tool_calls=parallel)
    assert request.get("tool_choice") == sent


def test_without_tools_nothing_is_said_about_them() -> None:
    request = body(tool_choice="required", parallel_tool_calls=False)
    assert not {"tools", "tool_choice"} & request.keys()


def test_calls_of_the_past_are_declared_although_nothing_may_be_called() -> None:
    past = FunctionCall("a", "ba.re", "{}"), FunctionCallOutput("a", (TextPart("A"),))
    request = body(*past, *past)
    assert request["tools"] == [{"name": "ba_re", "input_schema": {"type": "object"}}]
    assert request["tool_choice"] == {"type": "none"}
    assert body(*past, tools=(DRAW,))["tools"] == [DECLARED]


@pytest.mark.parametrize(
    ("style", "effort", "max_tokens"),
    [("adaptive", "none", 8192), ("adaptive", "low", 8192 + 2048), ("budget", "high", 24_576)],
)
def test_thinking_comes_on_top_of_the_limit_that_nobody_set(
    style: str, effort: str, max_tokens: int
) -> None:
    assert sampled(style, reasoning_effort=effort).body["max_tokens"] == max_tokens


def test_effort_and_format_share_their_field() -> None:
    form = {"type": "json_schema", "name": "n", "schema": {}}
    request = sampled(reasoning_effort="high", text_format=form).body
    assert request["thinking"] == {"type": "adaptive"}
    assert request["output_config"] == {
        "effort": "high",
        "format": {"type": "json_schema", "schema": {}},
    }


def test_a_budget_is_part_of_the_limit_that_the_client_set() -> None:
    request = sampled("budget", reasoning_effort="high", max_output_tokens=4000).body
    assert request["max_tokens"] == 4000
    assert request["thinking"] == {"type": "enabled", "budget_tokens": 2000}


@pytest.mark.parametrize("choice", ["required", NamedChoice("draw")])
def test_a_forced_call_goes_without_thinking(choice: Any) -> None:
    effort = Sampling(reasoning_effort="high")
    rendered = render(tools=(DRAW,), tool_choice=choice, sampling=effort)
    assert "thinking" not in rendered.body
    assert rendered.adjustments == ("reasoning.effort: no thinking before a call that is forced.",)
    unforced = render(tool_choice=choice, sampling=effort)
    assert "thinking" in unforced.body


def test_a_turn_that_began_without_a_thought_goes_on_without() -> None:
    past = FunctionCall("a", "draw", "{}"), FunctionCallOutput("a", (TextPart("A"),))
    effort = Sampling(reasoning_effort="high")
    rendered = render(*past, tools=(DRAW,), sampling=effort, thinking="budget")
    assert "thinking" not in rendered.body
    assert len(rendered.adjustments) == 1


@pytest.mark.parametrize(
    ("sampling", "sent", "told"),
    [
        ({"temperature": 1.5}, {"temperature": 1}, ["temperature: 1,"]),
        ({"temperature": 1, "top_p": 0.5}, {"temperature": 1, "top_p": 0.5}, []),
        ({"temperature": 0.5, "top_p": 0.5, "reasoning_effort": "low"}, {}, ["temp", "top_p: "]),
        ({"presence_penalty": 0.5, "frequency_penalty": 0}, {}, ["presence_penalty: left out"]),
        ({"frequency_penalty": -1, "verbosity": "low"}, {}, ["frequency_penalty:", "text.verb"]),
    ],
)
def test_knobs_that_are_not_there_are_reported(
    sampling: Any, sent: dict[str, Any], told: list[str]
) -> None:
    rendered = sampled(**sampling)
    assert {name: rendered.body[name] for name in OLDER & rendered.body.keys()} == sent
    for adjustment, start in zip(rendered.adjustments, told, strict=True):
        assert adjustment.startswith(start)


def test_json_without_a_schema_is_asked_for_in_words() -> None:
    rendered = sampled(text_format={"type": "json_object"})
    assert rendered.body["system"] == [
        {"type": "text", "text": "Answer with one JSON object and with nothing else."}
    ]
    assert rendered.adjustments[0].startswith("text.format:")


def test_pictures_that_were_left_out_are_counted() -> None:
    shown = ImagePart(picture())
    too_large = ImagePart(ImageData(bytes(5 * 1024 * 1024), "png"))
    rendered = render(Message("user", (shown, too_large, too_large)))
    assert rendered.adjustments[0].startswith("input: 2 pictures are told to the model in words")


def test_a_paused_reply_goes_back_as_the_assistants_turn() -> None:
    rendered = render()
    content = [{"type": "text", "text": "Well"}]
    continued = rendered.continued(content).continued(content)
    assert continued.body["messages"] == [
        *SAID,
        {"role": "assistant", "content": content * 2},
    ]
    assert rendered.body["messages"] == SAID


def test_a_whole_conversation_is_one_that_the_official_types_know() -> None:
    thought = {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}
    request = body(
        Message("system", (TextPart("s"),)),
        Message("user", (TextPart("hi"), ImagePart(picture()))),
        Reasoning("Hm.", encrypted_content=seal(thought)),
        Reasoning("", encrypted_content=seal({"type": "redacted_thinking", "data": "b3A="})),
        Message("assistant", (TextPart("Well."),)),
        FunctionCall("a", "draw", "{}"),
        FunctionCallOutput("a", (TextPart("A"), ImagePart(picture()))),
        tools=(DRAW,),
    )
    kinds = [[block["type"] for block in message["content"]] for message in request["messages"]]
    assert kinds == [
        ["text", "image"],
        ["thinking", "redacted_thinking", "text", "tool_use"],
        ["tool_result"],
    ]


def test_the_judge_is_awake() -> None:
    unknown = [{"role": "user", "content": [{"type": "text", "text": "hi", "odd": 1}]}]
    with pytest.raises(ValidationError):
        exhaust(OFFICIAL.validate_python(body() | {"messages": unknown}, extra="forbid"))
