from __future__ import annotations

import pytest

from limner.core.errors import InvalidRequest
from limner.core.image_tool import check_gate, function_tool, prompt_of, tool_name
from limner.core.items import FunctionCall
from limner.core.request import ImageTool
from limner.core.turn import FunctionTool
from tests.core.recorded import USER, asking


def test_the_gate_refuses_the_tool_where_nothing_can_paint() -> None:
    with pytest.raises(InvalidRequest) as refusal:
        check_gate(asking(image_tool=ImageTool(3)), can_paint=False)
    assert refusal.value.message == (
        "Image generation tools are disabled. Start vLLM with a multimodal model or pass "
        "--image-service-config pointing to an external image API."
    )
    assert (refusal.value.param, refusal.value.code) == ("tools[3]", "image_generation_disabled")
    assert refusal.value.status == 400


def test_the_gate_lets_through_what_can_be_done() -> None:
    check_gate(asking(), can_paint=True)
    check_gate(asking(image_tool=None), can_paint=False)


def test_the_function_takes_a_prompt_and_nothing_else() -> None:
    tool = function_tool("image_generation_2")
    assert tool.name == "image_generation_2"
    assert tool.strict is False
    assert tool.parameters is not None
    assert list(tool.parameters["properties"]) == ["prompt"]
    assert tool.parameters["required"] == []
    assert tool.parameters["additionalProperties"] is False


def test_the_name_is_free_among_functions_and_past_calls() -> None:
    assert tool_name([], [USER]) == "image_generation"
    functions = [FunctionTool("image_generation")]
    past = [FunctionCall("c", "image_generation_2", "{}")]
    assert tool_name(functions, []) == "image_generation_2"
    assert tool_name(functions, past) == "image_generation_3"


def test_a_thousand_collisions_are_refused() -> None:
    taken = [FunctionTool("image_generation")]
    taken += [FunctionTool(f"image_generation_{number}") for number in range(2, 1001)]
    with pytest.raises(InvalidRequest, match="rename one of them"):
        tool_name(taken, [])


@pytest.mark.parametrize(
    ("arguments", "prompt"),
    [
        ('{"prompt": "a cat"}', "a cat"),
        ('{"prompt": 7}', ""),
        ("{}", ""),
        ("", ""),
        ("[1]", ""),
        ('{"prompt": "\\ud83d"}', "?"),
    ],
)
def test_the_prompt_is_found_or_empty(arguments: str, prompt: str) -> None:
    assert prompt_of(arguments) == prompt
