"""From options as asked to options as used: every rule about a request's options, without torch.

What cannot be done is refused by name; what is done otherwise is said in `adjustments`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from limner.core.errors import ImageError
from limner.core.image import (
    FORMATS,
    MAX_PARTIAL_IMAGES,
    ImageCapabilities,
    ImageFormat,
    ImageRequest,
    Resolved,
    Size,
)
from limner.engine.model import PATCH_PX, ModelFacts

MAX_STEPS = 50
MAX_GUIDANCE = 20.0
MAX_N = 10
SEEDS = 2**32
OPENAI_FAMILIES = ("gpt-image-", "chatgpt-image-", "dall-e-")


@dataclass(frozen=True, slots=True)
class Plan:
    """One request, decided.

    painted: size inside the model. size: size of the delivered picture; resized where they differ.
    seeds: one for each picture.
    compression: quality of jpeg and webp, 0 to 100; png has none.
    """

    prompt: str
    painted: Size
    size: Size
    steps: int
    guidance: float
    seeds: tuple[int, ...]
    format: ImageFormat
    compression: int
    partial_images: int
    model: str
    adjustments: tuple[str, ...] = ()

    @property
    def image_tokens(self) -> int:
        """Tokens of one picture, as the model sees it."""
        return (self.painted.width // PATCH_PX) * (self.painted.height // PATCH_PX)

    def resolved(self, picture: int) -> Resolved:
        """What the client is told of picture number `picture`."""
        return Resolved(
            size=self.size,
            background="opaque",
            output_format=self.format,
            seed=self.seeds[picture],
            steps=self.steps,
            model=self.model,
            adjustments=self.adjustments,
        )


def capabilities(model: ModelFacts) -> ImageCapabilities:
    return ImageCapabilities(
        name=model.name,
        formats=FORMATS,
        sizes=model.buckets or (model.native_size,),
        size_multiple=1 if model.buckets else PATCH_PX,
        min_edge_px=model.min_edge_px,
        max_edge_px=model.max_edge_px,
        max_n=MAX_N,
        partial_images=True,
        progress=True,
        seed=True,
    )


def plan(request: ImageRequest, model: ModelFacts, fresh_seed: int) -> Plan:
    """Decide what is painted. fresh_seed is used where the client gave none.

    Raises ImageError, status 400 (404 for a model that is not here) with `param`.
    """
    said: list[str] = []
    if not request.prompt.strip():
        raise _refused("prompt", "prompt must not be empty")
    _check_model(request.model, model, said)
    _check_background(request.background)
    painted, size = _sizes(request.size, model, said)
    for name, asked in (("quality", request.quality), ("moderation", request.moderation)):
        if asked not in (None, "auto"):
            said.append(f"{name} {asked!r} changes nothing: {_NO_EFFECT[name]}")
    format = request.output_format or "png"
    return Plan(
        prompt=request.prompt,
        painted=painted,
        size=size,
        steps=_whole("steps", request.steps, model.steps, 1, MAX_STEPS),
        guidance=_guidance(request.guidance_scale, model),
        seeds=_seeds(request, fresh_seed),
        format=format,
        compression=_compression(request.output_compression, format, said),
        partial_images=_whole("partial_images", request.partial_images, 0, 0, MAX_PARTIAL_IMAGES),
        model=model.name,
        adjustments=tuple(said),
    )


_NO_EFFECT = {
    "quality": "this engine has one quality",
    "moderation": "this engine has no content filter",
}


def _refused(
    param: str, message: str, *, code: str = "invalid_value", status: int = 400
) -> ImageError:
    return ImageError(
        message, code=code, type="image_generation_user_error", status=status, param=param
    )


def _check_model(asked: str | None, model: ModelFacts, said: list[str]) -> None:
    if asked in (None, model.name):
        return
    if not asked.startswith(OPENAI_FAMILIES):
        raise _refused(
            "model",
            f"model {asked!r} is not loaded; this engine serves {model.name!r}",
            code="model_not_found",
            status=404,
        )
    said.append(f"painted by {model.name!r}, the model loaded here, instead of {asked!r}")


def _check_background(asked: str | None) -> None:
    if asked not in (None, "auto", "opaque"):
        raise _refused(
            "background",
            f"background {asked!r} cannot be painted; accepted are 'opaque' and 'auto'",
            code="not_supported",
        )


def _sizes(asked: Size | None, model: ModelFacts, said: list[str]) -> tuple[Size, Size]:
    """The painted size and the delivered one."""
    if asked is None:
        return model.native_size, model.native_size
    low, high = model.min_edge_px, model.max_edge_px
    if not (low <= asked.width <= high and low <= asked.height <= high):
        raise _refused("size", f"both edges must be {low} to {high} px, got {asked}")
    if not model.buckets:
        size = Size(_rounded(asked.width, low, high), _rounded(asked.height, low, high))
        if size != asked:
            said.append(f"size {asked} was rounded to {size}, multiples of {PATCH_PX} px")
        return size, size
    painted = nearest_bucket(asked, model.buckets)
    if painted != asked:
        larger = asked.width * asked.height > painted.width * painted.height
        verb = "enlarged" if larger else "reduced"
        said.append(f"painted at {painted}, a size of {model.name!r}, and {verb} to {asked}")
    return painted, asked


def nearest_bucket(asked: Size, buckets: tuple[Size, ...]) -> Size:
    """The bucket of the nearest shape; of those equal in shape, the nearest in area."""

    def distance(bucket: Size) -> tuple[float, float]:
        shape = math.log(bucket.width * asked.height / (bucket.height * asked.width))
        area = math.log(bucket.width * bucket.height / (asked.width * asked.height))
        return round(abs(shape), 6), abs(area)

    return min(buckets, key=distance)


def _rounded(edge: int, low: int, high: int) -> int:
    """The nearest multiple of the patch that stays within the bounds, themselves multiples."""
    return min(max(PATCH_PX * round(edge / PATCH_PX), low), high)


def _whole(name: str, asked: int | None, default: int, low: int, high: int) -> int:
    value = default if asked is None else asked
    if not low <= value <= high:
        raise _refused(name, f"{name} must be {low} to {high}, got {value}")
    return value


def _guidance(asked: float | None, model: ModelFacts) -> float:
    value = model.guidance if asked is None else asked
    if not 0 <= value <= MAX_GUIDANCE:  # false for NaN as well
        raise _refused("guidance_scale", f"guidance_scale must be 0 to {MAX_GUIDANCE}, got {value}")
    return value


def _seeds(request: ImageRequest, fresh_seed: int) -> tuple[int, ...]:
    count = _whole("n", request.n, 1, 1, MAX_N)
    first = _whole("seed", request.seed, fresh_seed % SEEDS, 0, SEEDS - 1)
    return tuple((first + k) % SEEDS for k in range(count))


def _compression(asked: int | None, format: ImageFormat, said: list[str]) -> int:
    value = _whole("output_compression", asked, 100, 0, 100)
    if format == "png" and value != 100:
        said.append(f"output_compression {value} changes nothing: png keeps every pixel")
    return value
