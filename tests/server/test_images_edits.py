"""Edits over scripted back ends, asked by the official SDK, as JSON and by bare forms."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from io import BytesIO
from typing import Any

import aiohttp
import openai
import pytest
from openai.types import ImageEditCompletedEvent, ImageEditPartialImageEvent

from limner.core.errors import InvalidRequest
from limner.core.image import ImageCapabilities, ImageData, ImageFailed, ImageFormat, ImageRequest
from limner.core.ports import ImageBackend
from limner.server.application import Rules, enclose
from limner.server.images_api import images_routes
from limner.server.picture_sources import PictureSources
from limner.wire.pictures import to_base64
from tests.pictures import picture
from tests.scripted_images import ScriptedImages, Step, done, preview, progress
from tests.serving import serving

PATH = "/v1/images/edits"
PNG, JPEG, MASK = picture(), picture(format="jpeg"), picture(alpha=True)
EDITS = ImageCapabilities(
    "tiny", edits=True, mask=True, max_images=2, input_fidelity=True, strength=True, seed=True
)
DATA_URL = f"data:image/png;base64,{to_base64(PNG)}"
GIF = b"GIF89a, as far as the first bytes say"


class Uploads:
    """The port `Files` over a table."""

    def __init__(self, **files: bytes) -> None:
        self._files = files

    async def picture(self, owner: str, file_id: str) -> bytes | None:
        return self._files.get(file_id) if owner == "" else None


class Readable:
    """The port `Codec`, which reads nothing but our GIF."""

    async def readable(self, content: bytes) -> ImageData:
        if content == GIF:
            return PNG
        raise InvalidRequest("no picture", code="unsupported_image_media_type")

    async def encode(
        self, image: ImageData, format: ImageFormat, compression: int | None = None
    ) -> ImageData:
        raise NotImplementedError

    async def thumbnail(self, image: ImageData, *, width_px: int) -> ImageData:
        raise NotImplementedError

    async def scaled(self, image: ImageData, *, max_edge_px: int, max_bytes: int) -> ImageData:
        raise NotImplementedError


async def fetched(urls: Iterable[str]) -> dict[str, ImageData]:
    if set(urls) == {"https://h.example/cat.png"}:
        return {"https://h.example/cat.png": PNG}
    raise InvalidRequest("no", param="url", code="invalid_value")


SOURCES = PictureSources(fetched, Uploads(mine=MASK.content, cat=GIF), Readable())


def editor(*steps: Step, can: ImageCapabilities = EDITS) -> ScriptedImages:
    return ScriptedImages(*(steps or (done(),)), capabilities=can)


@asynccontextmanager
async def door(
    backend: ImageBackend | None, sources: PictureSources = SOURCES
) -> AsyncIterator[str]:
    async with serving(enclose(images_routes(backend, sources), rules=Rules())) as url:
        yield url


@asynccontextmanager
async def sdk(backend: ImageBackend | None) -> AsyncIterator[openai.AsyncOpenAI]:
    async with (
        door(backend) as url,
        openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client,
    ):
        yield client


async def ask(
    backend: ImageBackend | None,
    body: dict[str, Any] | aiohttp.FormData,
    sources: PictureSources = SOURCES,
) -> tuple[int, dict[str, Any]]:
    """The status and the JSON of a reply."""
    given: dict[str, Any] = {"json": body} if isinstance(body, dict) else {"data": body}
    async with (
        door(backend, sources) as url,
        aiohttp.ClientSession() as session,
        session.post(url + PATH, **given) as reply,
    ):
        return reply.status, await reply.json()


def form(*files: tuple[str, bytes], **texts: str) -> aiohttp.FormData:
    parts = aiohttp.FormData(quote_fields=False)
    for name, text in {"prompt": "a cat", **texts}.items():
        parts.add_field(name, text)
    for name, content in files:
        parts.add_field(name, content, filename="a.txt", content_type="text/plain")
    return parts


def named(*images: dict[str, str], **fields: Any) -> dict[str, Any]:
    return {"prompt": "a cat", "images": list(images), **fields}


async def test_the_sdk_edits_one_picture() -> None:
    backend = editor()
    async with sdk(backend) as client:
        reply = await client.images.edit(
            image=PNG.content, prompt="a cat", n=1, size="256x256", input_fidelity="high"
        )
    [request] = backend.requests
    assert (request.images, request.mask, request.input_fidelity) == ((PNG,), None, "high")
    assert (str(request.size), request.n) == ("256x256", 1)
    assert reply.data is not None
    assert reply.data[0].b64_json == to_base64(picture())
    assert reply.usage is not None


async def test_the_sdk_edits_several_with_a_mask_and_its_own_labels_are_not_believed() -> None:
    backend = editor()
    async with sdk(backend) as client:
        await client.images.edit(
            image=[("a.gif", PNG.content, "image/gif"), BytesIO(JPEG.content)],
            mask=("mask.jpg", MASK.content, "image/jpeg"),
            prompt="a cat",
            extra_body={"strength": 0.5, "seed": 7},
        )
    [request] = backend.requests
    assert request == ImageRequest("a cat", images=(PNG, JPEG), mask=MASK, strength=0.5, seed=7)


async def test_the_sdk_gets_previews_and_the_edited_picture() -> None:
    backend = editor(progress(3), preview(0), preview(1), done())
    async with sdk(backend) as client:
        stream = await client.images.edit(
            image=PNG.content, prompt="a cat", stream=True, partial_images=2
        )
        events = [event async for event in stream]
    assert backend.requests[0].partial_images == 2
    assert [type(event) for event in events] == [
        ImageEditPartialImageEvent,
        ImageEditPartialImageEvent,
        ImageEditCompletedEvent,
    ]
    assert [event.type for event in events][1:] == [
        "image_edit.partial_image",
        "image_edit.completed",
    ]


async def test_a_failure_in_the_stream_of_an_edit_raises_in_the_sdk() -> None:
    backend = editor(preview(), ImageFailed("full", "queue_full", status=503))
    async with sdk(backend) as client:
        stream = await client.images.edit(
            image=PNG.content, prompt="a cat", stream=True, partial_images=1
        )
        assert isinstance(await anext(stream), ImageEditPartialImageEvent)
        with pytest.raises(openai.APIError) as caught:
            await anext(stream)
    assert caught.value.code == "queue_full"


async def test_pictures_are_named_in_json() -> None:
    backend = editor()
    body = named({"image_url": "https://h.example/cat.png"}, {"file_id": "cat"})
    status, reply = await ask(backend, body | {"mask": {"file_id": "mine"}})
    assert (status, len(reply["data"])) == (200, 1)
    [request] = backend.requests
    assert (request.images, request.mask) == ((PNG, PNG), MASK)
    assert (await ask(backend, named({"image_url": DATA_URL})))[0] == 200


async def test_other_formats_are_made_readable() -> None:
    backend = editor()
    assert (await ask(backend, form(("image", GIF))))[0] == 200
    assert backend.requests[0].images == (PNG,)


NOWHERE = PictureSources()


@pytest.mark.parametrize(
    ("body", "sources", "status", "code", "param"),
    [
        (form(("image", b"hello")), SOURCES, 400, "invalid_image_file", "image"),
        (form(("image", GIF)), NOWHERE, 400, "invalid_image_file", "image"),
        (form(("image", PNG.content[:20])), SOURCES, 400, "invalid_image_file", "image"),
        (
            form(("image", PNG.content), ("mask", PNG.content)),
            SOURCES,
            400,
            "invalid_image_file",
            "mask",
        ),
        (named({"file_id": "theirs"}), SOURCES, 400, "image_file_not_found", "images[0].file_id"),
        (
            named({"file_id": "cat"}),
            NOWHERE,
            400,
            "unsupported_image_source",
            "images[0].file_id",
        ),
        (
            named({"image_url": "http://h.example/"}),
            NOWHERE,
            400,
            "unsupported_image_source",
            "images[0].image_url",
        ),
        (named({"image_url": "http://h.example/"}), SOURCES, 400, "invalid_value", "url"),
        (form(("image[]", PNG.content), **{"n": "0"}), SOURCES, 400, None, "n"),
        (form(*[("image[]", PNG.content)] * 3), SOURCES, 400, None, "image"),
    ],
)
async def test_what_cannot_be_edited_is_refused_by_name(
    body: Any, sources: PictureSources, status: int, code: str | None, param: str
) -> None:
    backend = editor()
    got, reply = await ask(backend, body, sources)
    assert (got, reply["error"]["param"]) == (status, param)
    assert code in (None, reply["error"]["code"])
    assert backend.requests == []


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({}, "image"),
        ({"mask": {"file_id": "mine"}}, "mask"),
        ({"strength": 0.5}, "strength"),
    ],
)
async def test_a_back_end_that_cannot_is_not_asked(asked: dict[str, Any], param: str) -> None:
    can = ImageCapabilities("plain", edits=param != "image")
    backend = editor(can=can)
    status, reply = await ask(backend, named({"image_url": DATA_URL}, **asked))
    assert (status, reply["error"]["param"], backend.requests) == (400, param, [])


async def test_fidelity_that_has_no_effect_is_said() -> None:
    backend = editor(can=ImageCapabilities("plain", edits=True))
    _, reply = await ask(backend, named({"image_url": DATA_URL}, input_fidelity="high"))
    assert "input_fidelity" in reply["limner"]["adjustments"][0]
    assert backend.requests[0].input_fidelity is None


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_other_bodies_are_refused(content_type: str) -> None:
    async with (
        door(editor()) as url,
        aiohttp.ClientSession() as session,
        session.post(url + PATH, data=b"x", headers={"Content-Type": content_type}) as reply,
    ):
        assert reply.status == 415
        assert "multipart/form-data" in (await reply.json())["error"]["message"]


async def test_without_a_back_end_it_says_so() -> None:
    status, reply = await ask(None, form(("image", PNG.content)))
    assert (status, reply["error"]["code"]) == (400, "image_generation_disabled")
