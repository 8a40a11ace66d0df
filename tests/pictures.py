"""Small real pictures for tests."""

from __future__ import annotations

from functools import cache
from io import BytesIO
from typing import Any

from PIL import Image

from limner.core.image import ImageData, ImageFormat
from limner.wire.picture_metadata import strip


@cache
def picture(
    width: int = 8, height: int = 8, format: ImageFormat = "png", **options: Any
) -> ImageData:
    """A picture of one colour, written by Pillow; with alpha=True all of it is transparent."""
    file = BytesIO()
    is_clear = options.pop("alpha", False)
    mode, colour = ("RGBA", "#ffa50000") if is_clear else ("RGB", "orange")
    Image.new(mode, (width, height), colour).save(file, format, **options)
    return ImageData(file.getvalue(), format)


def unmarked(content: bytes) -> bytes:
    """A delivered file without what the server has written into it."""
    with Image.open(BytesIO(content)) as opened:
        formats: dict[str | None, ImageFormat] = {"PNG": "png", "JPEG": "jpeg", "WEBP": "webp"}
        return strip(ImageData(content, formats[opened.format])).content
