"""A turn in the words of Chat Completions."""

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
    Part,
    Reasoning,
    RefusalPart,
    TextPart,
)
from limner.core.turn import FunctionTool, HostedChoice, NamedChoice, Sampling, TurnRequest
from limner.wire.chat_request import render_chat_request

PICTURE = ImagePart(ImageData(b"\x89PNG", "png"))
PICTURE_URL = {"url": "data:image/png;base64,iVBORw==", "detail": "auto"}
SHOWN: dict[str, Any] = {"type": "image_url", "image_url": PICTURE_URL}
DRAW = FunctionTool("draw", "Draws.", {"type": "object"}, strict=False)


def user(*parts: Part | str) -> Message:
    return message("user", *parts)


def message(role: Any, *parts: Part | str) -> Message:
    return Message(role, tuple(TextPart(p) if isinstance(p, str) else p for p in parts))


def call(call_id: str) -> FunctionCall:
    return FunctionCall(call_id, "draw", '{"prompt":"a cat"}')


def output(call_id: str, *parts: Part | str) -> FunctionCallOutput:
    return FunctionCallOutput(call_id, user(*parts).parts)


def called(call_id: str) -> dict[str, Any]:
    function = {"name": "draw", "arguments": '{"prompt":"a cat"}'}
    return {"id": call_id, "type": "function", "function": function}


def text(text: str) -> dict[str, str]:
    return {"type": "text", "text": text}


def request(*items: Item, **fields: Any) -> TurnRequest:
    return TurnRequest(model="m", items=items, **fields)


def messages(*items: Item, vision: bool = True, instructions: str | None = None) -> Any:
    body = render_chat_request(request(*items, instructions=instructions), vision=vision)
    return body["messages"]


