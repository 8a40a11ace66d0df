"""The job API of image services, as it is asked: submit, poll, fetch.

`limner serve` has this API, and so had the Z-Image service that it continues. The older one answers
failures with 200 and `success: false`, says 202 of a picture that will never come (so jobs are
polled, not pictures), forgets jobs after its TTL or a restart, and cancels nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from limner.core.image import (
    ImageCapabilities,
    ImageCompleted,
    ImageFailed,
    ImageProgress,
    ImageRequest,
)
from limner.wire.images_error import MAX_MESSAGE_CHARS, USER_TYPE, failure_of
from limner.wire.images_picture import SEEDS, broken, is_count, read_picture
from limner.wire.images_plain import Painting, adjustments, own_model, read_object, unsupported
from limner.wire.pictures import to_base64

Json = dict[str, Any]

NAME = "image-jobs"
CAPABILITIES = ImageCapabilities(
    NAME,
    formats=("png",),
    size_multiple=64,
    min_edge_px=256,
    max_edge_px=2048,
    partial_images=False,
    progress=True,
    seed=True,
    edits=True,
    max_images=1,
    strength=True,
    transparent=False,
)
MAX_PROMPT = 2000
OPTIONS = ("seed",)
MIN_STRENGTH = 0.05

_WORKING = ImageProgress(0, 1)


def refused_order(request: ImageRequest) -> ImageFailed | None:
    """What no job can ask for."""
    model = own_model(request.model, None, NAME)
    if model is not None:
        return unsupported(
            "model", f"model {model!r} cannot be chosen at the image back end {NAME!r}"
        )
    if len(request.prompt) > MAX_PROMPT:
        return ImageFailed(
            f"prompt must have at most {MAX_PROMPT} characters for the image back end {NAME!r}, "
            f"got {len(request.prompt)}",
            code="invalid_value",
            type=USER_TYPE,
            status=400,
            param="prompt",
        )
    return None


def order_picture(request: ImageRequest, picture: int) -> Painting:
    said = adjustments(request, NAME)
    if request.strength is not None and request.strength < MIN_STRENGTH:
        said = (*said, f"strength: {MIN_STRENGTH} is the least at the image back end {NAME!r}.")
    return Painting(request, picture, size=request.size, said=said)


def render_job(request: ImageRequest) -> Json:
    """The body of `POST /generate/async`; a size left out is the service's default."""
    body = {
        "prompt": request.prompt,
        "width": request.size.width if request.size else None,
        "height": request.size.height if request.size else None,
        "seed": request.seed,
    }
    return {name: value for name, value in body.items() if value is not None}


def render_edit(request: ImageRequest) -> Json:
    """The body of `POST /modify/async`, and of `POST /modify`, which answers with the result.

    The picture comes in the size of its source, as far as the service paints it.
    """
    strength = None if request.strength is None else max(request.strength, MIN_STRENGTH)
    body = {
        "prompt": request.prompt,
        "image_base64": to_base64(request.images[0]),
        "denoise": strength,
        "seed": request.seed,
    }
    return {name: value for name, value in body.items() if value is not None}


def cannot_edit() -> ImageFailed:
    """What a service without `/modify` comes to."""
    return unsupported(
        "image", f"image cannot be edited: the image back end {NAME!r} has no /modify"
    )


def read_accepted(body: bytes) -> str | ImageFailed:
    """The id of a job that was accepted."""
    id = read_object(body).get("job_id")
    return id if isinstance(id, str) and id else broken("accepted a job without saying its job_id")


@dataclass(frozen=True, slots=True)
class JobIsDone:
    """Its result can be fetched."""


def read_status(body: bytes) -> ImageProgress | JobIsDone | ImageFailed:
    """What `GET /job/{id}` says."""
    value = read_object(body)
    match value.get("status"):
        case "queued":
            position = value.get("queue_position")
            return replace(_WORKING, queue_position=position if is_count(position) else None)
        case "processing":
            return _WORKING
        case "completed":
            return JobIsDone()
        case "failed":
            return _failed(value)
        case status:
            return broken(f"says that the job is {status!r}")


def read_result(body: bytes, painting: Painting) -> ImageCompleted | ImageFailed:
    """The picture of `GET /job/{id}/result`."""
    value = read_object(body)
    if value.get("success") is not True:
        return _failed(value)
    image = read_picture({"b64_json": value.get("image_base64")})
    if isinstance(image, ImageFailed):
        return image
    seed = value.get("seed")
    painting = replace(painting, seed=seed % SEEDS if is_count(seed) else painting.request.seed)
    return ImageCompleted(image, painting.resolved(image), picture=painting.picture)


def read_job_failure(
    body: bytes,
    status: int,
    *,
    retry_after_s: float | None = None,
    should_retry: bool | None = None,
) -> ImageFailed:
    """Read what was answered instead of 200; arguments as in `read_image_failure`."""
    value = read_object(body)
    failed = failure_of(
        value or body.decode(errors="replace"),
        status,
        retry_after_s=retry_after_s,
        should_retry=should_retry,
    )
    if status == 503:
        return replace(failed, code="queue_full")
    if status == 404 and value.get("detail") == "Job not found":
        return replace(
            broken("no longer knows the job: it was restarted, or the result was kept too long"),
            code="job_lost",
        )
    return failed


def _failed(value: Json) -> ImageFailed:
    error = value.get("error")
    text = " ".join(error.split())[:MAX_MESSAGE_CHARS] if isinstance(error, str) else ""
    return ImageFailed(
        f"The image back end could not paint: {text or 'it did not say why'}",
        retryable=True,
        status=502,
    )
