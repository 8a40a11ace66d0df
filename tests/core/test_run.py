"""Exact event lists of whole responses."""

from __future__ import annotations

import json

import pytest

from limner.core import events as shown
from limner.core.image import ImageFailed, ImageProgress, ImageUsage, Size
from limner.core.items import (
    FunctionCall,
    FunctionCallOutput,
    ImageCallError,
    ImagePart,
    Item,
    Message,
    Reasoning,
    TextPart,
)
from limner.core.request import ImageTool
from limner.core.turn import (
    CallDelta,
    CallEnded,
    CallStarted,
    IncompleteReason,
    ReasoningDelta,
    RefusalDelta,
    Sampling,
    TextDelta,
    TurnEnded,
    TurnFailed,
    Usage,
)
from tests.core.recorded import (
    CAT,
    RESOLVED,
    WEATHER,
    Recorded,
    asking,
    brief,
    call,
    draw,
    ends,
    painted,
    preview,
)

STARTED_0 = ["added #0 image", "image in_progress #0", "image generating #0"]
STARTED_1 = ["added #1 image", "image in_progress #1", "image generating #1"]
COMPLETED_0 = ["image completed #0", "done #0 image completed"]
COMPLETED_1 = ["image completed #1", "done #1 image completed"]


def output_of(item: Item) -> dict[str, object]:
    assert isinstance(item, FunctionCallOutput)
    part, *_ = item.parts
    assert isinstance(part, TextPart)
    output = json.loads(part.text)
    assert isinstance(output, dict)
    return output


def test_text_only() -> None:
    recorded = Recorded()
    assert [brief(event) for event in recorded.opening] == ["created", "in_progress"]
    seen = recorded.feed(TextDelta("Hel"), TextDelta(""), TextDelta("lo"), TurnEnded(Usage(3, 2)))
    assert seen == [
        "added #0 message",
        "part added #0/0",
        "text #0/0 Hel",
        "text #0/0 lo",
        "text done #0/0 Hello",
        "part done #0/0",
        "done #0 message completed",
        "COMPLETED",
    ]
    message = shown.MessageItem("msg_1", "completed", (TextPart("Hello"),))
    assert recorded.response == shown.Response(
        "resp_0",
        1000,
        "completed",
        "llm",
        output=(message,),
        completed_at=1000,
        usage=Usage(3, 2),
    )


def test_the_opening_shows_an_empty_response_in_progress() -> None:
    created, in_progress = Recorded().opening
    response = shown.Response("resp_0", 1000, "in_progress", "llm")
    assert created == shown.ResponseCreated(0, response)
    assert in_progress == shown.ResponseInProgress(1, response)


def test_the_model_may_say_nothing_at_all() -> None:
    recorded = Recorded()
    assert recorded.feed(TurnEnded()) == ["COMPLETED"]
    assert recorded.response.output == ()
    assert recorded.response.usage is None


def test_reasoning_comes_as_an_item_of_its_own() -> None:
    recorded = Recorded()
    seen = recorded.feed(ReasoningDelta("Hm"), ReasoningDelta("m."), TextDelta("Hi"), TurnEnded())
    assert seen == [
        "added #0 reasoning",
        "part added #0/0",
        "thought #0/0 Hm",
        "thought #0/0 m.",
        "thought done #0/0 Hmm.",
        "part done #0/0",
        "done #0 reasoning completed",
        "added #1 message",
        "part added #1/0",
        "text #1/0 Hi",
        "text done #1/0 Hi",
        "part done #1/0",
        "done #1 message completed",
        "COMPLETED",
    ]
    thought = shown.ReasoningItem("rs_1", "completed", (shown.ReasoningTextPart("Hmm."),))
    assert recorded.response.output[0] == thought


