from __future__ import annotations

import pybase64
import pytest

from limner.core.errors import InvalidRequest
from limner.core.image import ImageData
from limner.wire import pictures
from limner.wire.pictures import (
    is_elsewhere,
    picture,
    shown_picture,
    sniff,
    stored_picture,
    to_base64,
)

BEGINNINGS = {
    "png": b"\x89PNG\r\n\x1a\n",
    "jpeg": b"\xff\xd8\xff\xe0",
    "webp": b"RIFF\x00\x00\x00\x00WEBPVP8 ",
    "gif": b"GIF89a",
    "bmp": b"BM\x3a\x00\x00\x00\x00\x00\x00\x00",
    "tiff": b"II*\x00",
}


def url(content: bytes, label: str = "data:image/png;base64,") -> str:
    return label + pybase64.b64encode(content).decode()


def refusal(image_url: str) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        shown_picture(image_url, "here", {})
    assert caught.value.param == "here"
    return caught.value


@pytest.mark.parametrize(("kind", "content"), BEGINNINGS.items())
def test_the_first_bytes_say_what_a_picture_is(kind: str, content: bytes) -> None:
    assert sniff(content) == kind


@pytest.mark.parametrize(
    "content", [b"", b"BM", b"RIFF....WAVE", b"<svg>", b"\x89PNG", b"BMW is a car."]
)
def test_anything_else_is_no_picture(content: bytes) -> None:
    assert sniff(content) is None


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
def test_the_bytes_win_over_a_label_that_lies(kind: str) -> None:
    content = BEGINNINGS[kind]
    address = url(content, "DATA:image/x-whatever;name=x;BASE64,")
    assert shown_picture(address, "here", {}) == ImageData(content, kind)  # type: ignore[arg-type]
    assert not is_elsewhere(address)


ELSEWHERE = [
    *(url(BEGINNINGS[kind]) for kind in ("gif", "bmp", "tiff")),
    url(b"MM\x00*", "data:image/tiff;base64,"),
    "https://example.com/a.png",
    "HTTP://[::1]:80/x",
]


@pytest.mark.parametrize("address", ELSEWHERE)
def test_pictures_elsewhere_and_of_other_formats_are_what_was_found_of_them(address: str) -> None:
    image = ImageData(BEGINNINGS["png"], "png")
    assert is_elsewhere(address)
    assert shown_picture(address, "here", {address: image}) is image


@pytest.mark.parametrize("address", ELSEWHERE)
def test_what_was_not_found_is_refused_with_a_way_out(address: str) -> None:
    error = refusal(address)
    assert error.code == "unsupported_image_source"
    way_out = "as PNG, JPEG or WebP." if address.startswith("data:") else "as a data URL."
    assert error.message.endswith(f"Send the picture {way_out}")


def test_only_some_formats_are_read_everywhere() -> None:
    read = {kind for kind, content in BEGINNINGS.items() if picture(content)}
    assert read == {"png", "jpeg", "webp"}


@pytest.mark.parametrize(
    "address",
    [
        "",
        "iVBORw0KGgo=",
        "file:///etc/passwd",
        "ftp://example.com/a.png",
        "https://",
        "https:///a.png",
        "http://[::1",
        "https://example.com/" + "a" * 8192,
    ],
)
def test_what_is_neither_data_nor_an_address_is_refused(address: str) -> None:
    error = refusal(address)
    assert not is_elsewhere(address)
    assert error.code == "invalid_value"
    assert "Expected a valid URL, but got a value with an invalid format." in error.message


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("data:text/plain;base64,aGk=", "a data URL whose media type is an image's"),
        ("data:,hi", "a data URL whose media type is an image's"),
        ("data:image/png,hi", "of the form data:image/png;base64,<data>"),
        ("data:image/png;base64", "of the form data:image/png;base64,<data>"),
        ("data:image/png;base64,a*b=", "a base64-encoded image"),
        (url(BEGINNINGS["gif"] + bytes(40)) + "*", "a base64-encoded image"),
        ("data:image/png;base64,abc", "a base64-encoded image"),
        ("data:image/png;base64,ä", "a base64-encoded image"),
        ("data:image/png;base64,aGVsbG8=", "the data of a PNG, JPEG, WebP, GIF, BMP or TIFF image"),
        ("data:image/png;base64,", "the data of a PNG, JPEG, WebP, GIF, BMP or TIFF image"),
    ],
)
def test_a_data_url_without_picture_is_refused_with_what_it_lacks(
    address: str, expected: str
) -> None:
    error = refusal(address)
    assert not is_elsewhere(address)
    assert error.code == "invalid_value"
    assert expected in error.message


def test_a_picture_may_be_as_large_as_the_limit_and_no_larger(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pictures, "MAX_IMAGE_BYTES", 30)
    content = BEGINNINGS["png"].ljust(30, b"x")
    assert shown_picture(url(content), "here", {}) == ImageData(content, "png")
    error = refusal(url(content + b"xyz"))
    assert error.code == "image_file_too_large"
    assert error.message == "The picture is too large: expected at most 30 bytes, got 33."


def test_base64_of_a_picture_is_read_back() -> None:
    image = ImageData(BEGINNINGS["jpeg"], "jpeg")
    assert stored_picture(to_base64(image), "here") == image
