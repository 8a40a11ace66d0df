"""How many pictures, and how large ones, one request may hold."""

from __future__ import annotations

from typing import Any

import pybase64
import pytest

from limner.core.image import ImageData, ImageFormat
from limner.core.items import ImagePart
from limner.wire.anthropic_pictures import MAX_CHARS, PictureAlbum
from tests.pictures import picture


def png(width: int = 8, height: int = 8, length: int = 0) -> ImagePart:
    """The head of a PNG; nothing here reads more."""
    edges = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    head = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + edges
    return ImagePart(ImageData(head.ljust(length, b"\0"), "png"))


def filled(*parts: ImagePart, vision: bool = True) -> list[Any]:
    content: list[Any] = [*parts]
    PictureAlbum(vision=vision).fill(content)
    return content


def kinds(*parts: ImagePart) -> list[str]:
    """What became of each picture: `image`, or why it was left out."""
    return [
        block["type"] if block["type"] == "image" else block["text"].rpartition(": ")[2][:-1]
        for block in filled(*parts)
    ]


@pytest.mark.parametrize("format", ["png", "jpeg", "webp"])
def test_the_media_type_is_that_of_the_bytes(format: ImageFormat) -> None:
    content = picture(format=format).content
    (block,) = filled(ImagePart(ImageData(content, "webp" if format == "png" else "png")))
    data = pybase64.b64encode(content).decode()
    source = {"type": "base64", "media_type": f"image/{format}", "data": data}
    assert block == {"type": "image", "source": source}


def test_bytes_of_an_unknown_kind_keep_their_label() -> None:
    (block,) = filled(ImagePart(ImageData(b"odd", "png")))
    assert block["source"] == {"type": "base64", "media_type": "image/png", "data": "b2Rk"}


@pytest.mark.parametrize(
    ("part", "name"),
    [
        (png(16, 9), "a png picture of 16x9 px"),
        (ImagePart(ImageData(b"odd", "png")), "a png picture of 3 bytes"),
    ],
)
def test_a_model_without_eyes_is_told_what_it_misses(part: ImagePart, name: str) -> None:
    (block,) = filled(part, vision=False)
    assert block == {"type": "text", "text": f"[{name}, which you cannot see]"}


@pytest.mark.parametrize("part", [png(8001, 1), png(1, 8001)])
def test_an_edge_may_be_too_long(part: ImagePart) -> None:
    assert kinds(png(8000, 8000), part) == ["image", "no edge may exceed 8000 px"]


def test_a_file_may_be_too_large() -> None:
    limit = 5 * 1024 * 1024 // 4 * 3
    assert kinds(png(length=limit), png(length=limit + 1)) == [
        "image",
        f"its file may have {limit} bytes at most",
    ]


def test_the_latest_hundred_are_shown() -> None:
    shown = kinds(*[png()] * 102)
    assert shown == ["only the latest 100 pictures can be shown"] * 2 + ["image"] * 100


@pytest.mark.parametrize("large", [png(2001, 8), png(8, 2001)])
def test_among_many_pictures_no_edge_may_be_long(large: ImagePart) -> None:
    why = "beyond 20 pictures no edge may exceed 2000 px"
    assert kinds(*[png()] * 3, large, *[png()] * 19) == [why] * 3 + ["image"] * 20
    assert kinds(png(), large, *[png(2000, 2000)] * 20) == ["image", why] + ["image"] * 20


def test_pictures_of_unknown_size_are_few() -> None:
    unknown = ImagePart(ImageData(b"odd", "png"))
    assert kinds(*[png()] * 3, *[unknown] * 20)[:4] == [
        *["beyond 20 pictures no edge may exceed 2000 px"] * 3,
        "image",
    ]


def test_earlier_pictures_give_way_when_the_request_is_full() -> None:
    large = png(length=3_600_000)
    shown = kinds(png(), *[large] * 8)
    assert shown == [
        "image",
        *["later pictures have used the room that there is"] * 2,
        *["image"] * 6,
    ]
    assert 6 * 4_800_000 < MAX_CHARS < 7 * 4_800_000


def test_pictures_inside_results_count_and_are_told_apart_by_their_place() -> None:
    result = {"type": "tool_result", "tool_use_id": "a", "content": [png(), png()]}
    text = {"type": "text", "text": "hi"}
    content: list[Any] = [result, text, *[png()] * 99]
    album = PictureAlbum(vision=True)
    album.fill(content)
    inside: Any = result["content"]
    assert album.left_out == 1
    assert [block["type"] for block in inside] == ["text", "image"]
    assert content[1] is text
