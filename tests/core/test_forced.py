"""A picture that the client demands, over a model that only talks."""

from __future__ import annotations

import pytest

from limner.core.actions import Limits
from limner.core.events import MessageItem
from limner.core.forced import (
    ADJUSTMENT,
    MAX_PROMPT_CHARS,
    forces_picture,
    has_refused,
    prompt_for,
)
from limner.core.items import FunctionCall, ImagePart, Message, RefusalPart, TextPart
from limner.core.request import (
    AllowedTools,
    ClientChoice,
    FunctionChoice,
    ImageToolChoice,
    ResponseRequest,
)
from limner.core.turn import RefusalDelta, TextDelta, TurnEnded
from tests.core.recorded import CAT, USER, WEATHER, Recorded, asking, call, draw, painted

ONLY_IMAGES = AllowedTools(frozenset(), image_tool=True, required=True)


@pytest.mark.parametrize(
    ("request_", "is_forced"),
    [
        (asking(tool_choice=ImageToolChoice()), True),
        (asking(tool_choice="required"), True),
        (asking(tool_choice="required", functions=(WEATHER,)), False),
        (asking(tool_choice=ONLY_IMAGES, functions=(WEATHER,)), True),
        (asking(tool_choice=AllowedTools(frozenset({"f"}), True, required=True)), False),
        (asking(tool_choice=AllowedTools(frozenset(), True, required=False)), False),
        (asking(tool_choice=FunctionChoice("get_weather"), functions=(WEATHER,)), False),
        (asking(), False),
        (asking(image_tool=None, tool_choice="required"), False),
    ],
)
def test_a_choice_forces_a_picture_where_nothing_else_is_left(
    request_: ResponseRequest, *, is_forced: bool
) -> None:
    assert forces_picture(request_) is is_forced


@pytest.mark.parametrize("choice", [ImageToolChoice(), "required", ONLY_IMAGES])
def test_a_model_that_only_talks_gets_its_call_made(choice: ClientChoice) -> None:
    recorded = Recorded(asking(tool_choice=choice))
    seen = recorded.feed(TextDelta("A cat is nice."), TurnEnded())
    assert seen[-4:] == [
        "done #0 message completed",
        "added #1 image",
        "image in_progress #1",
        "image generating #1",
    ]
    assert recorded.image.request.prompt == "Draw a cat."
    recorded.feed(painted())
    message, made, output = recorded.turn.items[1:]
    assert message == Message("assistant", (TextPart("A cat is nice."),))
    assert isinstance(made, FunctionCall)
    assert (made.name, made.arguments) == ("image_generation", '{"prompt": "Draw a cat."}')
    assert made.call_id == output.call_id  # type: ignore[union-attr]
    assert recorded.turn.tool_choice == "auto"
    assert recorded.feed(TurnEnded()) == ["COMPLETED"]
    assert recorded.response.adjustments == (ADJUSTMENT,)


def test_a_model_that_calls_is_left_alone() -> None:
    recorded = Recorded(asking(tool_choice=ImageToolChoice()))
    recorded.feed(*draw("a"), TurnEnded(), painted())
    assert recorded.feed(TextDelta("Here."), TurnEnded())[-1] == "COMPLETED"
    assert recorded.response.adjustments == ()


def test_a_model_that_calls_what_is_not_there_may_try_again_first() -> None:
    recorded = Recorded(asking(tool_choice=ImageToolChoice()))
    recorded.feed(*call("a", "draw_picture", "{}"), TurnEnded())
    assert recorded.turn.items[-1].call_id == "call_a"  # type: ignore[union-attr]
    assert recorded.feed(TurnEnded())[0] == "added #0 image"


def test_a_picture_without_any_words_to_paint_from_fails() -> None:
    mute = Message("user", (ImagePart(CAT),))
    recorded = Recorded(asking(tool_choice=ImageToolChoice(), items=(mute,)))
    assert recorded.feed(TurnEnded())[-1] == "done #0 image failed"
    assert recorded.feed(TurnEnded()) == ["COMPLETED"]


def test_a_refusal_of_the_model_is_not_overruled() -> None:
    recorded = Recorded(asking(tool_choice=ImageToolChoice()))
    assert recorded.feed(RefusalDelta("I will not."), TurnEnded())[-1] == "COMPLETED"


def test_a_reply_that_was_cut_short_is_not_completed_for_the_model() -> None:
    recorded = Recorded(asking(tool_choice=ImageToolChoice()))
    seen = recorded.feed(TextDelta("A c"), TurnEnded(incomplete="max_output_tokens"))
    assert seen[-1] == "INCOMPLETE max_output_tokens"


def test_a_call_of_the_client_s_does_not_stand_for_the_picture() -> None:
    request = asking(tool_choice=ImageToolChoice(), functions=(WEATHER,))
    recorded = Recorded(request)
    seen = recorded.feed(*call("a", "get_weather", "{}"), TurnEnded())
    assert seen[-1] == "image generating #1"
    assert recorded.feed(painted())[-1] == "COMPLETED"


def test_no_call_is_made_beyond_what_the_client_allows() -> None:
    recorded = Recorded(asking(tool_choice=ImageToolChoice(), max_tool_calls=0))
    assert recorded.feed(TurnEnded()) == ["COMPLETED"]


def test_the_picture_is_owed_even_after_the_last_turn() -> None:
    silent = Recorded(asking(tool_choice=ImageToolChoice()), limits=Limits(turns=1))
    assert silent.feed(TurnEnded())[-1] == "image generating #0"
    assert silent.feed(painted())[-1] == "COMPLETED"
    assert silent.response.adjustments == (ADJUSTMENT,)
    lost = Recorded(asking(tool_choice=ImageToolChoice()), limits=Limits(turns=1))
    assert lost.feed(*call("a", "unknown", "{}"), TurnEnded())[-1] == "image generating #0"
    assert lost.feed(painted())[-1] == "COMPLETED"


def test_beside_a_refused_call_and_the_client_s_own_the_picture_still_comes() -> None:
    request = asking(tool_choice=ImageToolChoice(), functions=(WEATHER,))
    recorded = Recorded(request)
    both = (*call("a", "unknown", "{}"), *call("b", "get_weather", "{}"))
    assert recorded.feed(*both, TurnEnded())[-1] == "image generating #1"
    assert recorded.feed(painted())[-1] == "COMPLETED"


def test_the_prompt_is_what_the_user_said_last() -> None:
    items = (
        USER,
        Message("user", (TextPart("No, a dog."),)),
        Message("assistant", (TextPart("Hm."),)),
        Message("user", (ImagePart(CAT),)),
    )
    assert prompt_for(items, ()) == "No, a dog."


def test_where_the_user_is_mute_the_model_s_words_are_painted() -> None:
    written = (MessageItem("msg_1", "completed", (TextPart("A grey cat."), RefusalPart("no"))),)
    assert prompt_for((), written) == "A grey cat."
    assert has_refused(written)
    assert not has_refused(())


def test_the_prompt_is_bounded() -> None:
    endless = Message("user", (TextPart("x" * 2 * MAX_PROMPT_CHARS),))
    assert len(prompt_for((endless,), ())) == MAX_PROMPT_CHARS
