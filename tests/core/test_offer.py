from __future__ import annotations

import pytest

from limner.core.image_tool import function_tool
from limner.core.offer import Offer, make_offer
from limner.core.request import (
    AllowedTools,
    ClientChoice,
    FunctionChoice,
    ImageTool,
    ImageToolChoice,
    ResponseRequest,
)
from limner.core.turn import FunctionTool, NamedChoice, ToolChoice
from tests.core.recorded import WEATHER, asking

TIME = FunctionTool("get_time")


def offer(
    request: ResponseRequest,
    *,
    first: bool = True,
    last: bool = False,
    may_paint: bool = True,
    past: bool = False,
) -> Offer:
    function = function_tool("draw")
    return make_offer(
        request, function, is_first=first, is_last=last, may_paint=may_paint, has_past_calls=past
    )


def names(made: Offer) -> list[str]:
    return [tool.name for tool in made.tools]


def test_the_image_function_stands_where_the_client_s_tool_stood() -> None:
    made = offer(asking(functions=(WEATHER, TIME), image_tool=ImageTool(1)))
    assert names(made) == ["get_weather", "draw", "get_time"]
    assert made.names == {"get_weather", "draw", "get_time"}


@pytest.mark.parametrize(
    ("choice", "first", "later"),
    [
        ("auto", "auto", "auto"),
        ("none", "none", "none"),
        ("required", "required", "auto"),
        (FunctionChoice("get_weather"), NamedChoice("get_weather"), "auto"),
        (ImageToolChoice(), NamedChoice("draw"), "auto"),
        (AllowedTools(frozenset(), True, required=True), "required", "auto"),
        (AllowedTools(frozenset(), True, required=False), "auto", "auto"),
    ],
)
def test_a_forced_choice_holds_for_the_first_turn(
    choice: ClientChoice, first: ToolChoice, later: ToolChoice
) -> None:
    request = asking(functions=(WEATHER,), tool_choice=choice)
    assert offer(request).choice == first
    assert offer(request, first=False).choice == later


def test_what_is_not_allowed_is_not_declared() -> None:
    choice = AllowedTools(frozenset({"get_time"}), image_tool=False, required=True)
    made = offer(asking(functions=(WEATHER, TIME), tool_choice=choice))
    assert names(made) == ["get_time"]
    assert made.names == {"get_time"}


def test_past_calls_keep_the_function_declared_though_it_may_not_be_called() -> None:
    alone = offer(asking(image_tool=None), past=True)
    assert (names(alone), alone.choice, alone.names) == (["draw"], "none", frozenset())
    beside = offer(asking(image_tool=None, functions=(WEATHER,)), past=True)
    assert (names(beside), beside.choice) == (["get_weather", "draw"], "auto")
    assert beside.names == {"get_weather"}


def test_without_tools_nothing_is_offered() -> None:
    assert offer(asking(image_tool=None)) == Offer((), "none", frozenset(), None)


def test_used_up_calls_leave_the_client_s_functions() -> None:
    made = offer(asking(functions=(WEATHER,)), first=False, may_paint=False, past=True)
    assert made.names == {"get_weather"}
    assert made.choice == "auto"


def test_the_last_turn_must_answer_in_words() -> None:
    made = offer(asking(functions=(WEATHER,), tool_choice="required"), last=True)
    assert (made.choice, made.names) == ("none", frozenset())
    assert names(made) == ["draw", "get_weather"]
