from __future__ import annotations

import pytest

from limner.core.errors import InvalidRequest
from limner.core.image import ImageCapabilities, ImageData
from limner.core.image_tool import (
    check_gate,
    function_tool,
    offered_function,
    tool_name,
    wish_of,
)
from limner.core.items import FunctionCall
from limner.core.request import ImageTool
from limner.core.sources import Wish
from limner.core.turn import FunctionTool
from tests.core.recorded import USER, asking


def test_the_gate_refuses_the_tool_where_nothing_can_paint() -> None:
    with pytest.raises(InvalidRequest) as refusal:
        check_gate(asking(image_tool=ImageTool(3, path="tools[4]")), can_paint=False)
    assert refusal.value.message == (
        "Image generation tools are disabled. Start vLLM with a multimodal model or pass "
        "--image-service-config pointing to an external image API."
    )
    assert (refusal.value.param, refusal.value.code) == ("tools[4]", "image_generation_disabled")
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
    assert tool_name(functions, past, ["image_generation_3"]) == "image_generation_4"


def test_a_thousand_collisions_are_refused() -> None:
    taken = [FunctionTool("image_generation")]
    taken += [FunctionTool(f"image_generation_{number}") for number in range(2, 1001)]
    with pytest.raises(InvalidRequest, match="rename one of them"):
        tool_name(taken, [])


@pytest.mark.parametrize(
    ("arguments", "wish"),
    [
        ('{"prompt": "a cat"}', Wish("a cat")),
        ('{"prompt": 7}', Wish("")),
        ("{}", Wish("")),
        ("", Wish("")),
        ("[1]", Wish("")),
        ('{"prompt": "\\ud83d"}', Wish("?")),
        ('{"prompt": "x", "action": "edit", "image": 2}', Wish("x", "edit", 2)),
        ('{"prompt": "x", "action": "generate", "image": "2"}', Wish("x", "generate", 2)),
        ('{"prompt": "x", "action": "auto", "image": true}', Wish("x")),
        ('{"prompt": "x", "action": null, "image": "the cat"}', Wish("x")),
        ('{"prompt": "x", "image": "1234"}', Wish("x")),
    ],
)
def test_what_a_call_asks_for_is_found_or_left_open(arguments: str, wish: Wish) -> None:
    assert wish_of(arguments) == wish


def test_a_choice_between_editing_and_painting_is_offered_where_there_is_one() -> None:
    tool = function_tool("draw", ("generate", "edit"), sources=1)
    assert tool.parameters is not None
    assert list(tool.parameters["properties"]) == ["prompt", "action"]
    assert tool.parameters["properties"]["action"]["enum"] == ["generate", "edit"]
    assert tool.parameters["required"] == ["action"]
    assert "edit a picture" in (tool.description or "")


@pytest.mark.parametrize(
    ("by_words", "says"),
    [(False, "describes the picture as it is to be"), (True, "says what to change")],
)
def test_the_model_is_told_how_the_painter_edits(by_words: bool, says: str) -> None:
    can = ImageCapabilities("painter", edits=True, edits_by_words=by_words)
    tool = offered_function("draw", ImageTool(0), (ImageData(b"", "png"),), can)
    assert says in (tool.description or "")


def test_several_pictures_can_be_told_apart_by_number() -> None:
    tool = function_tool("draw", ("edit",), sources=3)
    assert tool.parameters is not None
    assert tool.parameters["properties"]["action"]["enum"] == ["edit"]
    assert tool.parameters["properties"]["image"]["maximum"] == 3
