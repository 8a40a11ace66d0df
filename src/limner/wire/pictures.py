"""Pictures as text: base64, data URLs, and what their first bytes say they are.

What a label claims (MIME type, `output_format`) is never trusted; the bytes decide.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal
from urllib.parse import urlsplit

import pybase64

from limner.core.errors import InvalidRequest
from limner.core.image import ImageData
from limner.wire.fields import cut, invalid_value

MAX_IMAGE_BYTES = 20 * 1024 * 1024
MAX_URL = 8192

SniffedFormat = Literal["png", "jpeg", "webp", "gif", "bmp", "tiff"]

_DATA = "data:"
_WEB = ("http://", "https://")
_HEAD_CHARS = 32


def sniff(content: bytes) -> SniffedFormat | None:
    """What kind of picture these bytes begin; None for anything else."""
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if content.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if content.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "webp"
    if content[:2] == b"BM" and content[6:10] == bytes(4):
        return "bmp"
    if content.startswith((b"II*\x00", b"MM\x00*")):
        return "tiff"
    return None


def picture(content: bytes) -> ImageData | None:
    """These bytes as a picture of a format that every part here reads; None for all others."""
    match sniff(content):
        case "png" | "jpeg" | "webp" as kind:
            return ImageData(content, kind)
        case _:
            return None


def to_base64(image: ImageData) -> str:
    return pybase64.b64encode_as_string(image.content)


def data_url(image: ImageData) -> str:
    return f"data:{image.media_type};base64,{to_base64(image)}"


def from_base64(text: str, path: str) -> bytes:
    """Decode one picture; raises InvalidRequest at `path` when it is broken or too large."""
    size = len(text) // 4 * 3 - text[-2:].count("=")
    if size > MAX_IMAGE_BYTES:
        raise InvalidRequest(
            f"The picture is too large: expected at most {MAX_IMAGE_BYTES} bytes, got {size}.",
            param=path,
            code="image_file_too_large",
        )
    try:
        return pybase64.b64decode(text, validate=True)
    except ValueError:
        raise invalid_value(path, text, "a base64-encoded image") from None


def stored_picture(text: str, path: str) -> ImageData:
    """The `result` of an image call that a client sends back."""
    image = picture(from_base64(text, path))
    if image is None:
        raise invalid_value(path, text, "a base64-encoded PNG, JPEG or WebP image")
    return image


def shown_picture(url: str, path: str, found: Mapping[str, ImageData]) -> ImageData:
    """The picture of an `image_url`: the bytes that it carries, or what was found under it.

    found: by URL; see `is_elsewhere`. Raises InvalidRequest at `path`.
    """
    if url in found:
        return found[url]
    if url[: len(_DATA)].lower() == _DATA:
        image = picture(data_of(url, path))
        if image is not None:
            return image
        why = "Send the picture as PNG, JPEG or WebP"
    elif _is_address(url):
        why = "Send the picture as a data URL"
    else:
        raise InvalidRequest(
            "Invalid value. Expected a valid URL, but got a value with an invalid format. "
            f"Accepted are data URLs of images and http(s) URLs of at most {MAX_URL} characters.",
            param=path,
            code="invalid_value",
        )
    raise InvalidRequest(
        f"The picture at {cut(url)!r} could not be had here. {why}.",
        param=path,
        code="unsupported_image_source",
    )


def is_elsewhere(url: str) -> bool:
    """Whether the picture must be found before it can be read.

    So it is with http(s) URLs, and with data URLs of formats (gif, bmp, tiff) that are rewritten
    first. Never raises.
    """
    if url[: len(_DATA)].lower() != _DATA:
        return _is_address(url)
    payload = url.partition(",")[2]
    try:
        if sniff(pybase64.b64decode(payload[:_HEAD_CHARS])) not in ("gif", "bmp", "tiff"):
            return False
        data_of(url, "")
    except (ValueError, InvalidRequest):
        return False
    return True


def data_of(url: str, path: str) -> bytes:
    """The bytes of a picture's data URL; raises InvalidRequest at `path` for anything else."""
    head, comma, payload = url.partition(",")
    media_type, *attributes = head[len(_DATA) :].lower().split(";")
    if not media_type.startswith("image/"):
        raise invalid_value(path, media_type, "a data URL whose media type is an image's")
    if not comma or "base64" not in attributes:
        raise invalid_value(path, head, "a data URL of the form data:image/png;base64,<data>")
    content = from_base64(payload, path)
    if sniff(content) is None:
        raise invalid_value(path, head, "the data of a PNG, JPEG, WebP, GIF, BMP or TIFF image")
    return content


def _is_address(url: str) -> bool:
    if not url[:8].lower().startswith(_WEB) or len(url) > MAX_URL:
        return False
    try:
        return bool(urlsplit(url).hostname)
    except ValueError:
        return False