def test_a_refusal_after_text_is_a_second_part_of_the_message() -> None:
    recorded = Recorded()
    seen = recorded.feed(TextDelta("Well"), RefusalDelta("No."), ReasoningDelta("Why?"))
    assert seen == [
        "added #0 message",
        "part added #0/0",
        "text #0/0 Well",
        "text done #0/0 Well",
        "part done #0/0",
        "part added #0/1",
        "refusal #0/1 No.",
        "refusal done #0/1 No.",
        "part done #0/1",
        "done #0 message completed",
        "added #1 reasoning",
        "part added #1/0",
        "thought #1/0 Why?",
    ]


def test_one_image() -> None:
    recorded = Recorded()
    started = recorded.feed(*draw("a"))
    assert started == STARTED_0
    assert recorded.feed(TurnEnded(Usage(10, 5))) == []
    assert recorded.image.request.prompt == "a cat"
    assert recorded.feed(painted()) == COMPLETED_0
    seen = recorded.feed(TextDelta("Here."), TurnEnded(Usage(20, 7)))
    assert seen == [
        "added #1 message",
        "part added #1/0",
        "text #1/0 Here.",
        "text done #1/0 Here.",
        "part done #1/0",
        "done #1 message completed",
        "COMPLETED",
    ]
    assert recorded.response.usage == Usage(30, 12)
    assert recorded.response.image_usage is None
    assert recorded.response.output[0] == shown.ImageCallItem(
        "ig_1",
        "completed",
        revised_prompt="a cat",
        image=CAT,
        resolved=RESOLVED,
        action="generate",
    )


def test_the_next_turn_reads_how_the_picture_went_and_sees_it() -> None:
    recorded = Recorded()
    recorded.feed(ReasoningDelta("Hm."), TextDelta("Wait."), *draw("a"), TurnEnded(), painted())
    _, reasoning, message, called, output = recorded.turn.items
    assert reasoning == Reasoning("Hm.")
    assert message == Message("assistant", (TextPart("Wait."),))
    assert called == FunctionCall("call_a", "image_generation", '{"prompt": "a cat"}')
    assert output_of(output) == {"ok": True, "status": "completed", "id": "ig_3"}
    assert isinstance(output, FunctionCallOutput)
    assert output.parts[1:] == (ImagePart(CAT, number=1),)


def test_partial_images_are_numbered_here_and_never_more_than_asked() -> None:
    recorded = Recorded(asking(image_tool=ImageTool(0, partial_images=2)))
    recorded.feed(*draw("a"), TurnEnded())
    assert recorded.image.request.partial_images == 2
    # Some back ends count from one.
    previews = recorded.feed(preview(1), preview(2), preview(3), painted())
    assert previews == ["partial image #0 0", "partial image #0 1", *COMPLETED_0]


def test_every_picture_of_a_response_has_the_seed_that_was_asked_for() -> None:
    recorded = Recorded(asking(image_tool=ImageTool(0, seed=7)))
    recorded.feed(*draw("0"), *draw("1"), TurnEnded())
    assert recorded.image.request.seed == 7
    recorded.feed(painted())
    assert recorded.image.request.seed == 7


def test_partial_images_are_not_painted_for_a_client_that_does_not_stream() -> None:
    recorded = Recorded(asking(image_tool=ImageTool(0, partial_images=2), stream=False))
    recorded.feed(*draw("a"), TurnEnded())
    assert recorded.image.request.partial_images == 0
    assert recorded.feed(preview(), painted()) == COMPLETED_0


def test_pictures_are_as_urgent_as_the_response_and_for_its_client() -> None:
    recorded = Recorded(asking(client="ann", priority="background"))
    recorded.feed(*draw("a"), TurnEnded())
    asked = recorded.image.request
    assert (asked.client, asked.priority) == ("ann", "background")


def test_progress_is_told_without_a_sequence_number() -> None:
    recorded = Recorded()
    recorded.feed(*draw("a"), TurnEnded())
    seen = recorded.feed(ImageProgress(0, 8, 1), ImageProgress(3, 8), painted())
    assert seen == ["progress #0 0/8", "progress #0 3/8", *COMPLETED_0]
    assert shown.ImageCallProgress(0, "ig_1", 0, 8, queue_position=1) in recorded.events


