"""Nobody paints from what our own codec has not written."""

from __future__ import annotations

from contextlib import aclosing
from io import BytesIO

from PIL import Image

from limner.core.image import ImageCompleted, ImageData, ImageFailed, ImageRequest, Size
from limner.images.checked import CheckedSources
from limner.images.codec import SandboxedCodec
from limner.wire.picture_size import measure
from tests.pictures import picture
from tests.scripted_images import ScriptedImages, done

TRAILER = b"<script>"


async def test_sources_and_masks_are_written_anew() -> None:
    painter = ScriptedImages(done())
    source = ImageData(picture(8, 8, "jpeg").content + TRAILER, "jpeg")
    mask = ImageData(picture(8, 8, alpha=True).content + TRAILER, "png")
    request = ImageRequest("a cat", images=(source, source), mask=mask)
    async with SandboxedCodec() as codec:
        checked = CheckedSources(painter, codec)
        assert checked.capabilities == painter.capabilities
        async with aclosing(checked.generate(request)) as events:
            assert [event async for event in events] == [done()]
    (asked,) = painter.requests
    assert asked.mask is not None
    assert len(asked.images) == 2
    for image in (*asked.images, asked.mask):
        assert image.format == "png"
        assert TRAILER not in image.content


async def test_a_photograph_that_grows_too_large_as_png_stays_lossy() -> None:
    painter = ScriptedImages(done())
    noise = Image.effect_noise((64, 48), 80)
    photograph, cut_out = BytesIO(), BytesIO()
    noise.convert("RGB").save(photograph, "JPEG")
    Image.merge("RGBA", [noise] * 4).save(cut_out, "WEBP")
    images = (ImageData(photograph.getvalue(), "jpeg"), ImageData(cut_out.getvalue(), "webp"))
    async with SandboxedCodec() as codec:
        checked = CheckedSources(painter, codec, max_bytes=100)
        async with aclosing(checked.generate(ImageRequest("a", images=images))) as events:
            assert [event async for event in events] == [done()]
    (asked,) = painter.requests
    assert [image.format for image in asked.images] == ["jpeg", "webp"]
    assert [measure(image) for image in asked.images] == [Size(64, 48)] * 2


async def test_a_source_that_is_no_picture_fails_the_call_and_asks_nobody() -> None:
    painter = ScriptedImages(done())
    request = ImageRequest("a cat", images=(ImageData(b"\x89PNG\r\n\x1a\nno", "png"),))
    async with (
        SandboxedCodec() as codec,
        aclosing(CheckedSources(painter, codec).generate(request)) as events,
    ):
        (failure,) = [event async for event in events]
    assert isinstance(failure, ImageFailed)
    assert (failure.code, failure.status, failure.retryable) == ("invalid_image", 400, False)
    assert painter.requests == []


async def test_new_pictures_need_no_check() -> None:
    painter = ScriptedImages(done())
    async with SandboxedCodec() as codec:
        async with aclosing(CheckedSources(painter, codec).generate(ImageRequest("a"))) as events:
            assert isinstance([event async for event in events][-1], ImageCompleted)
        assert not codec._idle
