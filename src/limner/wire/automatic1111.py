"""The API of AUTOMATIC1111's web UI and of Forge: one request paints, others tell how far it is.

Source: stable-diffusion-webui, its wiki page "API" and the `/docs` of a running server.
- `/sdapi/v1/progress` and `/sdapi/v1/interrupt` are about whatever is painted now, whoever ordered
  it. Whether that is ours, only `/internal/progress` says, by the id that we ordered it with; it
  belongs to the web UI, so a server started with `--nowebui` does not have it.
- The same preview is told again until there is a new one.
- Of a mask with an alpha channel that channel counts (`create_binary_mask`, modules/processing.py),
  opaque for what shall change: OpenAI's masks mean the opposite, so they are inverted.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from limner.core.image import (
    ImageCapabilities,
    ImageCompleted,
    ImageEvent,
    ImageFailed,
    ImageProgress,
    ImageRequest,
)
from limner.wire.images_error import failure_of
from limner.wire.images_picture import SEEDS, broken, is_count, read_picture
from limner.wire.images_plain import (
    Painting,
    PreviewChoice,
    adjustments,
    own_model,
    read_object,
    size_of_source,
)
from limner.wire.pictures import to_base64

Json = dict[str, Any]

NAME = "automatic1111"
CAPABILITIES = ImageCapabilities(
    NAME,
    partial_images=True,
    progress=True,
    seed=True,
    edits=True,
    mask=True,
    max_images=1,
    strength=True,
    transparent=False,
)
OPTIONS = ("seed", "steps", "guidance_scale")
RANDOM_SEED = -1

_KEEP_UNDER_MASK, _CROP_AND_RESIZE = 1, 1


def order_picture(request: ImageRequest, picture: int, model: str | None) -> Painting:
    """What is told of a picture; model: the checkpoint to use where the client names none."""
    return Painting(
        request,
        picture,
        # Without one the server takes 512x512.
        size=request.size or size_of_source(request),
        seed=request.seed,
        steps=request.steps,
        model=own_model(request.model, model, NAME),
        said=adjustments(request, NAME),
    )


def path_for(request: ImageRequest) -> str:
    return "sdapi/v1/img2img" if request.is_edit else "sdapi/v1/txt2img"


def render_order(painting: Painting, task_id: str) -> Json:
    """The body of `POST /sdapi/v1/txt2img` or `img2img`; what it leaves out is the server's choice.

    task_id: by which `/internal/progress` knows the picture.
    """
    request = painting.request
    body: Json = {
        "prompt": request.prompt,
        "seed": RANDOM_SEED if request.seed is None else request.seed,
        "steps": request.steps,
        "cfg_scale": request.guidance_scale,
        "width": painting.size.width if painting.size else None,
        "height": painting.size.height if painting.size else None,
        "override_settings": {"sd_model_checkpoint": painting.model} if painting.model else None,
        "force_task_id": task_id,
        **(_edit(request) if request.is_edit else {}),
    }
    return {name: value for name, value in body.items() if value is not None}


def _edit(request: ImageRequest) -> Json:
    edit: Json = {
        "init_images": [to_base64(request.images[0])],
        "denoising_strength": request.strength,
        "resize_mode": _CROP_AND_RESIZE,
    }
    if request.mask:
        inverted: Json = {"inpainting_mask_invert": 1, "inpainting_fill": _KEEP_UNDER_MASK}
        edit |= {"mask": to_base64(request.mask), "inpaint_full_res": False, **inverted}
    return edit


def read_reply(body: bytes, painting: Painting) -> ImageCompleted | ImageFailed:
    """The picture of a reply; `info` is JSON within the JSON, and says what was used."""
    reply = read_object(body)
    images = reply.get("images")
    if not isinstance(images, list) or not images:
        return broken("answered without a picture")
    image = read_picture({"b64_json": images[0]})
    if isinstance(image, ImageFailed):
        return image
    info = reply.get("info")
    used = read_object(info.encode()) if isinstance(info, str) else {}
    seed, model = used.get("seed"), used.get("sd_model_name")
    painting = replace(
        painting,
        seed=seed % SEEDS if is_count(seed) else painting.seed,
        model=model if isinstance(model, str) and model else painting.model,
    )
    return ImageCompleted(image, painting.resolved(image), picture=painting.picture)


def read_is_ours(body: bytes) -> bool:
    """Whether `POST /internal/progress` says that the picture asked about is painted now."""
    return read_object(body).get("active") is True


class ProgressReader:
    """Answers of `GET /sdapi/v1/progress` about our picture in, what is new in them out."""

    def __init__(self, painting: Painting) -> None:
        self._painting = painting
        self._choice = PreviewChoice(painting.request.partial_images)
        self._step = 0
        self._shown: str | None = None

    def read(self, body: bytes) -> list[ImageEvent]:
        value = read_object(body)
        state = value.get("state")
        state = state if isinstance(state, dict) else {}
        step, steps = state.get("sampling_step"), state.get("sampling_steps")
        if not is_count(step) or not is_count(steps) or not steps:
            return []
        events: list[ImageEvent] = []
        if step > self._step:
            self._step = step
            events.append(ImageProgress(step, steps))
        return events + self._preview(value.get("current_image"), step, steps)

    def _preview(self, text: object, step: int, steps: int) -> list[ImageEvent]:
        if not isinstance(text, str) or text == self._shown:
            return []
        self._shown = text
        image = read_picture({"b64_json": text})
        if isinstance(image, ImageFailed):
            return []  # A preview may be missing; the picture itself is still to come.
        index = self._choice.take(step, steps)
        return [] if index is None else [self._painting.preview(index, image)]


def read_automatic1111_failure(
    body: bytes,
    status: int,
    *,
    retry_after_s: float | None = None,
    should_retry: bool | None = None,
) -> ImageFailed:
    """Read what was answered instead of 200; arguments as in `read_image_failure`.

    `{"error": <class>, "detail", "body", "errors": <message>}`, or FastAPI's `{"detail"}`.
    """
    value = read_object(body)
    texts = [value.get(key) for key in ("errors", "detail", "error")]
    message = next((text for text in texts if text), None)
    return failure_of(
        {"message": message or body.decode(errors="replace")},
        status,
        retry_after_s=retry_after_s,
        should_retry=should_retry,
    )
