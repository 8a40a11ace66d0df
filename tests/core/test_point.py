"""A response that its process left is read back from its events and goes on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.core import events as shown
from limner.core.actions import Limits, StartTurn
from limner.core.events import FunctionCallItem, ImageCallItem, MessageItem, OpaqueItem
from limner.core.image import ImageUsage
from limner.core.items import FunctionCall, FunctionCallOutput, ImageCallError, Message, TextPart
from limner.core.point import NOTHING_SPENT, Begun, Point, Spent, asks_client, read_back
from limner.core.request import ImageTool, ResponseRequest
from limner.core.run import ResponseRun
from limner.core.turn import (
    AnnotationAdded,
    CallDelta,
    CallStarted,
    OpaqueEnded,
    OpaqueProgress,
    OpaqueStarted,
    ReasoningDelta,
    ReasoningSealed,
    RefusalDelta,
    TextDelta,
    TurnEnded,
    Usage,
)
from tests.core.recorded import (
    WEATHER,
    Recorded,
    asking,
    brief,
    call,
    draw,
    numbered_ids,
    painted,
    preview,
)
from tests.core.test_run_properties import pictures, turns

CREATED_AT = 900


def numbered(events: Any) -> list[shown.NumberedEvent]:
    return [event for event in events if not isinstance(event, shown.ImageCallProgress)]


class Resumed(Recorded):
    """A run that goes on where another was left, with the events of both."""

    def __init__(
        self,
        left: Recorded,
        *,
        request: ResponseRequest | None = None,
        is_repeatable: bool = True,
        limits: Limits = Limits(),  # noqa: B008 - a frozen value
        spent: Spent | None = None,
    ) -> None:
        self.generation: int = left.generation + 1 if isinstance(left, Resumed) else 1
        self.events = list(left.events)
        self.painted = list(left.painted)
        point = read_back(numbered(left.events), spent or left.run.spent)
        new_id = numbered_ids()
        self.run = ResponseRun(
            request or asking(),
            response_id="resp_0",
            new_id=lambda prefix: new_id(f"{prefix}{self.generation}_"),
            clock=lambda: 2000.0,
            limits=limits,
            begun=Begun(CREATED_AT, point, is_repeatable),
        )
        self.action = self.run.action()
        self.opening = self.run.events()
        self.events += self.opening


def left(*events: Any, request: ResponseRequest | None = None) -> Recorded:
    recorded = Recorded(request)
    recorded.feed(*events)
    return recorded


def said(run: Recorded) -> list[str]:
    return [brief(event) for event in run.opening]


def test_words_are_closed_as_they_were_said_and_the_model_goes_on_from_them() -> None:
    resumed = Resumed(left(TextDelta("Hello"), TextDelta(" the")))
    assert said(resumed) == [
        "text done #0/0 Hello the",
        "part done #0/0",
        "done #0 message incomplete",
    ]
    before, after = resumed.turn.items[1:]
    assert before == Message("assistant", (TextPart("Hello the"),))
    assert isinstance(after, Message)
    assert after.role == "user"
    resumed.feed(TextDelta("re."), TurnEnded(Usage(1, 1)))
    assert [item.status for item in resumed.response.output] == ["incomplete", "completed"]
    assert resumed.response.created_at == CREATED_AT


def test_a_picture_that_is_done_is_not_painted_again() -> None:
    run = left(*draw("a"), TurnEnded(Usage(5, 5)), preview(), painted())
    resumed = Resumed(run)
    assert said(resumed) == []
    call_item, output = resumed.turn.items[1:]
    assert isinstance(call_item, FunctionCall)
    assert isinstance(output, FunctionCallOutput)
    assert "completed" in str(output.parts[0])
    resumed.feed(TextDelta("There."), TurnEnded(Usage(1, 1)))
    assert [item.status for item in resumed.response.output] == ["completed", "completed"]
    assert resumed.response.usage == Usage(6, 6)
    assert [event.sequence_number for event in numbered(resumed.events)] == list(
        range(len(numbered(resumed.events)))
    )


@pytest.mark.parametrize(
    ("is_repeatable", "code"), [(True, "server_error"), (False, "outcome_unknown")]
)
def test_a_picture_under_way_has_failed_and_the_model_may_ask_again(
    is_repeatable: bool, code: str
) -> None:
    run = left(*draw("a", "a red kite"), TurnEnded(), preview())
    resumed = Resumed(run, is_repeatable=is_repeatable)
    assert said(resumed) == ["done #0 image failed"]
    item = resumed.events[-1]
    assert isinstance(item, shown.OutputItemDone)
    assert isinstance(item.item, ImageCallItem)
    assert item.item.revised_prompt == "a red kite"
    assert item.item.error is not None
    assert (item.item.error.code, item.item.error.retryable) == (code, is_repeatable)
    resumed.feed(*draw("b"), TurnEnded(), painted())
    assert isinstance(resumed.action, StartTurn)


def test_previews_of_a_lost_picture_count_nothing_for_the_next() -> None:
    request = asking(image_tool=ImageTool(0, partial_images=1))
    resumed = Resumed(left(*draw("a"), TurnEnded(), preview(), request=request), request=request)
    resumed.feed(*draw("b"), TurnEnded())
    assert resumed.feed(preview()) == ["partial image #1 0"]


def test_a_call_of_the_clients_that_is_whole_ends_the_response() -> None:
    request = asking(functions=(WEATHER,))
    run = left(TextDelta("Let me see."), *call("a", "get_weather", "{}"), request=request)
    resumed = Resumed(run, request=request)
    assert said(resumed) == ["COMPLETED"]


def test_a_call_of_the_clients_that_broke_off_is_closed_and_forgotten() -> None:
    request = asking(functions=(WEATHER,))
    run = left(CallStarted("a", "call_a", "get_weather"), CallDelta("a", '{"ci'), request=request)
    resumed = Resumed(run, request=request)
    assert said(resumed) == ["done #0 call incomplete"]
    done = numbered(resumed.events)[-1]
    assert isinstance(done, shown.OutputItemDone)
    assert done.item == FunctionCallItem("fc_1", "incomplete", "call_a", "get_weather", '{"ci')
    assert len(resumed.turn.items) == 1


def test_thoughts_refusals_and_sources_are_read_back() -> None:
    source = {"type": "url_citation"}
    run = left(
        ReasoningDelta("Hm."),
        ReasoningSealed("seal"),
        TextDelta("No: "),
        AnnotationAdded(source),
        RefusalDelta("I will"),
        RefusalDelta(" not"),
    )
    resumed = Resumed(run)
    assert said(resumed) == [
        "refusal done #1/1 I will not",
        "part done #1/1",
        "done #1 message incomplete",
    ]
    done = numbered(resumed.events)[-1]
    assert isinstance(done, shown.OutputItemDone)
    assert isinstance(done.item, MessageItem)
    assert done.item.parts[0] == TextPart("No: ", (source,))
    thought = resumed.turn.items[1]
    assert getattr(thought, "encrypted_content", None) == "seal"


def test_a_thought_that_broke_off_is_closed_and_forgotten() -> None:
    resumed = Resumed(left(ReasoningDelta("Hm")))
    assert said(resumed)[-1] == "done #0 reasoning incomplete"
    assert len(resumed.turn.items) == 1


SEARCH = {"type": "web_search_call", "id": "ws_1", "status": "in_progress"}


def test_items_of_the_upstream_are_closed_or_said_again() -> None:
    run = left(
        OpaqueStarted("a", SEARCH),
        OpaqueProgress("a", "response.web_search_call.searching", {}),
        OpaqueEnded("a", {**SEARCH, "status": "completed"}),
        OpaqueStarted("b", {**SEARCH, "id": "ws_2"}),
    )
    resumed = Resumed(run)
    assert said(resumed) == ["done #1 web_search_call incomplete"]
    assert [getattr(item, "value", {}).get("id") for item in resumed.turn.items] == [None, "ws_1"]


@pytest.mark.parametrize(
    ("item", "is_asking"),
    [
        ({"type": "custom_tool_call"}, True),
        ({"type": "web_search_call"}, False),
        ({"type": "tool_search_call", "execution": "client"}, True),
        ({"type": "tool_search_call", "execution": "server"}, False),
    ],
)
def test_items_of_the_upstream_may_wait_for_the_client(item: Any, is_asking: bool) -> None:
    assert asks_client(item) == is_asking
    point = Point(done={0: OpaqueItem("x_1", {**item, "status": "completed"})})
    assert point.waits_for_client == is_asking


def test_the_limits_hold_over_all_processes() -> None:
    run = left(*draw("a"), TurnEnded(), painted())
    over = Resumed(run, limits=Limits(turns=1))
    assert said(over) == ["COMPLETED"]
    used = Resumed(run, limits=Limits(pictures=1))
    used.feed(*draw("b"), TurnEnded())
    assert [brief(event) for event in used.events][-1] == "done #1 image failed"
    request = asking(max_tool_calls=1)
    spared = Resumed(run, request=request)
    assert spared.turn.tool_choice == "none"


def test_tokens_that_are_used_up_stay_used_up() -> None:
    request = asking()
    request = replace(request, sampling=replace(request.sampling, max_output_tokens=5))
    run = left(*draw("a"), TurnEnded(Usage(1, 5)), request=request)
    resumed = Resumed(run, request=request)
    assert said(resumed)[-1] == "INCOMPLETE max_output_tokens"


def test_what_pictures_cost_is_counted_on() -> None:
    done = replace(painted(), usage=ImageUsage(1, 0, 2))
    resumed = Resumed(left(*draw("a"), TurnEnded(), done))
    resumed.feed(*draw("b"), TurnEnded(), done, TextDelta("."), TurnEnded())
    assert resumed.response.image_usage == ImageUsage(2, 0, 4)


def test_a_response_that_was_only_queued_begins() -> None:
    first = shown.Response("resp_0", CREATED_AT, "queued", "llm")
    point = read_back([shown.ResponseCreated(0, first), shown.ResponseQueued(1, first)])
    assert (point.next_number, point.has_begun) == (2, False)
    run = ResponseRun(
        asking(),
        response_id="resp_0",
        new_id=numbered_ids(),
        clock=lambda: 2000.0,
        begun=Begun(CREATED_AT, point),
    )
    (event,) = run.events()
    assert isinstance(event, shown.ResponseInProgress)
    assert (event.sequence_number, event.response.created_at) == (2, CREATED_AT)


def test_cancelling_closes_what_is_open() -> None:
    run = left(*draw("a"), TurnEnded())
    run.run.cancel()
    run.run.cancel()
    assert run.drain() == ["done #0 image failed", "INCOMPLETE None"]
    assert run.response.status == "cancelled"
    (item,) = run.response.output
    assert isinstance(item, ImageCallItem)
    assert item.error == ImageCallError("The user cancelled this response.", "cancelled")


def test_cancelling_leaves_words_incomplete() -> None:
    run = left(TextDelta("Hel"))
    run.run.cancel()
    assert run.drain()[-2:] == ["done #0 message incomplete", "INCOMPLETE None"]
    assert run.run.id == "resp_0"


def play_part(data: st.DataObject, run: Recorded, script: list[Any]) -> bool:
    """Feed a script until it ends or the process does; whether the process ended."""
    for event in script:
        if not run.run.is_waiting:
            return False
        if data.draw(st.integers(0, 9)) == 9:
            return True
        run.feed(event)
    return False


@given(st.data())
def test_however_often_it_is_left_the_client_sees_one_sound_response(data: st.DataObject) -> None:
    request = asking(functions=(WEATHER,), image_tool=ImageTool(0, partial_images=2))
    limits = Limits(pictures=3, turns=5)
    run = Recorded(request, limits=limits)
    for _ in range(30):
        if not run.run.is_waiting:
            break
        script: list[Any] = (
            data.draw(turns()) if isinstance(run.action, StartTurn) else data.draw(pictures())
        )
        if play_part(data, run, script):
            run = Resumed(run, request=request, limits=limits)
    run.run.fail(shown.ResponseError("server_error", "stopped"))
    run.drain()
    check(run)


def check(run: Recorded) -> None:
    events = numbered(run.events)
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert sum(isinstance(event, shown.ResponseInProgress) for event in events) == 1
    assert [event for event in events if isinstance(event, shown.TerminalEvent)] == events[-1:]
    added = [event for event in events if isinstance(event, shown.OutputItemAdded)]
    done = [event for event in events if isinstance(event, shown.OutputItemDone)]
    assert [event.output_index for event in added] == list(range(len(added)))
    assert len({event.item.id for event in added}) == len(added)
    assert sorted((event.output_index, event.item.id) for event in done) == [
        (event.output_index, event.item.id) for event in added
    ]
    assert run.response.output == tuple(
        event.item for event in sorted(done, key=lambda event: event.output_index)
    )
    for item in run.response.output:
        assert item.status in ("completed", "incomplete", "failed")


def test_nothing_spent_is_the_default() -> None:
    assert read_back([]) == Point(spent=NOTHING_SPENT)
