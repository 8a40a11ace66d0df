"""Items as Anthropic's messages, under the rules that its API enforces."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.core.errors import InvalidRequest
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
from limner.wire import json
from limner.wire.anthropic_messages import AnthropicMessages
from limner.wire.anthropic_thoughts import seal
from tests.pictures import picture

PICTURE = ImagePart(picture())
THOUGHT = {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}
SEALED = Reasoning("Hm.", encrypted_content=seal(THOUGHT))


def said(role: Any, *parts: Part | str) -> Message:
    return Message(role, tuple(TextPart(p) if isinstance(p, str) else p for p in parts))


def call(call_id: str, arguments: str = '{"prompt": "a cat"}', name: str = "draw") -> FunctionCall:
    return FunctionCall(call_id, name, arguments)


def output(call_id: str, *parts: Part | str) -> FunctionCallOutput:
    return FunctionCallOutput(call_id, said("user", *parts).parts)


def text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def used(call_id: str, **input: str) -> dict[str, Any]:
    given = input or {"prompt": "a cat"}
    return {"type": "tool_use", "id": call_id, "name": "draw", "input": given}


def result(call_id: str, *content: dict[str, Any]) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": call_id, "content": list(content)}


def shown(block: dict[str, Any]) -> bool:
    return bool(block["type"] == "image" and block["source"]["media_type"] == "image/png")


def render(*items: Item, instructions: str | None = None, vision: bool = True) -> AnthropicMessages:
    return AnthropicMessages(items, instructions, vision=vision)


def contents(*items: Item) -> list[tuple[str, list[Any]]]:
    return [(m["role"], m["content"]) for m in render(*items).messages]


def test_all_messages_of_the_system_have_one_place() -> None:
    rendered = render(
        said("developer", "b"), said("user", "hi"), said("system", "late"), instructions="a"
    )
    assert rendered.system == [text("a"), text("b"), text("late")]
    assert rendered.messages == [{"role": "user", "content": [text("hi")]}]


def test_messages_of_one_role_are_one_and_texts_without_words_are_none() -> None:
    assert contents(
        said("user", "a", " \n"),
        said("user", RefusalPart("b")),
        said("assistant", "c"),
        said("assistant", RefusalPart("d"), ""),
        said("user", "e"),
    ) == [
        ("user", [text("a"), text("b")]),
        ("assistant", [text("c"), text("d")]),
        ("user", [text("e")]),
    ]


@pytest.mark.parametrize("items", [(), (said("user", " "),), (said("system", "s"),)])
def test_a_conversation_without_words_still_asks(items: tuple[Item, ...]) -> None:
    assert contents(*items) == [("user", [text("(Go on.)")])]


def test_a_user_begins_and_a_user_ends() -> None:
    assert contents(said("assistant", "Hello.")) == [
        ("user", [text("(The conversation begins.)")]),
        ("assistant", [text("Hello.")]),
        ("user", [text("(Go on.)")]),
    ]


def test_results_come_first_in_the_next_user_turn_with_their_pictures_inside() -> None:
    rendered = contents(
        said("user", "two cats"),
        said("assistant", "First."),
        call("a"),
        call("b", ""),
        said("assistant", "Both are coming."),
        output("a", "A", PICTURE),
        output("b"),
        said("user", "Generated image:", PICTURE),
    )
    (_, _), (role, assistant), (_, [first, second, label, image]) = rendered
    assert role == "assistant"
    assert assistant == [
        text("First."),
        used("a"),
        {"type": "tool_use", "id": "b", "name": "draw", "input": {}},
        text("Both are coming."),
    ]
    assert first["content"][0] == text("A")
    assert shown(first["content"][1])
    assert second == result("b", text("(no output)"))
    assert label == text("Generated image:")
    assert shown(image)


def test_pictures_of_the_system_and_the_assistant_go_into_the_next_user_turn() -> None:
    rendered = render(
        said("system", "like this", PICTURE),
        said("user", "hi"),
        said("assistant", "so?", PICTURE),
        call("a"),
        output("a", "A"),
    )
    assert rendered.system == [text("like this")]
    first, assistant, second = (message["content"] for message in rendered.messages)
    assert (first[0], first[2]) == (text("Pictures of the system:"), text("hi"))
    assert assistant == [text("so?"), used("a")]
    assert second[:2] == [result("a", text("A")), text("Pictures of the assistant:")]
    assert shown(first[1])
    assert shown(second[2])


def test_a_model_without_eyes_reads_what_it_cannot_see() -> None:
    rendered = render(call("a"), output("a", "A", PICTURE), said("user", PICTURE), vision=False)
    told = text("[a png picture of 8x8 px, which you cannot see]")
    assert rendered.messages[-1]["content"] == [result("a", text("A"), told), told]
    assert rendered.left_out == 0


@pytest.mark.parametrize(
    ("arguments", "sent"),
    [
        ("{'prompt': 'a cat'", {"prompt": "a cat"}),
        ("[1]", {}),
        ('{"half": "\\ud800"}', {"half": "?"}),
        ('{"n": NaN}', {}),
        ('{"n": 123456789012345678901234567890}', {"n": 123456789012345678901234567890.0}),
        ('{"n": ' + "[" * 200 + "]" * 200 + "}", {}),
    ],
)
def test_arguments_are_an_object_that_can_be_sent(arguments: str, sent: dict[str, Any]) -> None:
    _, (_, [block]), _ = contents(call("a", arguments), output("a", "A"))
    assert block["input"] == sent
    assert json.dump(block)


def test_an_output_that_comes_late_still_follows_its_call_at_once() -> None:
    assert contents(call("a"), said("user", "well?"), output("a", "A"))[1:] == [
        ("assistant", [used("a")]),
        ("user", [result("a", text("A")), text("well?")]),
    ]


def test_ids_are_unique_and_made_of_few_characters() -> None:
    items = (call("a"), output("a", "1"), call("a"), output("a", "2"), call("f.x:0"))
    messages = render(*items, output("f.x:0", "3")).messages
    ids = [m["content"][0]["id"] for m in messages if m["role"] == "assistant"]
    answered = [m["content"][0]["tool_use_id"] for m in messages[2::2]]
    texts = [m["content"][0]["content"][0]["text"] for m in messages[2::2]]
    assert ids == answered
    assert (ids[0], texts) == ("a", ["1", "2", "3"])
    assert len(set(ids)) == 3
    assert all(call_id.replace("_", "").isalnum() and len(call_id) <= 64 for call_id in ids)


def test_names_of_old_calls_are_made_of_few_characters() -> None:
    _, (_, [block]), _ = contents(call("a", name="functions.draw" + "x" * 80), output("a", "A"))
    assert block["name"] == ("functions_draw" + "x" * 80)[:64]


def test_a_call_without_an_output_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="No tool output found for function call a"):
        render(call("a"), said("user", "hi"))


def test_an_output_without_a_call_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="call_id b"):
        render(said("user", "hi"), output("b", "B"))


def test_an_image_call_must_have_been_rewritten() -> None:
    with pytest.raises(TypeError):
        render(ImageCall("ig_1", "a cat", None))


def test_thoughts_go_back_as_they_came_and_others_do_not() -> None:
    redacted = {"type": "redacted_thinking", "data": "b3BhcXVl"}
    items = (
        Reasoning("not from here", encrypted_content="gAAA"),
        Reasoning("not sealed"),
        SEALED,
        Reasoning("", encrypted_content=seal(redacted)),
        said("assistant", "Here."),
        call("a"),
        output("a", "A"),
    )
    assert contents(*items)[1] == ("assistant", [THOUGHT, redacted, text("Here."), used("a")])


def test_a_thought_that_led_to_nothing_is_left_out() -> None:
    assert contents(said("user", "hi"), SEALED, said("user", "well?")) == [
        ("user", [text("hi"), text("well?")])
    ]
    assert contents(said("assistant", "Hm."), SEALED)[1] == ("assistant", [text("Hm.")])


@pytest.mark.parametrize(
    ("items", "is_thoughtless"),
    [
        ((said("user", "hi"),), False),
        ((call("a"), output("a", "A"), said("assistant", "Done.")), False),
        ((call("a"), output("a", "A")), True),
        ((SEALED, call("a"), output("a", "A")), False),
        ((call("a"), output("a", "A"), said("user", "Generated image:")), True),
        ((SEALED, call("a"), output("a", "A"), call("b"), output("b", "B")), False),
        ((call("a"), output("a", "A"), SEALED, call("b"), output("b", "B")), True),
        ((call("a"), output("a", "A"), said("user", "!"), SEALED, call("b"), output("b")), False),
        ((SEALED, call("a"), output("a", "A"), said("user", "!"), call("b"), output("b")), True),
    ],
)
def test_a_turn_is_thoughtless_when_its_calls_began_without_a_thought(
    items: tuple[Item, ...], is_thoughtless: bool
) -> None:
    assert render(*items).is_thoughtless == is_thoughtless


KINDS = st.sampled_from(["user", "assistant", "system", "call", "output", "thought", "blank"])


@given(st.lists(KINDS))
def test_whatever_was_said_the_rules_hold(kinds: list[str]) -> None:
    items: list[Item] = []
    unanswered: list[str] = []
    for number, kind in enumerate(kinds):
        if kind == "call":
            items.append(call(f"c{number % 3}"))
            unanswered.append(f"c{number % 3}")
        elif kind == "thought":
            items.append(SEALED)
        elif kind == "blank":
            items.append(said("assistant", ""))
        elif kind != "output":
            items.append(said(kind, f"{number}", PICTURE))
        elif unanswered:
            items.append(output(unanswered.pop(0), "done", PICTURE))
    items += [output(call_id, "done") for call_id in unanswered]
    messages = render(*items).messages
    roles = [message["role"] for message in messages]
    assert roles == ["user", "assistant"] * (len(roles) // 2) + ["user"]
    ids: list[str] = []
    for message, following in zip(messages, [*messages[1:], None], strict=True):
        content = message["content"]
        assert content
        assert not any(isinstance(block, ImagePart) for block in content)
        if message["role"] == "assistant":
            assert content[-1]["type"] != "thinking"
            made = [block["id"] for block in content if block["type"] == "tool_use"]
            ids += made
            assert following is not None
            begin = following["content"][: len(made)]
            assert [block.get("tool_use_id") for block in begin] == made
    assert len(set(ids)) == len(ids)
