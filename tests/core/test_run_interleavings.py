"""Every order in which two calls of one turn can be written."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import pytest

from limner.core.image import ImageEvent, ImageFailed
from limner.core.request import ImageTool
from limner.core.turn import CallEnded, TurnEnded, TurnEvent
from tests.core.recorded import Recorded, asking, draw, painted, preview

CAT = draw("a", "a cat")
DOG = draw("b", "a dog")


def merged(
    first: tuple[TurnEvent, ...], second: tuple[TurnEvent, ...]
) -> Iterator[list[TurnEvent]]:
    """All orders of two sequences that keep the order of each."""
    total = len(first) + len(second)
    for places in combinations(range(total), len(first)):
        left, right = iter(first), iter(second)
        yield [next(left) if place in places else next(right) for place in range(total)]


def ending(index: int, *events: ImageEvent) -> list[str]:
    failed = any(isinstance(event, ImageFailed) for event in events)
    shown = [f"partial image #{index} 0"] if len(events) == 2 else []
    if failed:
        return [*shown, f"done #{index} image failed"]
    return [*shown, f"image completed #{index}", f"done #{index} image completed"]


OUTCOMES: list[tuple[ImageEvent, ...]] = [
    (painted(),),
    (preview(), painted()),
    (ImageFailed("no"),),
    (preview(), ImageFailed("no")),
]


@pytest.mark.parametrize("second", OUTCOMES)
@pytest.mark.parametrize("first", OUTCOMES)
def test_two_images_come_in_the_order_in_which_their_calls_were_complete(
    first: tuple[ImageEvent, ...], second: tuple[ImageEvent, ...]
) -> None:
    orders = list(merged(CAT, DOG))
    assert len(orders) == 20
    for order in orders:
        recorded = Recorded(asking(image_tool=ImageTool(0, partial_images=1)))
        started = recorded.feed(*order)
        assert started == [
            f"{what} #{index}{kind}"
            for index in (0, 1)
            for what, kind in (
                ("added", " image"),
                ("image in_progress", ""),
                ("image generating", ""),
            )
        ]
        ended = [event.key for event in order if isinstance(event, CallEnded)]
        prompts = [{"a": "a cat", "b": "a dog"}[key] for key in ended]
        assert recorded.feed(TurnEnded()) == []
        assert recorded.image.request.prompt == prompts[0]
        assert recorded.feed(*first) == ending(0, *first)
        assert recorded.image.request.prompt == prompts[1]
        assert recorded.feed(*second) == ending(1, *second)
        assert recorded.feed(TurnEnded()) == ["COMPLETED"]
        revised = [item.revised_prompt for item in recorded.response.output]  # type: ignore[union-attr]
        assert revised == prompts
