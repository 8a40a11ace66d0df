"""Formats that a back end cannot write, written by our own codec."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace

import pytest

from limner.core.image import (
    FORMATS,
    ImageCapabilities,
    ImageCompleted,
    ImageData,
    ImageEvent,
    ImageFailed,
    ImageFormat,
    ImageRequest,
    Resolved,
    Size,
)
from limner.images.codec import SandboxedCodec
from limner.images.converted import ConvertedFormats
from limner.wire.picture_size import measure
from limner.wire.pictures import picture as sniffed
from tests.pictures import picture
from tests.scripted_images import ScriptedImages, Step, done, preview, progress

CAT = ImageRequest("a cat")
LABELS = (
    "rounded",
    "output_format: the image back end sent png instead of webp.",
    "output_compression 60 changes nothing: the image back end 'a' has no such setting",
)


def painter(*steps: Step, formats: tuple[ImageFormat, ...] | None = ("png",)) -> ScriptedImages:
    return ScriptedImages(*(steps or (done(),)), capabilities=ImageCapabilities("a", formats))


async def ask(backend: ScriptedImages, request: ImageRequest) -> list[ImageEvent]:
    async with SandboxedCodec() as codec:
        images = ConvertedFormats(backend, codec)
        assert images.capabilities.formats == FORMATS
        async with aclosing(images.generate(request)) as events:
            return [event async for event in events]


@pytest.mark.parametrize("format", ["jpeg", "webp"])
async def test_a_picture_comes_in_the_format_that_was_asked_for(format: ImageFormat) -> None:
    backend = painter(progress(1), preview(), done())
    request = replace(CAT, output_format=format, output_compression=60)
    events = await ask(backend, request)
    assert backend.requests == [replace(CAT, output_format="png")]
    assert events[:-1] == [progress(1), preview()]
    last = events[-1]
    assert isinstance(last, ImageCompleted)
    assert sniffed(last.image.content) == last.image
    assert (last.image.format, last.resolved.output_format) == (format, format)
    assert measure(last.image) == Size(8, 8)
    assert last.usage == done().usage


@pytest.mark.parametrize("format", [None, "png"])
async def test_what_a_back_end_can_write_is_left_to_it(format: ImageFormat | None) -> None:
    backend = painter()
    request = replace(CAT, output_format=format)
    assert await ask(backend, request) == [done()]
    assert backend.requests == [request]


async def test_a_back_end_without_png_is_asked_for_what_it_has() -> None:
    backend = painter(formats=("jpeg",))
    await ask(backend, replace(CAT, output_format="webp"))
    assert backend.requests == [replace(CAT, output_format="jpeg")]


@pytest.mark.parametrize("formats", [None, ("png", "webp")])
async def test_a_picture_in_another_format_than_promised_is_mended_and_no_longer_reported(
    formats: tuple[ImageFormat, ...] | None,
) -> None:
    look = Resolved(Size(8, 8), output_format="png", adjustments=LABELS)
    backend = painter(ImageCompleted(picture(), look), formats=formats)
    [last] = await ask(backend, replace(CAT, output_format="webp", output_compression=60))
    assert isinstance(last, ImageCompleted)
    assert (last.image.format, last.resolved.adjustments) == ("webp", ("rounded",))


async def test_a_picture_that_cannot_be_written_anew_is_given_as_it_came_and_says_so() -> None:
    image = ImageData(picture().content[:40], "png")
    painted = ImageCompleted(image, Resolved(output_format="png", adjustments=("rounded",)))
    [last] = await ask(painter(painted), replace(CAT, output_format="webp"))
    assert isinstance(last, ImageCompleted)
    assert (last.image, last.resolved.output_format) == (image, "png")
    kept, added = last.resolved.adjustments
    assert kept == "rounded"
    assert added.startswith("output_format: it is png, and could not be written as webp. ")


async def test_failures_pass_as_they_are() -> None:
    failed = ImageFailed("full", "queue_full", status=503)
    assert await ask(painter(failed), replace(CAT, output_format="webp")) == [failed]
