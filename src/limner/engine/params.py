"""From options as asked to options as used: every rule about a request's options, without torch.

What cannot be done is refused by name; what is done otherwise is said in `adjustments`.
"""

from __future__ import annotations

from dataclasses import dataclass

from limner.core.image import (
    FORMATS,
    MAX_PARTIAL_IMAGES,
    ImageCapabilities,
    ImageFormat,
    ImageRequest,
    Resolved,
    Size,
)
from limner.core.lora import MAX_WEIGHT, Lora
from limner.engine.model import TOKEN_PX, ModelFacts
from limner.engine.refusal import refused
from limner.engine.sizes import edit_sizes, new_sizes
from limner.engine.strength import forwards, strength_of

MAX_STEPS = 50
MAX_GUIDANCE = 20.0
MAX_N = 10
SEEDS = 2**32
OPENAI_FAMILIES = ("gpt-image-", "chatgpt-image-", "dall-e-")


@dataclass(frozen=True, slots=True)
class Plan:
    """One request, decided.

    painted: size inside the model. size: size of the delivered picture; resized where they differ.
    steps: forward passes of each picture. levels: those of the whole way from noise to picture, of
        which an edit goes the last `steps`.
    seeds: one for each picture. loras: adapters with their weights.
    compression: quality of jpeg and webp, 0 to 100; png has none.
    is_edit: it starts from a source. strength: how far it may leave that, above 0 to 1; None where
        the prompt alone says so, and for a new picture.
    """

    prompt: str
    painted: Size
    size: Size
    steps: int
    levels: int
    guidance: float
    seeds: tuple[int, ...]
    format: ImageFormat
    compression: int
    partial_images: int
    model: str
    is_edit: bool = False
    strength: float | None = None
    loras: tuple[tuple[str, float], ...] = ()
    adjustments: tuple[str, ...] = ()

    @property
    def image_tokens(self) -> int:
        """Tokens of one picture, as the model sees it."""
        return (self.painted.width // TOKEN_PX) * (self.painted.height // TOKEN_PX)

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
            guidance=self.guidance,
            strength=self.strength,
            loras=tuple(Lora(name, weight) for name, weight in self.loras),
        )


def capabilities(model: ModelFacts) -> ImageCapabilities:
    return ImageCapabilities(
        name=model.name,
        formats=FORMATS,
        sizes=model.buckets or (model.native_size,),
        native_size=model.native_size,
        size_multiple=1 if model.buckets else model.multiple,
        min_edge_px=model.min_edge_px,
        max_edge_px=model.max_edge_px,
        max_n=MAX_N,
        partial_images=model.previews,
        progress=True,
        seed=True,
        edits=model.edits != "no",
        edits_by_words=model.edits == "words",
        mask=model.masks != "no",
        max_images=model.max_images,
        input_fidelity="noise" in (model.edits, model.masks),
        strength="noise" in (model.edits, model.masks),
        transparent=False,
        repeatable=True,
        loras=tuple(name for name, _ in model.loras),
    )


def plan(
    request: ImageRequest,
    model: ModelFacts,
    fresh_seed: int,
    source: Size | None = None,
    *,
    masked: bool = False,
) -> Plan:
    """Decide what is painted. fresh_seed is used where the client gave none.

    source: size of the picture that is edited; None for a new one. masked: only a part of it may
    change.
    Raises ImageError, status 400 (404 for a model that is not here) with `param`.
    """
    said: list[str] = []
    if not request.prompt.strip():
        raise refused("prompt", "prompt must not be empty")
    if request.mask and not request.is_edit:
        raise refused("mask", "mask needs an image, of which it says what may change")
    _check_model(request.model, model, said)
    _check_background(request.background)
    levels = _whole("steps", request.steps, model.steps, 1, MAX_STEPS)
    strength, steps = None, levels
    if source is None:
        _check_from_words(model)
        painted, size = new_sizes(request.size, model, said)
    else:
        if (model.masks if masked else model.edits) == "noise":
            strength = strength_of(request, said, masked=masked)
            steps = forwards(levels, strength)
        painted, size = edit_sizes(request.size, source, model, said)
    _tell_no_effect(request, model, said, has_strength=strength is not None)
    format = request.output_format or "png"
    return Plan(
        prompt=request.prompt,
        painted=painted,
        size=size,
        steps=steps,
        levels=levels,
        guidance=_guidance(request.guidance_scale, model, said),
        seeds=_seeds(request, fresh_seed),
        format=format,
        compression=_compression(request.output_compression, format, said),
        partial_images=_previews(request.partial_images, model, said),
        model=model.name,
        is_edit=source is not None,
        strength=strength,
        loras=_loras(request, model),
        adjustments=tuple(said),
    )


