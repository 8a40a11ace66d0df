"""What holds for every response, whatever the model and the painter do."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from limner.core import events as shown
from limner.core.actions import Limits, StartTurn
from limner.core.forced import forces_picture, has_refused
from limner.core.image import ImageCapabilities, ImageEvent, ImageFailed, ImageProgress
from limner.core.request import AllowedTools, ClientChoice, ImageTool, ImageToolChoice
from limner.core.turn import (
    CallDelta,
    CallEnded,
    CallStarted,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    TurnEnded,
    TurnEvent,
    TurnFailed,
    Usage,
)
from tests.core.recorded import WEATHER, Recorded, asking, painted, preview

NAMES = ["image_generation", "get_weather", "unknown"]
ARGUMENTS = [
    '{"prompt": "a cat"}',
    '{"prompt": ""}',
    "{'prompt': 'x",
    "",
    "[]",
    '{"prompt": "a cat", "action": "edit", "image": 1}',
    '{"prompt": "a cat", "action": "generate"}',
]
CHOICES: list[ClientChoice] = [
    "auto",
    "required",
    ImageToolChoice(),
    AllowedTools(frozenset(), image_tool=True, required=True),
]
EDITOR = ImageCapabilities("editor", edits=True, max_images=1)


@st.composite
def turns(draw: st.DrawFn) -> list[TurnEvent]:
    """A well-formed turn: words and interleaved calls, then one end."""
    events: list[TurnEvent] = []
    open_calls: dict[str, list[str]] = {}
    keys = iter(range(1000))
    for step in draw(st.lists(st.sampled_from(["words", "start", "delta", "end"]), max_size=12)):
        if step == "words":
            words = draw(st.sampled_from(["", "a", "bc"]))
            kinds: list[TurnEvent] = [TextDelta(words), RefusalDelta(words), ReasoningDelta(words)]
            events.append(draw(st.sampled_from(kinds)))
        elif step == "start":
            key = str(next(keys))
            open_calls[key] = []
            events.append(CallStarted(key, f"call_{key}", draw(st.sampled_from(NAMES))))
        elif open_calls:
            key = draw(st.sampled_from(sorted(open_calls)))
            piece = draw(st.sampled_from(ARGUMENTS))
            if step == "delta":
                open_calls[key].append(piece)
                events.append(CallDelta(key, piece))
            else:
                events.append(CallEnded(key, "".join(open_calls.pop(key))))
    if draw(st.booleans()):
        events += [CallEnded(key, "".join(pieces)) for key, pieces in open_calls.items()]
    ends: list[TurnEvent] = [
        TurnEnded(Usage(1, 1)),
        TurnEnded(),
        TurnEnded(incomplete="max_output_tokens"),
        TurnFailed("gone"),
    ]
    return [*events, draw(st.sampled_from(ends))]


@st.composite
def pictures(draw: st.DrawFn) -> list[ImageEvent]:
    before: list[ImageEvent] = [ImageProgress(1, 8), preview()]
    middle = draw(st.lists(st.sampled_from(before), max_size=4))
    ends: list[ImageEvent] = [painted(), ImageFailed("no")]
    return [*middle, draw(st.sampled_from(ends))]


def play(data: st.DataObject) -> Recorded:
    """Run a response to its end, which sometimes comes from outside."""
    request = asking(
        functions=(WEATHER,),
        image_tool=ImageTool(
            0,
            partial_images=data.draw(st.integers(0, 3)),
            action=data.draw(st.sampled_from(["auto", "edit", "generate"])),
        ),
        tool_choice=data.draw(st.sampled_from(CHOICES)),
        max_tool_calls=data.draw(st.sampled_from([None, 1, 3])),
        stream=data.draw(st.booleans()),
    )
    painter = data.draw(st.sampled_from([None, EDITOR]))
    recorded = Recorded(request, limits=Limits(pictures=3, turns=5), painter=painter)
    while recorded.run.is_waiting:
        asked = recorded.action
        is_turn = isinstance(asked, StartTurn)
        script = data.draw(turns()) if is_turn else data.draw(pictures())
        for event in script:
            if data.draw(st.integers(0, 60)) == 60:
                recorded.run.fail(shown.ResponseError("server_error", "stopped"))
                break
            recorded.feed(event)
    recorded.drain()
    return recorded


@given(st.data())
def test_sequence_numbers_have_no_gaps(data: st.DataObject) -> None:
    numbered = [
        event for event in play(data).events if not isinstance(event, shown.ImageCallProgress)
    ]
    assert [event.sequence_number for event in numbered] == list(range(len(numbered)))


@given(st.data())
def test_one_terminal_event_and_it_is_the_last(data: st.DataObject) -> None:
    events = play(data).events
    assert isinstance(events[0], shown.ResponseCreated)
    assert isinstance(events[1], shown.ResponseInProgress)
    terminal = [event for event in events if isinstance(event, shown.TerminalEvent)]
    assert terminal == [events[-1]]


@given(st.data())
def test_an_item_is_added_once_filled_and_done_once(data: st.DataObject) -> None:
    recorded = play(data)
    open_ids: dict[int, str] = {}
    done: dict[int, shown.OutputItem] = {}
    for event in recorded.events[2:-1]:
        match event:
            case shown.OutputItemAdded(_, index, item):
                assert index == len(open_ids) + len(done)
                assert item.status == "in_progress"
                open_ids[index] = item.id
            case shown.OutputItemDone(_, index, item):
                assert open_ids.pop(index) == item.id
                assert item.status != "in_progress"
                done[index] = item
            case _:
                assert not isinstance(event, LIFECYCLE)
                assert not isinstance(event, shown.ResponseQueued)
                assert not isinstance(event, shown.ResponseDenied | shown.OpaqueEvent)
                assert open_ids[event.output_index] == event.item_id
    assert not open_ids
    assert recorded.response.output == tuple(done[index] for index in range(len(done)))
    ids = [item.id for item in recorded.response.output]
    assert len(set(ids)) == len(ids)


LIFECYCLE = (
    shown.ResponseCreated,
    shown.ResponseInProgress,
    shown.ResponseCompleted,
    shown.ResponseFailed,
    shown.ResponseIncomplete,
)


@given(st.data())
def test_deltas_joined_are_what_the_item_says_in_the_end(data: st.DataObject) -> None:
    recorded = play(data)
    said: dict[tuple[int, int], str] = {}
    for event in recorded.events:
        match event:
            case (
                shown.OutputTextDelta(_, index, _, part, delta)
                | shown.OutputRefusalDelta(_, index, _, part, delta)
                | shown.ReasoningTextDelta(_, index, _, part, delta)
            ):
                said[index, part] = said.get((index, part), "") + delta
            case shown.FunctionCallArgumentsDelta(_, index, _, delta):
                said[index, 0] = said.get((index, 0), "") + delta
            case _:
                pass
    for index, item in enumerate(recorded.response.output):
        match item:
            case shown.MessageItem(parts=parts) | shown.ReasoningItem(parts=parts):
                texts = [getattr(part, fields(part)[0].name) for part in parts]
                assert texts == [said[index, number] for number in range(len(parts))]
            case shown.FunctionCallItem(arguments=arguments):
                assert said.get((index, 0), "") == arguments
            case shown.ImageCallItem():
                assert (item.status == "completed") == (item.image is not None)
                assert (item.status == "failed") == (item.error is not None)


@given(st.data())
def test_the_client_sees_only_calls_of_its_own_functions(data: st.DataObject) -> None:
    for event in play(data).events:
        item: Any = getattr(event, "item", None)
        if isinstance(item, shown.FunctionCallItem):
            assert item.name == "get_weather"


@given(st.data())
def test_a_picture_that_the_client_demands_is_called_for_unless_the_model_refuses(
    data: st.DataObject,
) -> None:
    recorded = play(data)
    response = recorded.response
    if response.status == "completed" and forces_picture(recorded.request):
        is_there = any(isinstance(item, shown.ImageCallItem) for item in response.output)
        assert is_there or has_refused(response.output)


@given(st.data())
def test_an_item_is_called_an_edit_where_the_painter_got_a_source(data: st.DataObject) -> None:
    recorded = play(data)
    done = [item for item in recorded.response.output if isinstance(item, shown.ImageCallItem)]
    told = [item.action == "edit" for item in done if item.status == "completed"]
    assert told == [request.is_edit for request in recorded.painted]


@given(st.data())
def test_every_turn_s_calls_are_answered_before_the_next(data: st.DataObject) -> None:
    recorded = play(data)
    if isinstance(recorded.action, StartTurn):
        kinds: dict[str, list[str]] = {}
        for item in recorded.turn.items:
            kinds.setdefault(type(item).__name__, []).append(getattr(item, "call_id", ""))
        assert kinds.get("FunctionCall", []) == kinds.get("FunctionCallOutput", [])
