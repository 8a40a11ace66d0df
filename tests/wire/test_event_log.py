"""Events read back from the frames that clients got."""

from __future__ import annotations

from typing import Any

import pytest

from limner.core import events as shown
from limner.core.image import (
    ImageCompleted,
    ImageFailed,
    ImageUsage,
    PartialImage,
    Resolved,
    Size,
)
from limner.core.items import TextPart
from limner.core.point import NOTHING_SPENT, Point, Spent, read_back
from limner.core.request import ImageTool
from limner.core.turn import (
    AnnotationAdded,
    CallDelta,
    CallStarted,
    MessagePhase,
    OpaqueStarted,
    ReasoningDelta,
    ReasoningSealed,
    RefusalDelta,
    TextDelta,
    TurnEnded,
    Usage,
)
from limner.wire.event_log import read_frames, read_item, read_spent, spent_json
from limner.wire.events import encode_event
from limner.wire.items import item_json
from tests.core.recorded import WEATHER, Recorded, asking, call, draw
from tests.pictures import picture

LOOK = Resolved(Size(8, 4), "high", "opaque", "png", 7, 8, "tiny", ("rounded",))
SOURCE = {"type": "url_citation", "url": "http://x.example"}
LIKELY = {"token": "Hel", "logprob": -0.25, "top_logprobs": []}
SAID = [
    ReasoningDelta("Hm."),
    ReasoningSealed("seal"),
    MessagePhase("commentary"),
    TextDelta("Hel", (LIKELY,)),
    TextDelta("lo"),
    AnnotationAdded(SOURCE),
    RefusalDelta("no"),
    OpaqueStarted("a", {"type": "web_search_call", "id": "ws_1", "status": "in_progress"}),
    *draw("b"),
    *draw("c"),
    TurnEnded(Usage(1, 2)),
    PartialImage(0, picture(), LOOK),
    ImageCompleted(picture(), LOOK, ImageUsage(1, 2, 3)),
    ImageFailed("no", code="queue_full"),
    *call("d", "get_weather", "{}"),
    CallStarted("e", "call_e", "get_weather"),
    CallDelta("e", '{"city'),
]


def play(count: int) -> Recorded:
    """A response after so many events from outside."""
    request = asking(functions=(WEATHER,), image_tool=ImageTool(0, partial_images=1))
    run = Recorded(request)
    run.feed(*SAID[:count])
    return run


def frames(run: Recorded) -> list[bytes]:
    return [encode_event(event) for event in run.events]


@pytest.mark.parametrize("count", range(len(SAID) + 1))
def test_the_frames_lead_to_the_same_point_as_the_events(count: int) -> None:
    run = play(count)
    numbered = [event for event in run.events if not isinstance(event, shown.ImageCallProgress)]
    assert comparable(read_back(read_frames(frames(run)), run.run.spent)) == comparable(
        read_back(numbered, run.run.spent)
    )


def comparable(point: Point) -> Any:
    """Two points are the same when their parts are."""
    opaque = {key: (item.place, dict(item.value)) for key, item in point.opaque.items()}
    said = point.next_number, point.has_begun, point.done, point.words, point.spent
    return *said, point.calls, point.pictures, opaque


@pytest.mark.parametrize(
    "item",
    [
        shown.ImageCallItem("ig_1", "completed", "a", picture(), Resolved(output_format="png")),
        shown.ImageCallItem("ig_1", "completed", "a", picture(), LOOK, "edit"),
        shown.MessageItem(
            "msg_1", "completed", (TextPart("a", (SOURCE,), (LIKELY,)),), "final_answer"
        ),
        shown.OpaqueItem("rs_1", {"id": "rs_1", "type": "reasoning", "summary": []}),
        shown.OpaqueItem("fc_1", {"id": "fc_1", "type": "function_call", "namespace": "n"}),
    ],
)
def test_items_are_read_as_they_were_written(item: shown.OutputItem) -> None:
    assert read_item(item_json(item)) == item


@pytest.mark.parametrize(
    "spent", [NOTHING_SPENT, Spent(2, Usage(1, 2, 3, 4), ImageUsage(1, 2, 3), {"ig_1": "a cat"})]
)
def test_what_was_spent_is_read_back(spent: Spent) -> None:
    assert read_spent(spent_json(spent)) == spent


def test_no_text_is_nothing_spent() -> None:
    assert read_spent("") == NOTHING_SPENT