def test_the_client_s_settings_reach_the_painter() -> None:
    tool = ImageTool(
        0,
        model="tiny",
        size=Size(128, 256),
        quality="low",
        background="opaque",
        output_format="webp",
        output_compression=80,
        moderation="low",
    )
    recorded = Recorded(asking(image_tool=tool))
    recorded.feed(*draw("a"), TurnEnded())
    request = recorded.image.request
    assert (request.model, request.size, request.quality) == ("tiny", Size(128, 256), "low")
    assert (request.background, request.output_format) == ("opaque", "webp")
    assert (request.output_compression, request.moderation, request.n) == (80, "low", 1)


def test_two_images_of_one_turn_are_announced_together_and_painted_in_order() -> None:
    recorded = Recorded(asking(image_tool=ImageTool(0, partial_images=1)))
    seen = recorded.feed(*draw("a", "a cat"), *draw("b", "a dog"), TurnEnded())
    assert seen == STARTED_0 + STARTED_1
    assert recorded.image.request.prompt == "a cat"
    assert recorded.feed(preview(), painted(b"cat")) == ["partial image #0 0", *COMPLETED_0]
    assert recorded.image.request.prompt == "a dog"
    assert recorded.feed(preview(), painted(b"dog")) == ["partial image #1 0", *COMPLETED_1]
    _, first_call, second_call, first, second = recorded.turn.items
    assert [type(item) for item in (first_call, second_call)] == [FunctionCall, FunctionCall]
    assert (output_of(first)["id"], output_of(second)["id"]) == ("ig_1", "ig_2")


def test_two_images_over_two_turns() -> None:
    recorded = Recorded()
    assert recorded.feed(*draw("a"), TurnEnded(), painted()) == STARTED_0 + COMPLETED_0
    assert recorded.feed(*draw("a"), TurnEnded(), painted()) == STARTED_1 + COMPLETED_1
    assert recorded.feed(TurnEnded()) == ["COMPLETED"]
    assert [type(item) for item in recorded.turn.items[1:]] == [
        FunctionCall,
        FunctionCallOutput,
        FunctionCall,
        FunctionCallOutput,
    ]


def test_a_failed_image_goes_back_to_the_model_which_tries_again() -> None:
    recorded = Recorded()
    failure = ImageFailed("the queue is full", code="queue_full", retryable=True)
    seen = recorded.feed(*draw("a"), TurnEnded(), failure)
    assert seen == [*STARTED_0, "done #0 image failed"]
    assert output_of(recorded.turn.items[-1]) == {
        "ok": False,
        "error": {
            "type": "image_generation_server_error",
            "code": "queue_full",
            "message": "the queue is full",
            "retryable": True,
        },
    }
    again = recorded.feed(*draw("b"), TurnEnded(), painted())
    assert again == STARTED_1 + COMPLETED_1
    assert recorded.feed(TurnEnded()) == ["COMPLETED"]
    failed, _ = recorded.response.output
    assert failed == shown.ImageCallItem(
        "ig_1",
        "failed",
        revised_prompt="a cat",
        error=ImageCallError("the queue is full", "queue_full", retryable=True),
    )


def test_image_usage_is_summed_apart_from_the_model_s() -> None:
    recorded = Recorded()
    with_usage = painted()
    usage = ImageUsage(1, 2, 30)
    with_usage = type(with_usage)(with_usage.image, with_usage.resolved, usage)
    recorded.feed(*draw("a"), *draw("b"), *draw("c"), TurnEnded(), with_usage, painted())
    recorded.feed(with_usage, TurnEnded())
    assert recorded.response.image_usage == ImageUsage(2, 4, 60)
    assert recorded.response.usage is None


