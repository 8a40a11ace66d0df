"""An image back end whose pictures say in their files how they were made."""

from __future__ import annotations

from dataclasses import replace

import pytest

from limner.core.image import (
    FORMATS,
    ImageCompleted,
    ImageData,
    ImageFailed,
    ImageFormat,
    ImageProgress,
    ImageRequest,
    PartialImage,
    Resolved,
    Size,
)
from limner.core.lora import Lora
from limner.core.picture_facts import PictureFacts
from limner.images.finished import FinishedPictures
from limner.images.marked import Marking
from limner.wire.picture_metadata import read, says_made_by_ai, strip, write
from tests.pictures import picture
from tests.scripted_images import ScriptedImages

NOW = 1_795_300_000
RESOLVED = Resolved(Size(8, 8), seed=7, steps=8, model="tiny", guidance=0.0)
FACTS = PictureFacts(
    "a fox",
    seed=7,
    size="8x8",
    model="tiny",
    steps=8,
    guidance=0.0,
    version="1.2.3",
    created_at=NOW,
)


async def painted(
    image: ImageData,
    request: ImageRequest,
    resolved: Resolved = RESOLVED,
    *,
    tells_all: bool = True,
) -> ImageData:
    backend = ScriptedImages(ImageCompleted(image, resolved))
    marked = FinishedPictures(
        backend, Marking(version="1.2.3", tells_all=tells_all, clock=lambda: NOW + 0.5)
    )
    (event,) = [event async for event in marked.generate(request)]
    assert isinstance(event, ImageCompleted)
    assert event.resolved == resolved
    return event.image


@pytest.mark.parametrize("format", FORMATS)
async def test_a_file_says_how_its_picture_was_made(format: ImageFormat) -> None:
    image = await painted(picture(format=format), ImageRequest("a fox", seed=7))
    assert read(image) == FACTS
    assert says_made_by_ai(image)


async def test_what_the_back_end_does_not_say_is_told_as_asked_for() -> None:
    asked = ImageRequest(
        "a fox",
        model="dear",
        guidance_scale=2.0,
        strength=0.25,
        images=(picture(),),
    )
    said = read(await painted(picture(9, 8), asked, Resolved()))
    assert said == PictureFacts(
        "a fox",
        size="9x8",
        model="dear",
        guidance=2.0,
        strength=0.25,
        action="edit",
        version="1.2.3",
        created_at=NOW,
    )


async def test_what_the_back_end_really_used_counts_more() -> None:
    used = replace(RESOLVED, guidance=1.0, strength=0.5, loras=(Lora("ink", 0.8),))
    asked = ImageRequest(
        "a fox", guidance_scale=2.0, strength=0.25, images=(picture(),), loras=(Lora("ink"),)
    )
    said = read(await painted(picture(), asked, used))
    assert said is not None
    assert (said.guidance, said.strength, said.loras) == (1.0, 0.5, (Lora("ink", 0.8),))
    anew = read(await painted(picture(), ImageRequest("a fox"), used))
    assert anew is not None
    assert anew.strength is None


async def test_a_picture_is_marked_once() -> None:
    theirs = write(picture(), PictureFacts("painted elsewhere"))
    assert await painted(theirs, ImageRequest("a fox")) == theirs


async def test_the_mark_alone_hides_what_the_back_end_has_told() -> None:
    theirs = write(picture(), PictureFacts("a secret"))
    image = await painted(theirs, ImageRequest("a secret"), tells_all=False)
    assert says_made_by_ai(image)
    assert b"secret" not in image.content
    assert strip(image) == picture()


@pytest.mark.parametrize("tells_all", [True, False])
async def test_a_signed_picture_is_not_touched(tells_all: bool) -> None:
    content = picture(format="webp").content
    body = content[8:] + b"C2PA\x04\0\0\0jumb"
    signed = ImageData(b"RIFF" + len(body).to_bytes(4, "little") + body, "webp")
    assert await painted(signed, ImageRequest("a fox"), tells_all=tells_all) == signed


async def test_everything_else_passes_as_it_came() -> None:
    events = (
        ImageProgress(1, 8),
        PartialImage(0, picture(), RESOLVED),
        ImageFailed("no"),
    )
    backend = ScriptedImages(*events)
    marked = FinishedPictures(backend, Marking(version="1"))
    assert marked.capabilities == backend.capabilities
    assert [event async for event in marked.generate(ImageRequest("a"))] == list(events)
