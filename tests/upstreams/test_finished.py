"""Pictures of models that paint by themselves, on their way out."""

from __future__ import annotations

from contextlib import aclosing

from limner.core.image import ImageCompleted, ImageFailed, PartialImage, Resolved
from limner.core.picture_facts import PictureFacts
from limner.core.turn import (
    PictureEnded,
    PicturePreview,
    PictureStarted,
    TextDelta,
    TurnEnded,
    TurnEvent,
    TurnRequest,
)
from limner.upstreams.finished import FinishedTurns
from tests.pictures import picture
from tests.scripted_upstream import ScriptedUpstream

PAINTED = ImageCompleted(picture(), Resolved())
FINISHED = ImageCompleted(picture(16), Resolved())
PREVIEW = PicturePreview("0", PartialImage(0, picture(), Resolved()))


class Finishes:
    def __init__(self) -> None:
        self.asked: list[PictureFacts] = []

    async def __call__(self, picture: ImageCompleted, asked: PictureFacts) -> ImageCompleted:
        assert picture == PAINTED
        self.asked.append(asked)
        return FINISHED


async def turn(request: TurnRequest, *script: TurnEvent) -> tuple[list[TurnEvent], Finishes]:
    behind, finish = ScriptedUpstream([*script]), Finishes()
    upstream = FinishedTurns(behind, finish)
    assert upstream.capabilities == behind.capabilities
    async with aclosing(upstream.stream(request)) as events:
        return [event async for event in events], finish


async def test_finished_pictures_and_nothing_else_are_finished() -> None:
    failed = PictureEnded("1", ImageFailed("no"), "")
    passed = (PictureStarted("0"), PREVIEW, TextDelta("hi"), failed, TurnEnded())
    events, finish = await turn(
        TurnRequest("m", ()), *passed, PictureEnded("0", PAINTED, "a red fox", "edit")
    )
    assert events == [*passed, PictureEnded("0", FINISHED, "a red fox", "edit")]
    assert finish.asked == [PictureFacts("a red fox", action="edit")]


async def test_the_model_that_paints_is_the_one_that_the_client_named() -> None:
    tools = ({"type": "web_search", "model": "x"}, {"type": "image_generation", "model": "gpt-i"})
    _, finish = await turn(TurnRequest("m", (), hosted_tools=tools), PictureEnded("0", PAINTED, ""))
    assert finish.asked == [PictureFacts("", model="gpt-i")]
