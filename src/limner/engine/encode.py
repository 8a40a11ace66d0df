"""From pixels to the bytes of an image file."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from limner.core.image import ImageData
from limner.engine.params import Plan
from limner.engine.png import png
from limner.engine.source import Cover

_WEBP_EFFORT = 4
"""Pillow's own. The least, 0, takes a quarter of the time and makes a file a third larger."""


def encode(
    pixels: Any, plan: Plan, cover: Cover | None = None, *, preview: bool = False
) -> ImageData:
    """Write one picture in the format, size and quality that were asked for.

    pixels: uint8, (height, width, 3), of the painted size or, for a preview, maybe smaller. They
    are resized with Lanczos; where the shape of a new picture differs, what overhangs is cut off
    evenly, and an edit goes back the way that its source came.
    cover: what lies over them, to the pixel. preview: time counts for more than bytes.
    """
    filtered = Image.Resampling.BILINEAR if preview else Image.Resampling.LANCZOS
    image = _sized(Image.fromarray(pixels), plan, filtered)
    if cover:
        image = Image.composite(image, cover.picture, cover.free)
    if plan.format == "png":
        return ImageData(png(np.asarray(image)), "png")
    out = BytesIO()
    # Pillow's JPEG would read 0 as "choose for me".
    effort = 0 if preview else _WEBP_EFFORT
    image.save(out, plan.format, quality=max(1, plan.compression), method=effort)
    return ImageData(out.getvalue(), plan.format)


def _sized(image: Image.Image, plan: Plan, filtered: Image.Resampling) -> Image.Image:
    size = (plan.size.width, plan.size.height)
    if image.size == size:
        return image
    if not plan.is_edit:
        return ImageOps.fit(image, size, filtered)
    return image.resize(size, filtered)
