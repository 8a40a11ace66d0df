"""What `POST /generate` and `POST /generate/async` of the job API take.

Its clients know FastAPI's 422: a list of `{"loc", "msg", "type"}` of all that is wrong (FastAPI
documentation, "Handling Errors"; the types are Pydantic's).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from limner.core.image import ImageCapabilities, ImageRequest, Size
from limner.core.job import JobOrder

Json = dict[str, Any]

MAX_PROMPT = 2000
MAX_ORIGINAL_PROMPT = 32_000
MAX_LABEL = 512
MIN_EDGE_PX, MAX_EDGE_PX = 256, 2048
MAX_SEED = 2**32 - 1

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


@dataclass(frozen=True, slots=True)
class Faults:
    """What is wrong in a body; the `detail` of a 422."""

    detail: tuple[Json, ...]


def parse_job(
    body: Mapping[str, Any],
    capabilities: ImageCapabilities,
    defaults: JobDefaults,
    fresh_seed: int,
) -> JobOrder | Faults:
    """Check a body, whole. fresh_seed: for jobs without one, where the back end takes seeds."""
    check = _Check(body)
    prompt = check.text("prompt", MAX_PROMPT, min_length=1, required=True)
    original = check.text("original_prompt", MAX_ORIGINAL_PROMPT)
    width = check.integer("width", MIN_EDGE_PX, MAX_EDGE_PX)
    height = check.integer("height", MIN_EDGE_PX, MAX_EDGE_PX)
    seed = check.integer("seed", 0, MAX_SEED)
    if seed is not None and not capabilities.seed:
        check.fault("seed", "not_supported", "This server's image back end takes no seed")
    user_id = check.text("user_id", MAX_LABEL)
    chat_id = check.text("chat_id", MAX_LABEL)
    for name in body:
        if name not in _KNOWN:
            check.fault(name[:MAX_LABEL], "extra_forbidden", "Extra inputs are not permitted")
    if check.faults or prompt is None:
        return Faults(tuple(check.faults))
    asked = Size(width or defaults.size.width, height or defaults.size.height)
    size = _fitted(asked, capabilities.size_multiple or 1)
    said = f"size {asked} was rounded to {size}, multiples of {capabilities.size_multiple} px"
    if seed is None and capabilities.seed:
        seed = fresh_seed
    request = ImageRequest(prompt, size=size, output_format="png", seed=seed)
    return JobOrder(request, original, user_id, chat_id, (said,) if size != asked else ())


class _Check:
    """Reads fields and collects what is wrong with them; null counts as absent."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        self.faults: list[Json] = []
        self._body = body

    def fault(self, name: str, kind: str, message: str) -> None:
        self.faults.append({"type": kind, "loc": ["body", name], "msg": message})

    def text(
        self, name: str, max_length: int, *, min_length: int = 0, required: bool = False
    ) -> str | None:
        value = self._body.get(name)
        if value is None:
            if required:
                self.fault(name, "missing", "Field required")
            return None
        if not isinstance(value, str):
            self.fault(name, "string_type", "Input should be a valid string")
        elif len(value) < min_length:
            self.fault(name, "string_too_short", "String should have at least 1 character")
        elif len(value) > max_length:
            message = f"String should have at most {max_length} characters"
            self.fault(name, "string_too_long", message)
        else:
            return value
        return None

    def integer(self, name: str, low: int, high: int) -> int | None:
        value = self._body.get(name)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool):
            self.fault(name, "int_type", "Input should be a valid integer")
        elif value < low:
            message = f"Input should be greater than or equal to {low}"
            self.fault(name, "greater_than_equal", message)
        elif value > high:
            self.fault(name, "less_than_equal", f"Input should be less than or equal to {high}")
        else:
            return value
        return None


def _fitted(size: Size, multiple: int) -> Size:
    """The nearest size of these multiples that stays within the bounds."""

    def edge(length: int) -> int:
        low, high = -(-MIN_EDGE_PX // multiple), MAX_EDGE_PX // multiple
        return min(max(round(length / multiple), low), high) * multiple

    return Size(edge(size.width), edge(size.height))
