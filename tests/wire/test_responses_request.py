"""Turns in the words of the Responses API."""

from __future__ import annotations

from typing import Any

import pytest

from limner.core.image import ImageData
from limner.core.items import (
    FunctionCall,
    FunctionCallOutput,
    ImageCall,
    ImagePart,
    Item,
    Message,
    Opaque,
    Reasoning,
    RefusalPart,
    TextPart,
)
from limner.core.turn import (
    FunctionTool,
    HostedChoice,
    NamedChoice,
    Sampling,
    ToolChoice,
    TurnRequest,
)
from limner.wire.anthropic_thoughts import seal
from limner.wire.responses_request import render_responses_request

HELLO = Message("user", (TextPart("hello"),), id="msg_ours")
PICTURE = ImageData(b"\x89PNG", "png")
URL = "data:image/png;base64,iVBORw=="
SOURCE = {"type": "url_citation", "url": "https://example.org"}
BLIND = "[a png picture of 4 bytes, which you cannot see]"


def rendered(*items: Item, **settings: Any) -> dict[str, Any]:
    return render_responses_request(TurnRequest("m", items or (HELLO,), **settings))


def said(*items: Item, vision: bool = True) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = render_responses_request(
        TurnRequest("m", items), vision=vision
    )["input"]
    return entries


def test_a_plain_turn_says_no_more_than_it_must() -> None:
    assert rendered() == {
        "model": "m",
        "input": [{"type": "message", "role": "user", "content": "hello"}],
        "stream": True,
        "store": False,
        "include": ["reasoning.encrypted_content"],
    }
    bare = render_responses_request(TurnRequest("m", (HELLO,)), model="theirs", sealed=False)
    assert bare["model"] == "theirs"
    assert "include" not in bare


def test_everything_that_was_set_is_said() -> None:
    sampling = Sampling(
        temperature=0.5,
        top_p=0.9,
        max_output_tokens=100,
        presence_penalty=0.1,
        frequency_penalty=0.2,
        text_format={"type": "json_object"},
        verbosity="low",
        reasoning_effort="high",
        reasoning_summary="auto",
        logprobs=True,
        top_logprobs=3,
    )
    include = ("web_search_call.action.sources", "reasoning.encrypted_content")
    body = rendered(sampling=sampling, instructions="Be brief.", user="u", include=include)
    del body["model"], body["input"], body["stream"], body["store"]
    assert body == {
        "temperature": 0.5,
        "top_p": 0.9,
        "max_output_tokens": 100,
        "top_logprobs": 3,
        "presence_penalty": 0.1,
        "frequency_penalty": 0.2,
        "text": {"format": {"type": "json_object"}, "verbosity": "low"},
        "reasoning": {"effort": "high", "summary": "auto"},
        "instructions": "Be brief.",
        "user": "u",
        "include": list(include),
    }


def test_functions_and_hosted_tools_stand_together() -> None:
    search = {"type": "web_search", "filters": {}}
    body = rendered(
        tools=(FunctionTool("f", "Does.", {"type": "object"}, True), FunctionTool("g")),
        hosted_tools=(search,),
        parallel_tool_calls=False,
        max_tool_calls=2,
    )
    described = {"description": "Does.", "parameters": {"type": "object"}, "strict": True}
    assert body["tools"] == [
        {"type": "function", "name": "f", **described},
        {"type": "function", "name": "g", "parameters": None, "strict": None},
        search,
    ]
    assert (body["parallel_tool_calls"], body["max_tool_calls"]) == (False, 2)
    assert "tool_choice" not in body
    assert "parallel_tool_calls" not in rendered(tools=(FunctionTool("g"),))


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("none", "none"),
        ("required", "required"),
        (NamedChoice("g"), {"type": "function", "name": "g"}),
        (HostedChoice({"type": "web_search"}), {"type": "web_search"}),
    ],
)
def test_choices_are_said_in_this_dialect(choice: ToolChoice, expected: object) -> None:
    assert rendered(tools=(FunctionTool("g"),), tool_choice=choice)["tool_choice"] == expected


