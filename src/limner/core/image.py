"""Pictures and the events of making one.

A picture is bytes from the back end to the client's last moment; only the wire floor knows base64.
Options come in two forms: as asked (`ImageRequest`, where None means "you choose") and as resolved
(`Resolved`, what was really painted), which the client sees echoed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from limner.core.lora import Lora

ImageFormat = Literal["png", "jpeg", "webp"]
Fidelity = Literal["low", "high"]
Priority = Literal["interactive", "background"]
"""Whether somebody waits for the picture, or it may come when those are served who do."""
FORMATS: tuple[ImageFormat, ...] = ("png", "jpeg", "webp")
MAX_PARTIAL_IMAGES = 3
MAX_SEED = 2**32 - 1


@dataclass(frozen=True, slots=True)
class Size:
    """Width and height in pixels."""

    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


@dataclass(frozen=True, slots=True)
class ImageData:
    """An encoded picture: whole bytes of one file, in the format named."""

    content: bytes = field(repr=False)
    format: ImageFormat

    @property
    def media_type(self) -> str:
        return f"image/{self.format}"


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """One call of an image back end, as asked. None leaves the choice to the back end.

    partial_images: previews wanted while painting, 0 to 3; fewer may come.
    n: pictures wanted, each with its own noise.
    seed: 0 to 2**32 - 1; picture k of n uses seed + k (modulo 2**32).
    seed, steps, guidance_scale, strength: our own extensions of the Images API; refused by back
        ends that have no such thing. strength: 0 to 1, how far an edit may leave its source.
    loras: adapters to paint with, our own as well.
    images: sources of an edit, in their order; none for a new picture.
    mask: where the first source may change: there its alpha is 0. As large as that source.
    client: who asks, for fair shares of a queue; response_id: for which response. Never sent on,
        but the client to an engine of ours. priority: the same, see `Priority`.
    """

    prompt: str
    model: str | None = None
    size: Size | None = None
    quality: str | None = None
    background: str | None = None
    output_format: ImageFormat | None = None
    output_compression: int | None = None
    moderation: str | None = None
    partial_images: int = 0
    n: int = 1
    seed: int | None = None
    steps: int | None = None
    guidance_scale: float | None = None
    images: tuple[ImageData, ...] = ()
    mask: ImageData | None = None
    input_fidelity: Fidelity | None = None
    strength: float | None = None
    loras: tuple[Lora, ...] = ()
    client: str = ""
    response_id: str = ""
    priority: Priority = "interactive"

    @property
    def is_edit(self) -> bool:
        return bool(self.images)


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a back end really used, as far as it says; echoed to the client, never guessed.

    adjustments: what differs from what was asked and why, one sentence each, for the client.
    guidance, strength, loras: see `ImageRequest`; they go into the picture's file only.
    """

    size: Size | None = None
    quality: str | None = None
    background: str | None = None
    output_format: ImageFormat | None = None
    seed: int | None = None
    steps: int | None = None
    model: str | None = None
    adjustments: tuple[str, ...] = ()
    guidance: float | None = None
    strength: float | None = None
    loras: tuple[Lora, ...] = ()


@dataclass(frozen=True, slots=True)
class ImageUsage:
    """Tokens of one image call, as the back end counts them."""

    input_text_tokens: int = 0
    input_image_tokens: int = 0
    output_tokens: int = 0

    @property
    def input_tokens(self) -> int:
        return self.input_text_tokens + self.input_image_tokens

    @property
    def total_tokens(self) -> int:
        return self.input_tokens + self.output_tokens

    def __add__(self, other: ImageUsage) -> ImageUsage:
        return ImageUsage(
            self.input_text_tokens + other.input_text_tokens,
            self.input_image_tokens + other.input_image_tokens,
            self.output_tokens + other.output_tokens,
        )


@dataclass(frozen=True, slots=True)
class ImageProgress:
    """How far a picture is: after `step` of `steps`.

    queue_position: 1 is next; None once the picture is being painted. eta_s: seconds to the end, as
    far as measured times tell.
    """

    step: int
    steps: int
    queue_position: int | None = None
    eta_s: float | None = None


@dataclass(frozen=True, slots=True)
class PartialImage:
    """A real preview from the denoising under way. index counts from 0 within its picture."""

    index: int
    image: ImageData
    resolved: Resolved
    picture: int = 0


@dataclass(frozen=True, slots=True)
class ImageCompleted:
    """One finished picture; `picture` says which of the `n` asked. Only the last has usage."""

    image: ImageData
    resolved: Resolved
    usage: ImageUsage | None = None
    picture: int = 0


@dataclass(frozen=True, slots=True)
class ImageFailed:
    """The call is over without (further) pictures; fields as in `errors.ImageError`."""

    message: str
    code: str = "server_error"
    type: str = "image_generation_server_error"
    retryable: bool = False
    status: int = 500
    param: str | None = None
    retry_after_s: float | None = None
    was_taken: bool = True


ImageEvent = ImageProgress | PartialImage | ImageCompleted | ImageFailed


@dataclass(frozen=True, slots=True)
class ImageCapabilities:
    """What an image back end can do: data for the rules, so that no code asks for a model's name.

    None means "not known, let the back end decide". sizes lists what it advertises, native_size is
    what it paints where nobody asks for a size.
    edits, mask: whether it takes source pictures, and a mask over the first. max_images: sources of
    one edit. transparent: whether it can paint on a transparent background. repeatable: whether
    asking again costs nothing but time, so that a picture lost in a crash may be painted again.
    edits_by_words: it looks at the sources and is told what to change, instead of beginning at one.
    loras: adapters that a request may name.
    named: those of each by name, where it is several that a request's model picks among.
    """

    name: str
    formats: tuple[ImageFormat, ...] | None = None
    sizes: tuple[Size, ...] | None = None
    native_size: Size | None = None
    size_multiple: int | None = None
    min_edge_px: int | None = None
    max_edge_px: int | None = None
    max_n: int | None = None
    partial_images: bool = True
    progress: bool = False
    seed: bool = False
    edits: bool = False
    edits_by_words: bool = False
    mask: bool = False
    max_images: int | None = None
    input_fidelity: bool = False
    strength: bool = False
    transparent: bool | None = None
    repeatable: bool = False
    loras: tuple[str, ...] | None = ()
    named: Mapping[str, ImageCapabilities] = field(default_factory=dict, compare=False)

    def of(self, model: str | None) -> ImageCapabilities:
        """What will be there for a request of this model."""
        return self if model is None else self.named.get(model, self)
