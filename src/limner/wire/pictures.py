"""Pictures as text: base64, data URLs, and what their first bytes say they are.

What a label claims (MIME type, `output_format`) is never trusted; the bytes decide.
"""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit

import pybase64

from limner.core.errors import InvalidRequest
from limner.core.image import ImageData
from limner.wire.fields import invalid_value

MAX_IMAGE_BYTES = 20 * 1024 * 1024
MAX_URL = 8192

SniffedFormat = Literal["png", "jpeg", "webp", "gif"]


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
    return None


def to_base64(image: ImageData) -> str:
    return pybase64.b64encode_as_string(image.content)


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
    content = from_base64(text, path)
    kind = sniff(content)
    if kind is None or kind == "gif":
        raise invalid_value(path, text, "a base64-encoded PNG, JPEG or WebP image")
    return ImageData(content, kind)


def shown_picture(url: str, path: str) -> ImageData | str:
    """The `image_url` of an input image: decoded when it carries the bytes, else the URL itself.

    A GIF stays the data URL that it came as: models can look at it, nothing here paints it.
    """
    scheme = url[:8].lower()
    if scheme.startswith("data:"):
        return _from_data_url(url, path)
    if scheme.startswith(("http://", "https://")) and len(url) <= MAX_URL and _has_host(url):
        return url
    raise InvalidRequest(
        "Invalid value. Expected a valid URL, but got a value with an invalid format. "
        f"Accepted are data URLs of images and http(s) URLs of at most {MAX_URL} characters.",
        param=path,
        code="invalid_value",
    )


def _from_data_url(url: str, path: str) -> ImageData | str:
    head, comma, payload = url.partition(",")
    media_type, *attributes = head[len("data:") :].lower().split(";")
    if not media_type.startswith("image/"):
        raise invalid_value(path, media_type, "a data URL whose media type is an image's")
    if not comma or "base64" not in attributes:
        raise invalid_value(path, head, "a data URL of the form data:image/png;base64,<data>")
    content = from_base64(payload, path)
    match sniff(content):
        case None:
            raise invalid_value(path, head, "the data of a PNG, JPEG, WebP or GIF image")
        case "gif":
            return f"data:image/gif;base64,{payload}"
        case kind:
            return ImageData(content, kind)


def _has_host(url: str) -> bool:
    try:
        return bool(urlsplit(url).hostname)
    except ValueError:
        return False
