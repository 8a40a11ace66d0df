"""Image servers that know less than the Images API: what is refused, what is said instead.

Nothing asked is dropped in silence: an option that would change the picture and cannot be had is
refused by name; one that such a server has no notion of is named in `adjustments`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from limner.core.errors import InvalidRequest
from limner.core.image import (
    ImageCapabilities,
    ImageData,
    ImageFailed,
    ImageRequest,
    PartialImage,
    Resolved,
    Size,
)
from limner.core.picture_fitting import fit_image
from limner.wire import json
from limner.wire.images_error import USER_TYPE
from limner.wire.images_picture import read_resolved
from limner.wire.picture_size import measure

LATENT_MULTIPLE, LATENT_MAX_EDGE_PX = 8, 2048
"""Of Stable Diffusion's family: a latent covers 8 px, and no model paints larger than that."""

OPENAI_FAMILIES = ("gpt-image-", "chatgpt-image-", "dall-e-")

_OURS = ("seed", "steps", "guidance_scale", "loras")


@dataclass(frozen=True, slots=True)
class Painting:
    """One picture as it was ordered: what the client is told of it, beside what its bytes say.

    picture: which of the `n` asked. said: the adjustments that are known before it is painted.
    """

    request: ImageRequest
    picture: int = 0
    size: Size | None = None
    seed: int | None = None
    steps: int | None = None
    model: str | None = None
    said: tuple[str, ...] = ()

    def preview(self, index: int, image: ImageData) -> PartialImage:
        """Previews may be smaller than the picture; the size told is the picture's."""
        look = Resolved(
            size=self.size,
            output_format=image.format,
            seed=self.seed,
            steps=self.steps,
            model=self.model,
            adjustments=self.said,
        )
        return PartialImage(index, image, look, self.picture)

    def resolved(self, image: ImageData) -> Resolved:
        look = read_resolved({}, self.request, image, self.picture)
        return replace(
            look,
            seed=self.seed,
            steps=self.steps,
            model=self.model,
            adjustments=(*self.said, *look.adjustments),
        )


class PreviewChoice:
    """Which of a server's many previews become partial images: evenly spread over the steps."""

    def __init__(self, wanted: int) -> None:
        self._wanted = wanted
        self._taken = 0

    def take(self, step: int, steps: int) -> int | None:
        """The index of the partial image that the preview after `step` of `steps` becomes."""
        is_due = step * (self._wanted + 1) >= steps * (self._taken + 1)
        if self._taken == self._wanted or not is_due:
            return None
        self._taken += 1
        return self._taken - 1


def refusal(
    request: ImageRequest, can: ImageCapabilities, takes: Collection[str]
) -> ImageFailed | None:
    """Why a server that can this much cannot paint this; takes: the options that it has."""
    for option in _OURS:
        if option not in takes and getattr(request, option) not in (None, ()):
            return unsupported(
                option, f"{option} is not known to the image back end {can.name!r}; leave it out"
            )
    if "background" not in takes and request.background not in (None, "auto", "opaque"):
        return unsupported(
            "background",
            f"background {request.background!r} cannot be painted by the image back end "
            f"{can.name!r}; accepted are 'opaque' and 'auto'",
        )
    try:
        fit_image(request, can)
    except InvalidRequest as error:
        return unsupported(error.param, error.message)
    return None


def unsupported(param: str | None, message: str) -> ImageFailed:
    return ImageFailed(message, code="not_supported", type=USER_TYPE, status=400, param=param)


def own_model(asked: str | None, configured: str | None, name: str) -> str | None:
    """The model of the server called `name` to paint with; None leaves it to the server.

    Clients of OpenAI's API name OpenAI's models, which no other server has. The server's own name
    stands for it in our list of models.
    """
    if asked in (None, name) or asked.startswith(OPENAI_FAMILIES):
        return configured
    return asked


def adjustments(request: ImageRequest, name: str, takes: Collection[str] = ()) -> tuple[str, ...]:
    """What is done otherwise than asked, as far as it is known before the picture is painted.

    takes: the options that the server has.
    """
    said = [
        f"{option} {value!r} changes nothing: the image back end {name!r} has no such setting"
        for option, value in (
            ("quality", request.quality),
            ("moderation", request.moderation),
            ("output_compression", request.output_compression),
            ("input_fidelity", request.input_fidelity),
        )
        if value not in (None, "auto") and option not in takes
    ]
    if "model" not in takes and request.model and request.model.startswith(OPENAI_FAMILIES):
        said.append(
            f"painted by a model of the image back end {name!r} instead of {request.model!r}"
        )
    return tuple(said)


def size_of_source(
    request: ImageRequest,
    *,
    multiple: int = LATENT_MULTIPLE,
    max_edge_px: int = LATENT_MAX_EDGE_PX,
) -> Size | None:
    """What an edit without a size is painted in: the first source's own size, as far as it goes.

    None where there is no source, or one whose size cannot be read.
    """
    size = measure(request.images[0]) if request.images else None
    if size is None:
        return None
    scale = min(1, max_edge_px / max(size.width, size.height))
    width, height = (
        max(multiple, int(edge * scale) // multiple * multiple)
        for edge in (size.width, size.height)
    )
    return Size(width, height)


def read_object(body: bytes) -> dict[str, Any]:
    """The JSON object of a reply; empty where it is none, so that every field is missing."""
    try:
        value = json.load(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
