"""What `POST /generate` and `POST /generate/async` of the job API take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from limner.core.image import ImageCapabilities, ImageRequest, Size
from limner.core.job import JobOrder
from limner.wire.jobs_fields import (
    MAX_EDGE_PX,
    MAX_LABEL,
    MAX_ORIGINAL_PROMPT,
    MAX_PROMPT,
    MIN_EDGE_PX,
    Check,
    Faults,
)

_KNOWN = ("prompt", "original_prompt", "width", "height", "seed", "user_id", "chat_id")


@dataclass(frozen=True, slots=True)
class JobDefaults:
    """What a job gets where its client says nothing, as `/info` tells it.

    inference_steps: counted in Diffusers' way for Z-Image-Turbo, one more than forward passes; it
    and guidance_scale are the back end's own and only told.
    """

    size: Size
    inference_steps: int | None = None
    guidance_scale: float | None = None


def parse_job(
    body: Mapping[str, Any],
    capabilities: ImageCapabilities,
    defaults: JobDefaults,
    fresh_seed: int,
) -> JobOrder | Faults:
    """Check a body, whole. fresh_seed: for jobs without one, where the back end takes seeds."""
    check = Check(body)
    prompt = check.text("prompt", MAX_PROMPT, min_length=1, required=True)
    original = check.text("original_prompt", MAX_ORIGINAL_PROMPT)
    width = check.integer("width", MIN_EDGE_PX, MAX_EDGE_PX)
    height = check.integer("height", MIN_EDGE_PX, MAX_EDGE_PX)
    seed = check.seed(capabilities)
    user_id = check.text("user_id", MAX_LABEL)
    chat_id = check.text("chat_id", MAX_LABEL)
    check.nothing_but(_KNOWN)
    if check.faults or prompt is None:
        return Faults(tuple(check.faults))
    asked = Size(width or defaults.size.width, height or defaults.size.height)
    size = _fitted(asked, capabilities.size_multiple or 1)
    said = f"size {asked} was rounded to {size}, multiples of {capabilities.size_multiple} px"
    if seed is None and capabilities.seed:
        seed = fresh_seed
    request = ImageRequest(prompt, size=size, output_format="png", seed=seed)
    return JobOrder(request, original, user_id, chat_id, (said,) if size != asked else ())


def _fitted(size: Size, multiple: int) -> Size:
    """The nearest size of these multiples that stays within the bounds."""

    def edge(length: int) -> int:
        low, high = -(-MIN_EDGE_PX // multiple), MAX_EDGE_PX // multiple
        return min(max(round(length / multiple), low), high) * multiple

    return Size(edge(size.width), edge(size.height))
