"""What a request only names is looked up, and what is not there is left to whoever reads it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pytest

from limner.core.errors import InvalidRequest
from limner.core.image import ImageData, ImageFormat
from limner.gateway.archive import Archive
from limner.wire.known import NOTHING_KNOWN, References
from limner.wire.pictures import to_base64
from tests.pictures import picture

PICTURE = picture()
GIF = b"GIF89a and so on"
GIF_URL = f"data:image/gif;base64,{to_base64(ImageData(GIF, 'png'))}"
WEB_URL = "https://x.example/a.png"
HI = {"type": "message", "role": "user", "content": "hi"}


class Uploads:
    """The port `Files`, with two uploads of Ann's."""

    async def picture(self, owner: str, file_id: str) -> bytes | None:
        return {"file-1": PICTURE.content, "file-2": GIF}.get(file_id) if owner == "ann" else None


class Conversations:
    async def items(self, owner: str, id: str) -> Sequence[Mapping[str, Any]] | None:
        return [HI] if (owner, id) == ("ann", "conv_1") else None


class PngCodec:
    """The port `Codec`: whatever it is, it becomes the same PNG."""

    async def readable(self, content: bytes) -> ImageData:
        assert content == GIF
        return PICTURE

    async def encode(
        self, image: ImageData, format: ImageFormat, compression: int | None = None
    ) -> ImageData:
        raise NotImplementedError

    async def thumbnail(self, image: ImageData, *, width_px: int) -> ImageData:
        raise NotImplementedError

    async def scaled(self, image: ImageData, *, max_edge_px: int, max_bytes: int) -> ImageData:
        raise NotImplementedError


async def fetch(urls: Collection[str]) -> Mapping[str, ImageData]:
    return {url: PICTURE for url in urls}


FULL = Archive(None, Conversations(), Uploads(), fetch, PngCodec())


async def test_nothing_named_is_nothing_known() -> None:
    assert await FULL.look_up("ann", References()) == NOTHING_KNOWN


async def test_uploads_are_found_and_made_readable() -> None:
    names = References(files=frozenset({"file-1", "file-2", "file-3"}))
    assert (await FULL.look_up("ann", names)).files == {"file-1": PICTURE, "file-2": PICTURE}
    assert (await FULL.look_up("bob", names)).files == {}


async def test_urls_are_fetched_and_data_read() -> None:
    names = References(urls=frozenset({WEB_URL, GIF_URL}))
    assert (await FULL.look_up("ann", names)).urls == {WEB_URL: PICTURE, GIF_URL: PICTURE}


async def test_where_there_is_nothing_nothing_is_found() -> None:
    names = References(
        items=frozenset({"ig_1"}), files=frozenset({"file-1"}), urls=frozenset({WEB_URL, GIF_URL})
    )
    assert await Archive().look_up("ann", names) == NOTHING_KNOWN


async def test_a_conversation_comes_first() -> None:
    assert (await FULL.look_up("ann", References(conversation="conv_1"))).history == [HI]


@pytest.mark.parametrize("archive", [FULL, Archive()])
@pytest.mark.parametrize("owner", ["bob", "ann"])
async def test_a_conversation_that_is_not_there_is_refused(archive: Archive, owner: str) -> None:
    name = "conv_1" if owner == "bob" else "conv_2"
    with pytest.raises(InvalidRequest) as caught:
        await archive.look_up(owner, References(conversation=name))
    assert (caught.value.status, caught.value.param) == (404, "conversation")


async def test_without_a_store_there_is_no_earlier_response() -> None:
    with pytest.raises(InvalidRequest) as caught:
        await FULL.look_up("ann", References(previous_response_id="resp_1"))
    assert caught.value.code == "previous_response_not_found"
