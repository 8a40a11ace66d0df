"""A model calls the hosted image tool by its own name, although nobody offered it."""

from __future__ import annotations

import pytest

from limner.core import events as shown
from limner.core.image_tool import GATE_MESSAGE, Denial, denied, is_hosted_address
from limner.core.items import FunctionCall, FunctionCallOutput, Reasoning, TextPart
from limner.core.turn import ReasoningDelta, TextDelta, TurnEnded, TurnEvent
from tests.core.recorded import USER, WEATHER, Recorded, asking, call, draw, painted

PAINT = draw("a", name="images.generate")
MESSAGE = (
    "Image generation tools are disabled. Start vLLM with a multimodal model or pass "
    "--image-service-config pointing to an external image API."
)


def denying(*events: TurnEvent, functions: bool = False) -> tuple[Recorded, list[str]]:
    request = asking(image_tool=None, functions=(WEATHER,) if functions else ())
    recorded = Recorded(request, denial="error")
    return recorded, recorded.feed(*events)


def test_a_denied_call_is_a_failed_item_and_the_model_goes_on() -> None:
    recorded = Recorded(asking(image_tool=None))
    assert recorded.feed(ReasoningDelta("Paint."), *PAINT, TurnEnded()) == [
        "added #0 reasoning",
        "part added #0/0",
        "thought #0/0 Paint.",
        "thought done #0/0 Paint.",
        "part done #0/0",
        "done #0 reasoning completed",
        "added #1 image",
        "image in_progress #1",
        "image generating #1",
        "done #1 image failed",
    ]
    assert recorded.turn.items == (
        USER,
        Reasoning("Paint."),
        FunctionCall("call_a", "images.generate", '{"prompt": "a cat"}'),
        FunctionCallOutput(
            "call_a",
            (
                TextPart(
                    '{"ok": false, "error": {"type": "invalid_request_error", "code": '
                    f'"image_generation_disabled", "message": "{MESSAGE}", "retryable": false}}}}'
                ),
            ),
        ),
    )
    assert recorded.turn.tools == ()
    assert recorded.feed(TextDelta("I cannot paint."), TurnEnded())[-1] == "COMPLETED"
    picture = recorded.response.output[1]
    assert isinstance(picture, shown.ImageCallItem)
    assert picture.revised_prompt == "a cat"
    assert picture.error == denied()


def test_a_denied_call_may_end_the_response_with_an_event_of_its_own() -> None:
    recorded, seen = denying(ReasoningDelta("Paint."), *PAINT)
    assert seen[-3:] == [
        "done #0 reasoning completed",
        f"DENIED {MESSAGE}",
        "FAILED image_generation_disabled",
    ]
    assert recorded.response.status == "failed"
    assert [type(item) for item in recorded.response.output] == [shown.ReasoningItem]
    assert recorded.response.error == shown.ResponseError(
        "image_generation_disabled", MESSAGE, status=400
    )
    assert [event.sequence_number for event in recorded.events] == list(  # type: ignore[union-attr]
        range(len(recorded.events))
    )
    denied_event = recorded.events[-2]
    assert isinstance(denied_event, shown.ResponseDenied)
    assert denied_event.response.status == "failed"


def test_a_denial_waits_for_the_whole_call_and_closes_what_is_open() -> None:
    start, *rest = PAINT
    recorded, seen = denying(*call("w", "get_weather", "{}")[:1], start, functions=True)
    assert seen == ["added #0 call"]
    assert recorded.feed(*rest) == [
        "done #0 call incomplete",
        f"DENIED {MESSAGE}",
        "FAILED image_generation_disabled",
    ]


def test_an_ordinary_call_is_not_denied() -> None:
    recorded, seen = denying(*call("w", "get_weather", "{}"), TurnEnded(), functions=True)
    assert seen[-1] == "COMPLETED"
    assert recorded.response.error is None


def test_a_function_of_no_one_is_no_denial() -> None:
    """Only the tool's own addresses are; our function's name has been told to the model before."""
    recorded, seen = denying(*draw("a"), TurnEnded())
    assert seen == []
    assert isinstance(recorded.turn.items[-1], FunctionCallOutput)


@pytest.mark.parametrize("denial", ["recover", "error"])
def test_where_the_tool_is_offered_its_own_address_calls_it(denial: Denial) -> None:
    recorded = Recorded(denial=denial)
    recorded.feed(*draw("a", name="images.edit"), TurnEnded())
    assert recorded.image.request.prompt == "a cat"
    assert recorded.feed(painted())[-1] == "done #0 image completed"
    assert recorded.turn.items[1] == FunctionCall(
        "call_a", "image_generation", '{"prompt": "a cat"}'
    )


def test_an_offer_that_is_used_up_is_no_denial() -> None:
    recorded = Recorded(asking(max_tool_calls=0), denial="error")
    assert recorded.feed(*PAINT, TurnEnded()) == []
    assert isinstance(recorded.turn.items[-1], FunctionCallOutput)


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("images.generate", True),
        ("images.edit", True),
        ("image_generation.generate", True),
        ("image_generation", False),
        ("images", False),
        ("my_images.generate", False),
    ],
)
def test_the_tools_own_addresses_are_told_by_their_namespace(name: str, is_one: bool) -> None:
    assert is_hosted_address(name) is is_one


def test_the_gate_says_the_same_before_and_within_a_stream() -> None:
    assert GATE_MESSAGE == denied().message == MESSAGE