def test_the_client_s_call_is_streamed_and_ends_the_response() -> None:
    recorded = Recorded(asking(functions=(WEATHER,)))
    seen = recorded.feed(
        TextDelta("Look."),
        CallStarted("a", "call_a", "get_weather"),
        CallDelta("a", '{"city":'),
        CallDelta("a", ""),
        CallDelta("a", '"Oslo"}'),
        CallEnded("a", '{"city":"Oslo"}'),
        TurnEnded(),
    )
    assert seen[5:] == [
        "done #0 message completed",
        "added #1 call",
        'arguments #1 {"city":',
        'arguments #1 "Oslo"}',
        'arguments done #1 {"city":"Oslo"}',
        "done #1 call completed",
        "COMPLETED",
    ]
    assert recorded.response.output[1] == shown.FunctionCallItem(
        "fc_2", "completed", "call_a", "get_weather", '{"city":"Oslo"}'
    )


@pytest.mark.parametrize(("arguments", "shown_as"), [('{"city":"Oslo"}',) * 2, ("", "{}")])
def test_a_call_that_comes_in_one_piece_still_has_a_delta(arguments: str, shown_as: str) -> None:
    recorded = Recorded(asking(functions=(WEATHER,)))
    seen = recorded.feed(CallStarted("a", "call_a", "get_weather"), CallEnded("a", arguments))
    assert seen == [
        "added #0 call",
        f"arguments #0 {shown_as}",
        f"arguments done #0 {shown_as}",
        "done #0 call completed",
    ]


def test_parallel_calls_of_the_client_may_be_written_at_the_same_time() -> None:
    recorded = Recorded(asking(functions=(WEATHER,)))
    seen = recorded.feed(
        CallStarted("a", "call_a", "get_weather"),
        CallStarted("b", "call_b", "get_weather"),
        *ends("b", "[2]"),
        *ends("a", "[1]"),
        TurnEnded(),
    )
    assert seen == [
        "added #0 call",
        "added #1 call",
        "arguments #1 [2]",
        "arguments done #1 [2]",
        "done #1 call completed",
        "arguments #0 [1]",
        "arguments done #0 [1]",
        "done #0 call completed",
        "COMPLETED",
    ]


def test_a_picture_beside_the_client_s_call_is_painted_and_no_turn_follows() -> None:
    recorded = Recorded(asking(functions=(WEATHER,)))
    seen = recorded.feed(*draw("a"), *call("b", "get_weather", "{}"), TurnEnded(), painted())
    assert seen == [
        *STARTED_0,
        "added #1 call",
        "arguments #1 {}",
        "arguments done #1 {}",
        "done #1 call completed",
        *COMPLETED_0,
        "COMPLETED",
    ]


@pytest.mark.parametrize("reason", ["max_output_tokens", "content_filter"])
def test_a_turn_that_was_cut_short_makes_the_response_incomplete(reason: IncompleteReason) -> None:
    recorded = Recorded()
    seen = recorded.feed(TextDelta("Once"), TurnEnded(Usage(1, 1), incomplete=reason))
    assert seen[-2:] == ["done #0 message incomplete", f"INCOMPLETE {reason}"]
    assert recorded.response.usage == Usage(1, 1)
    assert recorded.response.completed_at is None


def test_what_a_cut_turn_called_for_is_painted_and_what_it_left_open_is_closed() -> None:
    recorded = Recorded(asking(functions=(WEATHER,)))
    recorded.feed(
        *draw("a"),
        CallStarted("b", "call_b", "image_generation"),
        CallStarted("c", "call_c", "get_weather"),
        CallDelta("c", '{"ci'),
        TurnEnded(incomplete="max_output_tokens"),
    )
    assert recorded.feed(painted()) == [
        *COMPLETED_0,
        "done #1 call incomplete",
        "INCOMPLETE max_output_tokens",
    ]
    cut = recorded.response.output[1]
    assert isinstance(cut, shown.FunctionCallItem)
    assert cut.arguments == '{"ci'