def test_the_smallest_request_asks_for_a_stream_with_usage() -> None:
    assert render_chat_request(request(user("hi"))) == {
        "model": "m",
        "messages": [{"role": "user", "content": "hi"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_every_setting_has_its_place() -> None:
    sampling = Sampling(
        temperature=0.5,
        top_p=0.9,
        max_output_tokens=7,
        presence_penalty=0.1,
        frequency_penalty=0.2,
        verbosity="low",
        reasoning_effort="high",
        text_format={"type": "json_object"},
    )
    body = render_chat_request(
        request(
            user("hi"),
            tools=(DRAW, FunctionTool("bare")),
            tool_choice=NamedChoice("draw"),
            parallel_tool_calls=False,
            sampling=sampling,
            user="u",
        ),
        model="theirs",
        max_tokens_field="max_tokens",
    )
    del body["messages"], body["stream"], body["stream_options"]
    function = {
        "name": "draw",
        "description": "Draws.",
        "parameters": {"type": "object"},
        "strict": False,
    }
    assert body == {
        "model": "theirs",
        "tools": [
            {"type": "function", "function": function},
            {"type": "function", "function": {"name": "bare"}},
        ],
        "tool_choice": {"type": "function", "function": {"name": "draw"}},
        "parallel_tool_calls": False,
        "temperature": 0.5,
        "top_p": 0.9,
        "presence_penalty": 0.1,
        "frequency_penalty": 0.2,
        "verbosity": "low",
        "reasoning_effort": "high",
        "response_format": {"type": "json_object"},
        "max_tokens": 7,
        "user": "u",
    }


@pytest.mark.parametrize(("choice", "sent"), [("auto", None), ("none", "none"), ("required",) * 2])
def test_a_tool_choice_is_sent_unless_it_is_the_default(choice: Any, sent: str | None) -> None:
    body = render_chat_request(request(user("hi"), tools=(DRAW,), tool_choice=choice))
    assert body.get("tool_choice") == sent
    assert "parallel_tool_calls" not in body


def test_without_tools_nothing_is_said_about_them() -> None:
    body = render_chat_request(request(user("hi"), tool_choice="none", parallel_tool_calls=False))
    assert not {"tools", "tool_choice", "parallel_tool_calls"} & body.keys()


def test_newer_models_get_the_newer_name_of_the_token_limit() -> None:
    body = render_chat_request(request(user("hi"), sampling=Sampling(max_output_tokens=7)))
    assert body["max_completion_tokens"] == 7


@pytest.mark.parametrize(
    ("text_format", "sent"),
    [
        ({"type": "text"}, None),
        (
            {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": True},
            {
                "type": "json_schema",
                "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": True},
            },
        ),
    ],
)
def test_a_text_format_becomes_a_response_format(text_format: Any, sent: Any) -> None:
    body = render_chat_request(request(user("hi"), sampling=Sampling(text_format=text_format)))
    assert body.get("response_format") == sent


def test_instructions_and_leading_system_messages_are_one() -> None:
    assert messages(
        message("developer", "b"), user("hi"), message("system", "late"), instructions="a"
    ) == [
        {"role": "system", "content": "a\n\nb"},
        {"role": "user", "content": "hi"},
        {"role": "system", "content": "late"},
    ]


def test_text_of_a_user_is_a_plain_string() -> None:
    assert messages(user("a", "b")) == [{"role": "user", "content": "a\nb"}]


def test_a_user_shows_pictures() -> None:
    large = ImagePart(PICTURE.source, detail="original")
    assert messages(user("look", PICTURE, large, RefusalPart("no"))) == [
        {
            "role": "user",
            "content": [
                text("look"),
                SHOWN,
                {"type": "image_url", "image_url": {**SHOWN["image_url"], "detail": "high"}},
                text("no"),
            ],
        }
    ]


def test_a_model_without_eyes_reads_what_it_cannot_see() -> None:
    assert messages(user("look", PICTURE), vision=False) == [
        {
            "role": "user",
            "content": "look\n[a png picture of 4 bytes, which you cannot see]",
        }
    ]


def test_a_model_without_eyes_reads_which_picture_a_tool_returned() -> None:
    shown = messages(
        call("a"),
        call("b"),
        output("a", '{"ok":true}', PICTURE),
        output("b", PICTURE),
        vision=False,
    )
    assert [m["content"] for m in shown[1:]] == [
        '{"ok":true}\n[a png picture of 4 bytes, which you cannot see]',
        "[a png picture of 4 bytes, which you cannot see]",
    ]


def test_calls_made_together_stand_in_one_message_with_the_text_around_them() -> None:
    assert messages(
        user("two cats"),
        message("assistant", "First."),
        Reasoning("hmm"),
        call("a"),
        call("b"),
        message("assistant", "Both are coming."),
        output("a", "A"),
        output("b", "B"),
        message("assistant", RefusalPart("No more.")),
    ) == [
        {"role": "user", "content": "two cats"},
        {
            "role": "assistant",
            "content": "First.\nBoth are coming.",
            "tool_calls": [called("a"), called("b")],
        },
        {"role": "tool", "tool_call_id": "a", "content": "A"},
        {"role": "tool", "tool_call_id": "b", "content": "B"},
        {"role": "assistant", "content": "No more."},
    ]


def test_pictures_of_tools_are_lifted_behind_the_whole_block() -> None:
    assert messages(
        call("a"), call("b"), output("a", "A", PICTURE), output("b", PICTURE), user("thanks")
    ) == [
        {"role": "assistant", "content": None, "tool_calls": [called("a"), called("b")]},
        {"role": "tool", "tool_call_id": "a", "content": "A"},
        {
            "role": "tool",
            "tool_call_id": "b",
            "content": "The picture is in the next user message.",
        },
        {
            "role": "user",
            "content": [
                text("Pictures of tool call a:"),
                SHOWN,
                text("Pictures of tool call b:"),
                SHOWN,
            ],
        },
        {"role": "user", "content": "thanks"},
    ]


def test_pictures_of_the_system_and_the_assistant_are_lifted_as_well() -> None:
    shown = messages(message("system", "like this", PICTURE), message("assistant", PICTURE))
    assert [m["role"] for m in shown] == ["system", "user", "assistant", "user"]
    assert shown[1]["content"] == [text("Pictures of the system:"), SHOWN]


def test_an_output_that_comes_late_still_follows_its_call_at_once() -> None:
    roles = [m["role"] for m in messages(call("a"), user("well?"), output("a", "A"))]
    assert roles == ["assistant", "tool", "user"]


def test_outputs_with_equal_ids_answer_the_calls_in_their_order() -> None:
    shown = messages(call("a"), output("a", "1"), user("again"), call("a"), output("a", "2"))
    assert [m["content"] for m in shown if m["role"] == "tool"] == ["1", "2"]


def test_an_empty_message_of_the_assistant_is_an_empty_string() -> None:
    assert messages(message("assistant")) == [{"role": "assistant", "content": ""}]


def test_a_call_without_an_output_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="No tool output found for function call a"):
        messages(call("a"), user("hi"))


def test_an_output_without_a_call_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="call_id b"):
        messages(user("hi"), output("b", "B"))


def test_a_hosted_tool_cannot_be_forced_here() -> None:
    choice = HostedChoice({"type": "web_search"})
    request = TurnRequest("m", (), tools=(FunctionTool("draw"),), tool_choice=choice)
    with pytest.raises(TypeError):
        render_chat_request(request)


def test_an_image_call_must_have_been_rewritten() -> None:
    with pytest.raises(TypeError):
        messages(ImageCall("ig_1", "a cat", None))


@given(st.lists(st.sampled_from(["user", "assistant", "system", "call", "output", "thought"])))
def test_tool_messages_always_follow_their_calls_and_answer_all(kinds: list[str]) -> None:
    items: list[Item] = []
    unanswered: list[str] = []
    for number, kind in enumerate(kinds):
        if kind == "call":
            items.append(call(f"c{number}"))
            unanswered.append(f"c{number}")
        elif kind == "thought":
            items.append(Reasoning("hmm"))
        elif kind != "output":
            items.append(message(kind, f"{number}", PICTURE))
        elif unanswered:
            items.append(output(unanswered.pop(0), "done", PICTURE))
    items += [output(call_id, "done") for call_id in unanswered]
    waiting: list[str] = []
    for m in messages(*items):
        if m["role"] == "tool":
            assert m["tool_call_id"] == waiting.pop(0)
        else:
            assert not waiting
        waiting += [made["id"] for made in m.get("tool_calls", ())]
        assert m["role"] == "user" or "image_url" not in str(m)
    assert not waiting


def test_log_probabilities_are_asked_for_by_chat_s_names() -> None:
    body = render_chat_request(
        request(user("hi"), sampling=Sampling(logprobs=True, top_logprobs=0))
    )
    assert (body["logprobs"], body["top_logprobs"]) == (True, 0)
    assert "logprobs" not in render_chat_request(request(user("hi")))
