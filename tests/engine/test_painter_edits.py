"""Edits through the whole engine: events, what stays, and the company of other pictures."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image

from limner.core.image import (
    ImageCompleted,
    ImageData,
    ImageEvent,
    ImageFailed,
    ImageProgress,
    ImageRequest,
    ImageUsage,
    PartialImage,
    Size,
)
from limner.engine.painter import Painter
from tests.engine.painting import painting

pytestmark = pytest.mark.engine
RANDOM = np.random.default_rng(4)


@pytest.fixture
async def painter(loaded: Any) -> AsyncIterator[Painter]:
    async with painting(loaded) as ready:
        yield ready


def data(pixels: Any) -> ImageData:
    out = BytesIO()
    Image.fromarray(pixels).save(out, "png")
    return ImageData(out.getvalue(), "png")


def pixels(image: ImageData) -> Any:
    return np.asarray(Image.open(BytesIO(image.content)).convert("RGB")).astype(int)


def noisy(width: int, height: int) -> Any:
    return RANDOM.integers(0, 256, (height, width, 3), dtype=np.uint8)


def masking(width: int, height: int) -> ImageData:
    """The left third may change."""
    mask = np.full((height, width, 4), 255, np.uint8)
    mask[:, : width // 3, 3] = 0
    return data(mask)


async def drained(painter: Painter, request: ImageRequest) -> list[ImageEvent]:
    return [event async for event in painter.generate(request)]


def only(events: list[ImageEvent], kind: type[Any]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


async def test_an_edit_counts_the_steps_that_it_makes(painter: Painter) -> None:
    events = await drained(painter, ImageRequest("a", images=(data(noisy(64, 64)),), n=2))
    last = events[-1]
    assert isinstance(last, ImageCompleted)
    assert last.resolved.steps == 5
    progress = only(events, ImageProgress)
    assert [progress[0].step, progress[-1].step] == [0, 10]
    assert {each.steps for each in progress} == {10}
    assert last.usage == ImageUsage(3, input_image_tokens=16, output_tokens=32)


@pytest.mark.parametrize("size", [(64, 64), (301, 157), (40, 500)], ids=str)
async def test_outside_the_mask_not_one_pixel_differs_in_previews_and_picture(
    painter: Painter, size: tuple[int, int]
) -> None:
    source = noisy(*size)
    request = ImageRequest(
        "a red circle", images=(data(source),), mask=masking(*size), partial_images=2
    )
    events = await drained(painter, request)
    third = size[0] // 3
    assert len(only(events, PartialImage)) == 2
    for shown in (*only(events, PartialImage), *only(events, ImageCompleted)):
        assert shown.resolved.size == Size(*size)
        made = pixels(shown.image)
        assert np.array_equal(made[:, third:], source[:, third:])
        assert np.abs(made[:, :third] - source[:, :third]).mean() > 10


async def test_a_transparent_hole_is_painted_and_the_rest_stays(painter: Painter) -> None:
    source = np.dstack([noisy(64, 64), np.full((64, 64), 255, np.uint8)])
    source[:, 40:, 3] = 0
    (made,) = only(
        await drained(painter, ImageRequest("a", images=(data(source),))), ImageCompleted
    )
    assert np.array_equal(pixels(made.image)[:, :40], source[:, :40, :3])
    assert made.resolved.background == "opaque"
    assert made.resolved.steps == 8


@pytest.mark.parametrize("border", [(0, 0, 64, 0), (21, 40, 3, 60)], ids=str)
async def test_a_transparent_border_is_painted_on_beyond_the_old_edge(
    painter: Painter, border: tuple[int, int, int, int]
) -> None:
    left, top, right, bottom = border
    old = noisy(64, 48)
    opaque = np.dstack([old, np.full((48, 64), 255, np.uint8)])
    canvas = np.pad(opaque, ((top, bottom), (left, right), (0, 0)))
    events = await drained(painter, ImageRequest("a", images=(data(canvas),), partial_images=1))
    for shown in (*only(events, PartialImage), *only(events, ImageCompleted)):
        made = pixels(shown.image)
        assert made.shape == (*canvas.shape[:2], 3)
        assert np.array_equal(made[top : top + 48, left : left + 64], old)
        assert (made[canvas[..., 3] == 0].std(axis=0) > 1).all()


async def test_an_edit_is_the_same_alone_and_among_others(painter: Painter) -> None:
    edit = ImageRequest("a red circle", images=(data(noisy(64, 64)),), mask=masking(64, 64), seed=9)
    (alone,) = only(await drained(painter, edit), ImageCompleted)
    company = (
        ImageRequest("the blue square", n=2),
        ImageRequest("a", images=edit.images, strength=0.4),
    )
    together, *_ = await asyncio.gather(*(drained(painter, each) for each in (edit, *company)))
    (shared,) = only(together, ImageCompleted)
    assert np.abs(pixels(alone.image) - pixels(shared.image)).max() <= 1


@pytest.mark.parametrize(
    ("options", "param"),
    [
        ({"images": (ImageData(b"no", "png"),)}, "image"),
        ({"images": (data(noisy(64, 64)),) * 2}, "image"),
        ({"images": (data(noisy(64, 64)),), "mask": data(noisy(64, 64))}, "mask"),
        ({"images": (data(noisy(64, 64)),), "strength": 0.0}, "strength"),
        ({"images": (data(noisy(64, 64)),), "background": "transparent"}, "background"),
        ({"mask": masking(64, 64)}, "mask"),
    ],
)
async def test_what_cannot_be_edited_fails_by_name(
    painter: Painter, options: dict[str, Any], param: str
) -> None:
    (failed,) = await drained(painter, ImageRequest("a", **options))
    assert isinstance(failed, ImageFailed)
    assert (failed.param, failed.status, failed.retryable) == (param, 400, False)


async def test_an_edit_that_no_one_waits_for_stops(painter: Painter) -> None:
    request = ImageRequest("a", images=(data(noisy(64, 64)),), steps=50, strength=1.0)
    events = painter.generate(request)
    async for event in events:
        if isinstance(event, ImageProgress) and event.step >= 2:
            break
    await events.aclose()
    assert painter.stats.idle
    assert painter.stats.steps < 50
