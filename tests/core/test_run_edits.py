"""Edits within a response: what the model may choose, and what the painter is asked."""

from __future__ import annotations

from limner.core import events as shown
from limner.core.image import ImageCapabilities, ImageData
from limner.core.items import ImageCall, ImagePart, Item, Message, TextPart
from limner.core.request import ImageTool, ResponseRequest
from limner.core.turn import TurnEnded, TurnEvent
from tests.core.recorded import CAT, USER, Recorded, asking, call, draw, painted

EDITOR = ImageCapabilities("editor", edits=True, mask=True)
PAST = ImageCall("ig_9", "a cat", CAT)
DOG = ImageData(b"a dog", "png")
MASK = ImageData(b"a mask", "png")


def editing(request: ResponseRequest | None = None) -> Recorded:
    return Recorded(request, painter=EDITOR)


def order(key: str, arguments: str) -> tuple[TurnEvent, ...]:
    return call(key, "image_generation", arguments)


def offered(recorded: Recorded) -> list[str]:
    (tool,) = recorded.turn.tools
    assert tool.parameters is not None
    return list(tool.parameters["properties"])


def actions(recorded: Recorded) -> list[str | None]:
    output = recorded.response.output
    return [item.action for item in output if isinstance(item, shown.ImageCallItem)]


def test_a_picture_of_the_past_is_edited() -> None:
    tool = ImageTool(0, input_fidelity="high")
    recorded = editing(asking(items=(PAST, USER), image_tool=tool, client="me"))
    assert offered(recorded) == ["prompt", "action"]
    recorded.feed(*order("a", '{"prompt": "a blue cat", "action": "edit"}'), TurnEnded())
    request = recorded.image.request
    assert (request.images, request.mask, request.input_fidelity) == ((CAT,), None, "high")
    assert request.client == "me"
    recorded.feed(painted(b"a blue cat"), TurnEnded())
    assert actions(recorded) == ["edit"]


def test_a_picture_made_in_this_response_is_the_source_of_the_next_call() -> None:
    recorded = editing()
    assert offered(recorded) == ["prompt"]
    recorded.feed(*draw("a"), TurnEnded())
    assert not recorded.image.request.images
    recorded.feed(painted())
    assert offered(recorded) == ["prompt", "action"]
    recorded.feed(*draw("b", "a blue cat"), TurnEnded())
    assert recorded.image.request.images == (CAT,)
    recorded.feed(painted(b"a blue cat"))
    assert offered(recorded) == ["prompt", "action", "image"]
    recorded.feed(TurnEnded())
    assert actions(recorded) == ["generate", "edit"]


def test_calls_made_together_do_not_see_each_other_s_pictures() -> None:
    recorded = editing()
    recorded.feed(*draw("a"), *draw("b"), TurnEnded())
    assert recorded.image.request.images == ()
    recorded.feed(painted())
    assert recorded.image.request.images == ()


def test_the_model_is_told_which_picture_is_which() -> None:
    look = Message("user", (TextPart("Look."), ImagePart(DOG)))
    recorded = editing(asking(items=(look, PAST, USER)))
    parts = [
        part
        for item in recorded.turn.items
        for part in getattr(item, "parts", ())
        if isinstance(part, ImagePart)
    ]
    assert parts == [ImagePart(DOG, number=1), ImagePart(CAT, number=2)]
    recorded.feed(*order("a", '{"prompt": "x", "action": "edit", "image": 1}'), TurnEnded())
    assert recorded.image.request.images == (DOG,)


def test_with_a_mask_there_is_no_choice_among_pictures() -> None:
    look = Message("user", (ImagePart(DOG),))
    tool = ImageTool(0, mask=MASK)
    recorded = editing(asking(items=(look, PAST, USER), image_tool=tool))
    assert offered(recorded) == ["prompt", "action"]
    recorded.feed(*draw("a"), TurnEnded())
    assert recorded.image.request.images == (DOG, CAT)
    assert recorded.image.request.mask == MASK


def test_an_edit_of_nothing_fails_and_the_model_goes_on() -> None:
    recorded = editing(asking(image_tool=ImageTool(0, action="edit")))
    seen = recorded.feed(*draw("a"), TurnEnded())
    assert seen[-1] == "done #0 image failed"
    assert recorded.feed(TurnEnded()) == ["COMPLETED"]
    assert actions(recorded) == [None]


def test_what_the_painter_could_not_do_is_told_with_the_picture() -> None:
    items: tuple[Item, ...] = (PAST, USER)
    recorded = Recorded(asking(items=items), painter=ImageCapabilities("painter"))
    assert offered(recorded) == ["prompt"]
    recorded.feed(*draw("a"), TurnEnded(), painted(), TurnEnded())
    (item,) = recorded.response.output
    assert isinstance(item, shown.ImageCallItem)
    assert item.resolved is not None
    assert item.resolved.adjustments == (
        "No picture was edited: the image back end here paints new ones only.",
    )
    assert item.action == "generate"
