"""Small real pictures for tests."""

from __future__ import annotations

from functools import cache
from io import BytesIO
from typing import Any

from PIL import Image

from limner.core.image import ImageData, ImageFormat


@cache
def picture(
    width: int = 8, height: int = 8, format: ImageFormat = "png", **options: Any
) -> ImageData:
    """A picture of one colour, written by Pillow."""
    file = BytesIO()
    mode = "RGBA" if options.pop("alpha", False) else "RGB"
    Image.new(mode, (width, height), "orange").save(file, format, **options)
    return ImageData(file.getvalue(), format)
