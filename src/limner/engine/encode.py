"""From pixels to the bytes of an image file that says how it was made."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from limner.core.image import ImageData
from limner.engine.params import Plan
from limner.engine.png import png
from limner.engine.source import Cover

SOFTWARE = "Limner (made by AI)"
_EXIF_DESCRIPTION, _EXIF_SOFTWARE = 0x010E, 0x0131
_EXIF_BYTES = 32_000
"""A JPEG segment ends at 64 kB."""


def encode(pixels: Any, plan: Plan, picture: int, cover: Cover | None = None) -> ImageData:
    """Write one picture in the format, size and quality that were asked for.

    pixels: uint8, (height, width, 3), of the painted size or, for a preview, half of it. They are
    resized with Lanczos; where the shape of a new picture differs, what overhangs is cut off
    evenly, and an edit goes back the way that its source came.
    cover: what lies over them, to the pixel.
    PNG carries prompt, seed and the like as text; JPEG and WebP carry a line of it as Exif.
    """
    image = _sized(Image.fromarray(pixels), plan)
    if cover:
        image = Image.composite(image, cover.picture, cover.free)
    facts = _facts(plan, picture)
    if plan.format == "png":
        return ImageData(png(np.asarray(image), facts), "png")
    out = BytesIO()
    # Pillow's JPEG would read 0 as "choose for me".
    image.save(out, plan.format, quality=max(1, plan.compression), exif=_exif(facts))
    return ImageData(out.getvalue(), plan.format)


def _sized(image: Image.Image, plan: Plan) -> Image.Image:
    size = (plan.size.width, plan.size.height)
    if image.size == size:
        return image
    if plan.strength is None:
        return ImageOps.fit(image, size, Image.Resampling.LANCZOS)
    return image.resize(size, Image.Resampling.LANCZOS)


def _facts(plan: Plan, picture: int) -> dict[str, str]:
    edit = {} if plan.strength is None else {"strength": str(plan.strength)}
    return {
        "Software": SOFTWARE,
        "prompt": plan.prompt,
        "seed": str(plan.seeds[picture]),
        "size": str(plan.painted),
        "model": plan.model,
        "steps": str(plan.steps),
        **edit,
    }


def _exif(facts: dict[str, str]) -> Image.Exif:
    exif = Image.Exif()
    exif[_EXIF_SOFTWARE] = facts["Software"]
    rest = (f"{key}: {value}" for key, value in facts.items() if key != "Software")
    # As bytes, since Pillow would write other letters than ASCII as question marks.
    exif[_EXIF_DESCRIPTION] = "; ".join(rest).encode()[:_EXIF_BYTES]
    return exif