def test_max_output_tokens_holds_for_all_turns_together() -> None:
    recorded = Recorded(asking(sampling=Sampling(max_output_tokens=100)))
    assert recorded.turn.sampling.max_output_tokens == 100
    recorded.feed(*draw("a"), TurnEnded(Usage(5, 40)), painted())
    assert recorded.turn.sampling.max_output_tokens == 60
    recorded.feed(*draw("b"), TurnEnded(Usage(5, 60)))
    assert recorded.feed(painted())[-1] == "INCOMPLETE max_output_tokens"


def test_a_model_that_fails_at_once_fails_the_response() -> None:
    recorded = Recorded()
    failure = TurnFailed("too many requests", "rate_limit_exceeded", 429, True, 3.0)
    assert recorded.feed(failure) == ["FAILED rate_limit_exceeded"]
    assert recorded.response.status == "failed"
    assert recorded.response.error == shown.ResponseError(
        "rate_limit_exceeded", "too many requests", 429, True, 3.0
    )


def test_a_model_that_fails_in_the_middle_leaves_nothing_open() -> None:
    recorded = Recorded(asking(functions=(WEATHER,)))
    seen = recorded.feed(
        CallStarted("c", "call_c", "get_weather"),
        *draw("a"),
        ReasoningDelta("Hm"),
        TurnFailed("gone"),
    )
    assert seen[-7:] == [
        "thought #2/0 Hm",
        "thought done #2/0 Hm",
        "part done #2/0",
        "done #2 reasoning incomplete",
        "done #0 call incomplete",
        "done #1 image failed",
        "FAILED server_error",
    ]
    picture = recorded.response.output[1]
    assert isinstance(picture, shown.ImageCallItem)
    assert picture.error is not None
    assert picture.error.message == "The response ended before this picture was done."


def test_a_model_that_fails_after_a_picture_keeps_the_picture() -> None:
    recorded = Recorded()
    recorded.feed(*draw("a"), TurnEnded(Usage(1, 1)), painted())
    assert recorded.feed(TurnFailed("gone")) == ["FAILED server_error"]
    assert [item.status for item in recorded.response.output] == ["completed"]
    assert recorded.response.usage == Usage(1, 1)


def test_a_call_that_is_never_finished_fails_the_response() -> None:
    recorded = Recorded()
    seen = recorded.feed(CallStarted("a", "call_a", "image_generation"), TurnEnded())
    assert seen == ["FAILED server_error"]


def test_a_run_can_be_ended_from_outside_while_painting() -> None:
    recorded = Recorded()
    recorded.feed(*draw("a"), *draw("b"), TurnEnded())
    error = shown.ResponseError("server_error", "out of time")
    recorded.run.fail(error)
    recorded.run.fail(error)
    assert recorded.drain() == [
        "done #0 image failed",
        "done #1 image failed",
        "FAILED server_error",
    ]
    assert not recorded.run.is_waiting
    assert recorded.run.action() is None


def test_events_that_nothing_asked_for_are_bugs() -> None:
    recorded = Recorded()
    with pytest.raises(RuntimeError, match="nothing asked for this ImageCompleted"):
        recorded.run.receive(painted())
    recorded.feed(*draw("a"), TurnEnded())
    with pytest.raises(RuntimeError, match="nothing asked for this TextDelta"):
        recorded.run.receive(TextDelta("late"))
    recorded.feed(painted(), TurnEnded())
    with pytest.raises(RuntimeError, match="nothing asked for this TurnEnded"):
        recorded.run.receive(TurnEnded())


def test_two_open_calls_with_one_key_are_a_bug() -> None:
    recorded = Recorded()
    recorded.feed(CallStarted("a", "call_a", "image_generation"))
    with pytest.raises(RuntimeError, match="two open calls have the key 'a'"):
        recorded.run.receive(CallStarted("a", "call_b", "image_generation"))
