"""The model in the package, by the way a user's request goes."""

from __future__ import annotations

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
    ImageRequest,
    PartialImage,
    Size,
)
from limner.engine.loading import load, open_model
from limner.engine.painter import Painter
from limner.engine.scheduler import Scheduler

pytestmark = pytest.mark.engine
RED, BLUE, YELLOW = (220, 40, 40), (30, 80, 220), (250, 215, 40)


@pytest.fixture(scope="module")
def tiny() -> Any:
    return load("tiny", device="cpu", threads=1)


@pytest.fixture
async def painter(tiny: Any) -> AsyncIterator[Painter]:
    ready = Painter(
        lambda progress: open_model(tiny), name="tiny", scheduler=Scheduler(), fresh_seed=lambda: 0
    )
    await ready.start()
    yield ready
    await ready.close()


async def painted(painter: Painter, request: ImageRequest) -> list[Any]:
    events: list[ImageEvent] = [event async for event in painter.generate(request)]
    assert isinstance(events[-1], ImageCompleted)
    pictures = [e for e in events if isinstance(e, PartialImage | ImageCompleted)]
    return [np.asarray(Image.open(BytesIO(e.image.content))).astype(float) for e in pictures]


def distance(region: Any, colour: tuple[int, int, int]) -> float:
    """From the region's median colour, the largest difference of a channel."""
    return float(np.abs(np.median(region.reshape(-1, 3), axis=0) - colour).max())


async def test_what_was_asked_is_where_it_was_asked(painter: Painter) -> None:
    prompt = "a red circle above a blue square on a yellow background"
    early, final = await painted(painter, ImageRequest(prompt, seed=1, partial_images=1))
    assert final.shape == (128, 128, 3)
    assert distance(final[:, :8], YELLOW) < 60
    assert distance(final[28:38, 58:70], RED) < 60
    assert distance(final[88:98, 58:70], BLUE) < 60
    assert np.abs(final - early).mean() < np.abs(final - 128).mean(), "the preview shows it already"


async def test_a_large_size_is_painted_small_and_enlarged(painter: Painter) -> None:
    request = ImageRequest("a red circle on a yellow background", seed=1, size=Size(1280, 720))
    (final,) = await painted(painter, request)
    assert final.shape == (720, 1280, 3)
    assert distance(final[340:380, 620:660], RED) < 60
    assert distance(final[:, :60], YELLOW) < 60


async def test_a_red_circle_becomes_blue(painter: Painter) -> None:
    (before,) = await painted(
        painter, ImageRequest("a red circle on a yellow background", seed=1, size=Size(512, 512))
    )
    file = BytesIO()
    Image.fromarray(before.astype(np.uint8)).save(file, "png")
    prompt = "a blue circle on a yellow background"
    source = (ImageData(file.getvalue(), "png"),)
    ways: tuple[dict[str, Any], ...] = ({}, {"input_fidelity": "high"}, {"mask": circle_mask(512)})
    for options in ways:
        edit = ImageRequest(prompt, images=source, seed=2, **options)
        (after,) = await painted(painter, edit)
        assert after.shape == before.shape
        assert distance(after[236:276, 236:276], BLUE) < 60
        assert distance(after[:, :40], YELLOW) < 60


def circle_mask(edge: int) -> ImageData:
    """A generous box in the middle may change."""
    mask = Image.new("RGBA", (edge, edge), "white")
    mask.paste((0, 0, 0, 0), (edge // 5, edge // 5, edge - edge // 5, edge - edge // 5))
    file = BytesIO()
    mask.save(file, "png")
    return ImageData(file.getvalue(), "png")


@pytest.mark.parametrize("prompt", ["zyzzyva qwrtp 斑马 🦓", "<|first|><|pad|>", "a " * 2000, "я"])
async def test_unknown_words_are_painted_as_well_as_may_be(painter: Painter, prompt: str) -> None:
    (final,) = await painted(painter, ImageRequest(prompt, seed=1))
    assert final.shape == (128, 128, 3)
