"""The size of a picture as its header has it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.core.image import FORMATS, ImageData, ImageFormat, Size
from limner.wire.picture_size import has_alpha, measure
from tests.pictures import picture

KINDS: list[tuple[ImageFormat, dict[str, Any]]] = [
    ("png", {}),
    ("jpeg", {}),
    ("jpeg", {"progressive": True}),
    ("jpeg", {"comment": b"a comment"}),
    ("webp", {}),
    ("webp", {"lossless": True}),
    ("webp", {"exif": b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0"}),
]


@pytest.mark.parametrize(("format", "options"), KINDS)
def test_a_header_says_width_and_height(format: ImageFormat, options: dict[str, Any]) -> None:
    assert measure(picture(300, 17, format, **options)) == Size(300, 17)


@pytest.mark.parametrize(("format", "options"), KINDS)
def test_a_picture_cut_in_its_header_has_no_size(
    format: ImageFormat, options: dict[str, Any]
) -> None:
    content = picture(300, 17, format, **options).content
    sizes = {measure(ImageData(content[:length], format)) for length in range(len(content))}
    assert sizes <= {None, Size(300, 17)}
    assert measure(ImageData(content[:22], format)) is None


JPEG_TAIL = b"\xff\xc0\x00\x11\x08\x00\x11\x01\x2c"


@pytest.mark.parametrize(
    ("content", "size"),
    [
        (b"\xff\xd8" + JPEG_TAIL, Size(300, 17)),
        (b"\xff\xd8\xff\xff" + JPEG_TAIL, Size(300, 17)),
        (b"\xff\xd8\xff\x01\xff\xd0" + JPEG_TAIL, Size(300, 17)),
        (b"\xff\xd8\xff\xfe\x00\x00" + JPEG_TAIL, Size(300, 17)),
        (b"\xff\xd8\xff\xda\x00\x02" + JPEG_TAIL, None),
        (b"\xff\xd8\x00\x00" + JPEG_TAIL, None),
        (b"\xff\xd8" + JPEG_TAIL[:-2], None),
    ],
)
def test_a_jpeg_is_searched_for_its_frame(content: bytes, size: Size | None) -> None:
    assert measure(ImageData(content, "jpeg")) == size


def test_nothing_of_no_pixels_is_a_picture() -> None:
    content = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(4) + b"\0\0\0\x01"
    assert measure(ImageData(content, "png")) is None


@given(st.binary(max_size=64), st.sampled_from(FORMATS))
def test_any_bytes_have_a_size_or_none(content: bytes, format: ImageFormat) -> None:
    heads: dict[ImageFormat, bytes] = {"png": b"", "jpeg": b"\xff\xd8", "webp": b"RIFF----WEBPVP8"}
    measure(ImageData(heads[format] + content, format))


ALPHA: list[tuple[ImageFormat, dict[str, Any], bool]] = [
    ("png", {}, False),
    ("png", {"alpha": True}, True),
    ("png", {"transparency": (255, 165, 0)}, True),
    ("jpeg", {}, False),
    ("webp", {}, False),
    ("webp", {"lossless": True}, False),
    ("webp", {"alpha": True}, True),
    ("webp", {"alpha": True, "lossless": True}, True),
    ("webp", {"exif": b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0"}, False),
]


@pytest.mark.parametrize(("format", "options", "expected"), ALPHA)
def test_headers_say_whether_there_is_an_alpha_channel(
    format: ImageFormat, options: dict[str, Any], expected: bool
) -> None:
    assert has_alpha(picture(300, 17, format, **options)) == expected


@pytest.mark.parametrize(("format", "options", "expected"), ALPHA)
def test_a_file_cut_in_its_header_has_no_alpha_channel(
    format: ImageFormat, options: dict[str, Any], expected: bool
) -> None:
    content = picture(300, 17, format, **options).content
    assert not any(has_alpha(ImageData(content[:length], format)) for length in range(20))
    assert {has_alpha(ImageData(content[:n], format)) for n in range(20, 60)} <= {False, expected}
