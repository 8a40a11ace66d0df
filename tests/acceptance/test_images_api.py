"""The Images API as clients use it: forms of both spellings, JSON, streams, errors."""

from __future__ import annotations

import base64
import io
from typing import Any

import httpx
import openai
import pytest
from PIL import Image

from limner.wire.pictures import to_base64
from tests.acceptance.rig import Rig
from tests.pictures import picture

PNG = picture(64, 64)
MASK = picture(64, 64, alpha=True)
URL = f"data:image/png;base64,{to_base64(PNG)}"
MASK_URL = f"data:image/png;base64,{to_base64(MASK)}"


def size_of(content: str | None) -> tuple[int, int]:
    return Image.open(io.BytesIO(base64.b64decode(content or ""))).size


async def test_the_sdk_generates_as_many_as_asked(rig: Rig) -> None:
    async with rig.sdk() as client:
        made = await client.images.generate(prompt="a cat", n=3, size="128x64")
    assert [size_of(each.b64_json) for each in made.data or ()] == [(128, 64)] * 3
    assert (made.size, made.output_format) == ("128x64", "png")


@pytest.mark.parametrize("image", [PNG.content, [PNG.content, PNG.content]], ids=["one", "list"])
async def test_the_sdk_edits_by_form_with_a_mask(rig: Rig, image: Any) -> None:
    rig.painter.clear()
    async with rig.sdk() as client:
        made = await client.images.edit(
            image=image, mask=("mask.png", MASK.content), prompt="a cat", size="64x64"
        )
    assert made.data
    assert size_of(made.data[0].b64_json) == (64, 64)
    (asked,) = rig.painter.asked
    assert (asked["images"], asked["masks"]) == (len(image) if isinstance(image, list) else 1, 1)


async def test_json_edits_name_pictures_by_url_and_by_file(rig: Rig) -> None:
    rig.painter.clear()
    async with rig.sdk() as client:
        file = await client.files.create(file=("cat.png", PNG.content), purpose="vision")
        body = {
            "model": "gpt-image-2",
            "prompt": "a dog",
            "images": [{"image_url": URL}, {"file_id": file.id}],
            "mask": {"image_url": MASK_URL},
        }
        made = await client.post("/images/edits", cast_to=httpx.Response, body=body)
    assert made.json()["data"][0]["b64_json"]
    (asked,) = rig.painter.asked
    assert (asked["images"], asked["masks"]) == (2, 1)


@pytest.mark.parametrize("kind", ["image_generation", "image_edit"])
async def test_streams_show_previews_and_end_with_the_picture(rig: Rig, kind: str) -> None:
    asked: Any = {"prompt": "a cat", "stream": True, "partial_images": 2}
    async with rig.sdk() as client:
        images = client.images
        make = images.generate if kind == "image_generation" else images.edit
        files: Any = {} if kind == "image_generation" else {"image": PNG.content}
        events = [event async for event in await make(**asked, **files)]
    previews = [f"{kind}.partial_image"] * 2
    assert [event.type for event in events] == [*previews, f"{kind}.completed"]
    assert [event.partial_image_index for event in events[:2]] == [0, 1]
    assert events[-1].usage.total_tokens == 69


@pytest.mark.parametrize("stream", [False, True])
async def test_a_failure_raises_with_what_was_wrong(rig: Rig, stream: bool) -> None:
    async def drain() -> None:
        async with rig.sdk() as client:
            reply: Any = await client.images.generate(prompt="smoke", stream=stream)
            async for _ in reply:
                pass

    with pytest.raises(openai.APIError, match="Smoke cannot be painted"):
        await drain()


async def test_what_is_wrong_in_an_edit_is_said_in_the_envelope(rig: Rig) -> None:
    async with rig.sdk() as client:
        with pytest.raises(openai.BadRequestError) as told:
            await client.images.edit(image=b"no picture", prompt="a cat")
        assert told.value.code == "invalid_image_file"
        with pytest.raises(openai.BadRequestError) as told:
            await client.images.edit(image=PNG.content, prompt="a cat", size="huge")
        assert told.value.param == "size"
