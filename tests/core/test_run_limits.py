"""Calls that are not painted: limits, empty prompts, functions that were not offered."""

from __future__ import annotations

import json

from limner.core.actions import Limits
from limner.core.items import FunctionCall, FunctionCallOutput, TextPart
from limner.core.request import AllowedTools, ImageTool
from limner.core.turn import FunctionTool, TurnEnded
from tests.core.recorded import WEATHER, Recorded, asking, call, draw, painted

FAILED_0 = [
    "added #0 image",
    "image in_progress #0",
    "image generating #0",
    "done #0 image failed",
]


def last_error(recorded: Recorded) -> dict[str, object]:
    output = recorded.turn.items[-1]
    assert isinstance(output, FunctionCallOutput)
    (part,) = output.parts
    assert isinstance(part, TextPart)
    answer = json.loads(part.text)
    assert answer["ok"] is False
    error = answer["error"]
    assert isinstance(error, dict)
    return error


def test_a_call_without_a_prompt_fails_and_the_model_reads_why() -> None:
    recorded = Recorded()
    assert (
        recorded.feed(*call("a", "image_generation", '{"prompt": "  "}'), TurnEnded()) == FAILED_0
    )
    assert last_error(recorded)["code"] == "missing_prompt"
    assert last_error(recorded)["retryable"] is True


def test_crooked_arguments_go_back_to_the_model_mended() -> None:
    recorded = Recorded()
    recorded.feed(*call("a", "image_generation", "{'prompt': 'a cat',"), TurnEnded(), painted())
    _, called, *_ = recorded.turn.items
    assert called == FunctionCall("call_a", "image_generation", '{"prompt": "a cat"}')


def test_the_painter_is_asked_ten_times_at_most() -> None:
    recorded = Recorded()
    for key in "abcdefghij":
        recorded.feed(*draw(key), TurnEnded(), painted())
    seen = recorded.feed(*draw("k"), TurnEnded())
    assert seen[-1] == "done #10 image failed"
    assert last_error(recorded)["code"] == "tool_call_budget_exhausted"
    assert last_error(recorded)["retryable"] is False


def test_calls_without_a_prompt_do_not_use_up_the_budget() -> None:
    recorded = Recorded(limits=Limits(pictures=1))
    recorded.feed(*call("a", "image_generation", ""), *draw("b"), TurnEnded())
    assert recorded.feed(painted())[-1] == "done #1 image completed"


def test_calls_beyond_max_tool_calls_are_refused_unseen() -> None:
    recorded = Recorded(asking(max_tool_calls=1))
    recorded.feed(*draw("a"), *draw("b"), TurnEnded(), painted())
    assert recorded.response_items() == 1
    assert recorded.turn.tool_choice == "none"
    assert [type(item) for item in recorded.turn.items[1:5]] == [
        FunctionCall,
        FunctionCall,
        FunctionCallOutput,
        FunctionCallOutput,
    ]
    assert recorded.feed(*draw("c"), TurnEnded()) == []
    assert last_error(recorded)["code"] == "function_not_offered"
    assert recorded.feed(TurnEnded()) == ["COMPLETED"]


def test_a_call_beyond_max_tool_calls_tells_the_model_the_limit() -> None:
    recorded = Recorded(asking(max_tool_calls=1))
    recorded.feed(*draw("a"), *draw("b"), TurnEnded(), painted())
    first, second = (item for item in recorded.turn.items if isinstance(item, FunctionCallOutput))
    assert (first.call_id, second.call_id) == ("call_a", "call_b")
    assert "max_tool_calls_reached" in second.parts[0].text  # type: ignore[union-attr]


def test_a_function_that_nobody_offered_is_refused_unseen() -> None:
    recorded = Recorded(asking(functions=(WEATHER,)))
    assert recorded.feed(*call("a", "get_wether", "{}"), TurnEnded()) == []
    assert last_error(recorded)["message"] == (
        "The function get_wether may not be called here. These may: get_weather, image_generation."
    )


def test_allowed_tools_bind_also_a_model_that_ignores_them() -> None:
    other = FunctionTool("get_time")
    choice = AllowedTools(frozenset({"get_time"}), image_tool=False, required=False)
    recorded = Recorded(asking(functions=(WEATHER, other), tool_choice=choice))
    assert recorded.turn.tools == (other,)
    seen = recorded.feed(*call("a", "get_weather", "{}"), *draw("b"), TurnEnded())
    assert seen == []
    assert last_error(recorded)["message"] == (
        "The function image_generation may not be called here. These may: get_time."
    )


def test_with_tool_choice_none_nothing_may_be_called() -> None:
    recorded = Recorded(asking(tool_choice="none"))
    assert recorded.feed(*draw("a"), TurnEnded()) == []
    assert last_error(recorded)["message"] == (
        "The function image_generation may not be called here. "
        "Answer in words; no function may be called."
    )


def test_the_image_function_keeps_clear_of_the_client_s_names() -> None:
    own = FunctionTool("image_generation")
    recorded = Recorded(asking(functions=(own,), image_tool=ImageTool(1)))
    assert [tool.name for tool in recorded.turn.tools] == [
        "image_generation",
        "image_generation_2",
    ]
    seen = recorded.feed(*draw("a"), *draw("b", name="image_generation_2"), TurnEnded(), painted())
    assert "added #0 call" in seen
    assert "done #1 image completed" in seen


def test_the_last_turn_may_call_nothing_and_ends_the_response() -> None:
    recorded = Recorded(limits=Limits(turns=2))
    recorded.feed(*draw("a"), TurnEnded(), painted())
    assert recorded.turn.tool_choice == "none"
    assert recorded.feed(*draw("b"), TurnEnded()) == ["COMPLETED"]
    assert recorded.response.adjustments == (
        "The model was stopped after 2 turns while it called on.",
    )


def test_the_last_turn_may_answer_in_words() -> None:
    recorded = Recorded(limits=Limits(turns=2))
    recorded.feed(*draw("a"), TurnEnded(), painted())
    assert recorded.feed(TurnEnded()) == ["COMPLETED"]
    assert recorded.response.adjustments == ()


def test_a_forced_call_is_free_again_after_the_first_turn() -> None:
    recorded = Recorded(asking(tool_choice="required"))
    first = recorded.turn
    assert first.tool_choice == "required"
    recorded.feed(*draw("a"), TurnEnded(), painted())
    assert recorded.turn.tool_choice == "auto"