def _tell_no_effect(
    request: ImageRequest, model: ModelFacts, said: list[str], *, has_strength: bool
) -> None:
    for name, asked, why in (
        ("quality", request.quality, "this engine has one quality"),
        ("moderation", request.moderation, "this engine has no content filter"),
    ):
        if asked not in (None, "auto"):
            said.append(f"{name} {asked!r} changes nothing: {why}")
    why = "there is no picture to edit"
    if request.is_edit:
        why = f"{model.name!r} looks at the picture and leaves it as far as the prompt says"
    for name, given in (
        ("strength", request.strength),
        ("input_fidelity", request.input_fidelity),
    ):
        if given is not None and not has_strength:
            said.append(f"{name} {given!r} changes nothing: {why}")


def _check_from_words(model: ModelFacts) -> None:
    if not model.from_words:
        raise refused(
            "image",
            f"{model.name!r} edits pictures and paints none from words alone; send one to edit",
            code="not_supported",
        )


def _check_model(asked: str | None, model: ModelFacts, said: list[str]) -> None:
    if asked in (None, model.name):
        return
    if not asked.startswith(OPENAI_FAMILIES):
        raise refused(
            "model",
            f"model {asked!r} is not loaded; this engine serves {model.name!r}",
            code="model_not_found",
            status=404,
        )
    said.append(f"painted by {model.name!r}, the model loaded here, instead of {asked!r}")


def _check_background(asked: str | None) -> None:
    if asked not in (None, "auto", "opaque"):
        raise refused(
            "background",
            f"background {asked!r} cannot be painted; accepted are 'opaque' and 'auto'",
            code="not_supported",
        )


def _whole(name: str, asked: int | None, default: int, low: int, high: int) -> int:
    value = default if asked is None else asked
    if not low <= value <= high:
        raise refused(name, f"{name} must be {low} to {high}, got {value}")
    return value


def _guidance(asked: float | None, model: ModelFacts, said: list[str]) -> float:
    value = model.guidance if asked is None else asked
    if not 0 <= value <= MAX_GUIDANCE:  # false for NaN as well
        raise refused("guidance_scale", f"guidance_scale must be 0 to {MAX_GUIDANCE}, got {value}")
    if value != model.guidance and not model.guided:
        said.append(f"guidance_scale {value} changes nothing: {model.name!r} was distilled of it")
        return model.guidance
    return value


def _previews(asked: int, model: ModelFacts, said: list[str]) -> int:
    value = _whole("partial_images", asked, 0, 0, MAX_PARTIAL_IMAGES)
    if value and not model.previews:
        said.append(
            f"partial_images {value} changes nothing: unfinished pictures of {model.name!r} "
            "cannot be shown"
        )
        return 0
    return value


def _loras(request: ImageRequest, model: ModelFacts) -> tuple[tuple[str, float], ...]:
    known = dict(model.loras)
    names = [each.name for each in request.loras]
    for each in request.loras:
        if names.count(each.name) > 1:
            raise refused("loras", f"adapter {each.name!r} is named twice; each is worn once")
        if each.name not in known:
            there = ", ".join(map(repr, known)) or "none"
            raise refused(
                "loras",
                f"adapter {each.name!r} is not loaded; those of {model.name!r} are: {there}",
            )
        if each.weight is not None and not abs(each.weight) <= MAX_WEIGHT:  # true for NaN as well
            raise refused(
                "loras", f"weights must be -{MAX_WEIGHT:g} to {MAX_WEIGHT:g}, got {each.weight}"
            )
    return tuple(
        (each.name, known[each.name] if each.weight is None else each.weight)
        for each in request.loras
    )


def _seeds(request: ImageRequest, fresh_seed: int) -> tuple[int, ...]:
    count = _whole("n", request.n, 1, 1, MAX_N)
    first = _whole("seed", request.seed, fresh_seed % SEEDS, 0, SEEDS - 1)
    return tuple((first + k) % SEEDS for k in range(count))


def _compression(asked: int | None, format: ImageFormat, said: list[str]) -> int:
    value = _whole("output_compression", asked, 100, 0, 100)
    if format == "png" and value != 100:
        said.append(f"output_compression {value} changes nothing: png keeps every pixel")
    return value