def test_pictures_stand_where_they_are_shown() -> None:
    shown = (TextPart("look"), ImagePart(PICTURE, "high"), ImagePart(PICTURE))
    assert said(Message("user", shown))[0]["content"] == [
        {"type": "input_text", "text": "look"},
        {"type": "input_image", "detail": "high", "image_url": URL},
        {"type": "input_image", "detail": "auto", "image_url": URL},
    ]
    output = FunctionCallOutput("c", (TextPart("{}"), ImagePart(PICTURE)), id="fco_ours")
    assert said(output) == [
        {
            "type": "function_call_output",
            "call_id": "c",
            "output": [
                {"type": "input_text", "text": "{}"},
                {"type": "input_image", "detail": "auto", "image_url": URL},
            ],
        }
    ]


def test_a_model_that_does_not_see_reads_of_pictures() -> None:
    shown = Message("user", (TextPart("look"), ImagePart(PICTURE)))
    assert said(shown, vision=False)[0]["content"][1] == {"type": "input_text", "text": BLIND}
    past = Message("assistant", (ImagePart(PICTURE),))
    assert said(past, vision=False) == [{"type": "message", "role": "assistant", "content": BLIND}]


def test_what_the_assistant_said_comes_back_with_its_sources() -> None:
    assert said(Message("assistant", (TextPart("a"),))) == [
        {"type": "message", "role": "assistant", "content": "a"}
    ]
    parts = (TextPart("a", (SOURCE,)), RefusalPart("no"))
    assert said(Message("assistant", parts)) == [
        {
            "type": "message",
            "role": "assistant",
            "content": [
                {"type": "output_text", "text": "a", "annotations": [SOURCE]},
                {"type": "refusal", "refusal": "no"},
            ],
        }
    ]
    assert said(Message("assistant", (RefusalPart("no"),)))[0]["content"] == [
        {"type": "refusal", "refusal": "no"}
    ]


def test_a_message_goes_back_with_its_phase() -> None:
    assert said(Message("assistant", (TextPart("a"),), phase="commentary")) == [
        {"type": "message", "role": "assistant", "content": "a", "phase": "commentary"}
    ]


def test_pictures_of_the_assistant_are_shown_by_the_user() -> None:
    picture = {"type": "input_image", "detail": "auto", "image_url": URL}
    label = {"type": "input_text", "text": "Pictures of the assistant:"}
    shown = {"type": "message", "role": "user", "content": [label, picture]}
    assert said(Message("assistant", (ImagePart(PICTURE),))) == [shown]
    assert said(Message("assistant", (TextPart("a"), ImagePart(PICTURE))))[1] == shown


def test_ids_of_ours_do_not_go_there() -> None:
    entries = said(
        HELLO,
        FunctionCall("c", "draw", '{"prompt":"a"}', id="fc_ours"),
        FunctionCallOutput("c", (TextPart("{}"),), id="fco_ours"),
    )
    assert entries[1] == {
        "type": "function_call",
        "call_id": "c",
        "name": "draw",
        "arguments": '{"prompt":"a"}',
    }
    assert entries[2] == {"type": "function_call_output", "call_id": "c", "output": "{}"}
    assert not any("id" in entry for entry in entries)


def test_the_servers_own_items_come_back_as_they_were() -> None:
    search = {"type": "web_search_call", "id": "ws_1", "status": "completed"}
    thought = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x"}
    open_thought = {"type": "reasoning", "summary": [], "content": [{"text": "hm"}]}
    assert said(
        Opaque(search),
        Reasoning("", encrypted_content="x", source=thought),
        Reasoning("hm", source=open_thought),
    ) == [search, thought, open_thought]


@pytest.mark.parametrize(
    "thought",
    [
        Reasoning("hm"),
        Reasoning("hm", source={"type": "reasoning", "summary": [{"text": "hm"}]}),
        Reasoning("hm", encrypted_content="x"),
        Reasoning("", encrypted_content=seal({"type": "thinking"}), source={"type": "reasoning"}),
    ],
)
def test_thoughts_that_the_server_could_not_read_stay_here(thought: Reasoning) -> None:
    assert said(thought) == []


def test_a_picture_call_must_be_rewritten_before() -> None:
    with pytest.raises(TypeError):
        said(ImageCall("ig_1", "a cat", None))
