"""What `POST /modify` and `POST /modify/async` of the job API take: a picture to edit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from limner.core.errors import InvalidRequest
from limner.core.image import ImageCapabilities, ImageRequest, Size
from limner.core.job import JobOrder
from limner.core.picture_fitting import fit_image
from limner.wire.jobs_fields import (
    MAX_EDGE_PX,
    MAX_LABEL,
    MAX_ORIGINAL_PROMPT,
    MAX_PROMPT,
    MIN_EDGE_PX,
    Check,
    Faults,
)

MIN_DENOISE = 0.05
MIN_STEPS, MAX_STEPS = 2, 30

_KNOWN = (
    *("prompt", "original_prompt", "image_base64", "mask_base64", "denoise", "steps"),
    *("width", "height", "seed", "user_id", "chat_id"),
)
_NAMES = {"image": "image_base64", "mask": "mask_base64", "strength": "denoise", "size": "width"}


def parse_edit_job(
    body: Mapping[str, Any], capabilities: ImageCapabilities, fresh_seed: int
) -> JobOrder | Faults:
    """Check a body, whole. fresh_seed: for jobs without one, where the back end takes seeds.

    denoise is what elsewhere is called strength. Without a size the picture keeps its source's.
    """
    check = Check(body)
    prompt = check.text("prompt", MAX_PROMPT, min_length=1, required=True)
    original = check.text("original_prompt", MAX_ORIGINAL_PROMPT)
    image = check.image("image_base64", required=True)
    mask = check.image("mask_base64")
    strength = check.number("denoise", MIN_DENOISE, 1)
    steps = check.integer("steps", MIN_STEPS, MAX_STEPS)
    size = _size(check)
    seed = check.seed(capabilities)
    user_id = check.text("user_id", MAX_LABEL)
    chat_id = check.text("chat_id", MAX_LABEL)
    check.nothing_but(_KNOWN)
    if check.faults or prompt is None or image is None:
        return Faults(tuple(check.faults))
    asked = ImageRequest(
        prompt,
        size=size,
        output_format="png",
        seed=fresh_seed if seed is None and capabilities.seed else seed,
        steps=steps,
        images=(image,),
        mask=mask,
        strength=strength,
    )
    try:
        request, said = fit_image(asked, capabilities)
    except InvalidRequest as error:
        name = error.param or "prompt"
        check.fault(_NAMES.get(name, name), error.code or "value_error", error.message)
        return Faults(tuple(check.faults))
    return JobOrder(request, original, user_id, chat_id, said)


def _size(check: Check) -> Size | None:
    width = check.integer("width", MIN_EDGE_PX, MAX_EDGE_PX)
    height = check.integer("height", MIN_EDGE_PX, MAX_EDGE_PX)
    if width and height:
        return Size(width, height)
    if (width or height) and not check.faults:
        missing = "height" if width else "width"
        check.fault(missing, "missing", "Field required beside the other edge")
    return None
