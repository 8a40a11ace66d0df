"""The picture that an edit starts from: read, checked, and brought to the sizes of the plan.

What may change is told by a mask's alpha, or without a mask by the picture's own: 0 is painted, 255
stays as it is, what is between is blended. Only what stays must be kept at full size.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from io import BytesIO

import numpy as np
from PIL import Image, ImageOps

from limner.core.errors import ImageError
from limner.core.image import ImageData, ImageRequest, Size
from limner.engine.model import ModelFacts
from limner.engine.params import Plan, plan
from limner.engine.refusal import refused

MAX_SOURCE_PX = 33_000_000
HALF = 128
"""Alpha below it is to be painted by the model, as Diffusers rounds masks."""


@dataclass(frozen=True, slots=True)
class Cover:
    """What of the source lies over the result, in the size of the delivered picture.

    picture: RGB. free: L; 0 where the source stays to the pixel, 255 where nothing of it does.
    """

    picture: Image.Image
    free: Image.Image


@dataclass(frozen=True, slots=True)
class Source:
    """picture: RGB, of the painted size. cover: None where all of it may change.

    others: further pictures that the model looks at, RGB, each of its own size.
    """

    picture: Image.Image
    cover: Cover | None = None
    others: tuple[Image.Image, ...] = ()


def plan_edit(request: ImageRequest, model: ModelFacts, fresh_seed: int) -> tuple[Plan, Source]:
    """Read the source of a request that has one and decide on both.

    Blocks for as long as decoding takes. Raises ImageError, status 400, with `param`.
    """
    _check_sources(request, model)
    picture = _decoded("image", request.images[0])
    others = tuple(_other(k, image, model) for k, image in enumerate(request.images) if k)
    free = None if others or model.masks == "no" else _free(picture, request.mask)
    size = Size(*picture.size)
    decided = plan(request, model, fresh_seed, size, masked=free is not None)
    if _loses_transparency(picture, free):
        said = "the source was laid on white where it is transparent, which this model cannot paint"
        decided = replace(decided, adjustments=(*decided.adjustments, said))
    is_own_mask = free is not None and request.mask is None
    source = _fitted(picture if is_own_mask else _opaque(picture), free, decided)
    return decided, replace(source, others=others)


def _check_sources(request: ImageRequest, model: ModelFacts) -> None:
    """That the model edits what was sent, before any of it is read."""
    name, count = model.name, len(request.images)
    if model.edits == "no" and (model.masks == "no" or not request.mask):
        how = "only what a mask leaves free of a picture" if model.masks != "no" else "no pictures"
        raise refused("image", f"{name!r} edits {how}", code="not_supported")
    if request.mask and model.masks == "no":
        raise refused(
            "mask", f"{name!r} edits whole pictures and takes no mask", code="not_supported"
        )
    most = 1 if request.mask else model.max_images
    if count > most:
        beside = " beside a mask" if request.mask else ""
        takes = "one" if most == 1 else f"at most {most}"
        raise refused("image", f"too many images: {name!r} takes {takes}{beside}, got {count}")


def _other(position: int, image: ImageData, model: ModelFacts) -> Image.Image:
    """A picture to look at, as large as the model's own at most."""
    picture = _opaque(_decoded(f"image[{position}]", image))
    picture.thumbnail((model.max_edge_px, model.max_edge_px), Image.Resampling.LANCZOS)
    return picture


def _decoded(param: str, image: ImageData) -> Image.Image:
    """RGB, or RGBA where it has transparency; upright."""
    try:
        picture = Image.open(BytesIO(image.content), formats=(image.format,))
        _check_area(param, picture)
        ImageOps.exif_transpose(picture, in_place=True)
        return picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    except ImageError:
        raise
    except Exception as error:  # parsers of foreign bytes raise whatever they stumble over
        raise refused(param, f"{param} cannot be read as {image.format}: {error}") from error


def _check_area(param: str, picture: Image.Image) -> None:
    """By the header: nothing is decoded yet."""
    if picture.width * picture.height > MAX_SOURCE_PX:
        most = MAX_SOURCE_PX // 10**6
        raise refused(param, f"{param} may have {most} million pixels, got {Size(*picture.size)}")


def _free(picture: Image.Image, mask: ImageData | None) -> Image.Image | None:
    """Where the picture may change, 255 for wholly; None for everywhere."""
    if mask is None:
        alpha = picture.getchannel("A") if picture.mode == "RGBA" else None
    else:
        alpha = _alpha(mask, Size(*picture.size))
    if alpha is None or np.asarray(alpha).min() >= HALF:
        return None
    return ImageOps.invert(alpha)


def _alpha(mask: ImageData, size: Size) -> Image.Image:
    """The mask's alpha; refused where it is not as large as the picture or lets nothing change."""
    shape = _decoded("mask", mask)
    if Size(*shape.size) != size:
        raise refused(
            "mask", f"mask must be as large as the picture, {size}, got {Size(*shape.size)}"
        )
    alpha = shape.getchannel("A") if shape.mode == "RGBA" else None
    if alpha is None or np.asarray(alpha).min() >= HALF:
        raise refused(
            "mask", f"mask must have pixels with alpha 0 (at least below {HALF}): what may change"
        )
    return alpha


def _loses_transparency(picture: Image.Image, free: Image.Image | None) -> bool:
    """Whether it is transparent anywhere that is not painted anew."""
    if picture.mode == "RGB":
        return False
    seen_through = 255 - np.asarray(picture.getchannel("A"))
    return bool((seen_through > (0 if free is None else np.asarray(free))).any())


def _opaque(picture: Image.Image) -> Image.Image:
    """Over white where it is transparent."""
    if picture.mode == "RGB":
        return picture
    ground = Image.new("RGB", picture.size, "white")
    ground.paste(picture, mask=picture.getchannel("A"))
    return ground


def _fitted(picture: Image.Image, free: Image.Image | None, decided: Plan) -> Source:
    """Cut to the delivered shape, then scaled to the painted size, stretched where they differ.

    The way back out is the same stretch, so that everything lies where it lay.
    """
    size = (decided.size.width, decided.size.height)
    painted = (decided.painted.width, decided.painted.height)
    whole = _cut(picture, size)
    small = _filled(whole.resize(painted, Image.Resampling.LANCZOS))
    return Source(small, Cover(whole.convert("RGB"), _cut(free, size)) if free else None)


def _filled(picture: Image.Image) -> Image.Image:
    """What is transparent takes the colours around it, the coarser the farther away.

    Any other ground would show through the VAE as an edge, which the model would then paint on.
    """
    if picture.mode == "RGB":
        return picture
    ground = picture.reduce(picture.size).convert("RGB").resize(picture.size)
    for power in range(max(picture.size).bit_length() - 1, 0, -1):
        coarse = picture.reduce(2**power).resize(picture.size, Image.Resampling.BILINEAR)
        ground.paste(coarse, mask=coarse.getchannel("A"))
    ground.paste(picture, mask=picture.getchannel("A"))
    return ground


def _cut(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    if picture.size == size:
        return picture
    return ImageOps.fit(picture, size, Image.Resampling.LANCZOS)
