"""What the rules must know of the loaded model: plain facts, without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from limner.core.errors import ConfigError
from limner.core.image import Size

TOKEN_PX = 16
"""Edge of what is counted as one image token: the VAE's factor 8 times the patch of 2."""

Way = Literal["noise", "words", "no"]
"""How a model edits: it begins at the source mixed with noise, so that there is a strength; it
looks at sources and is told in words what to change; or not at all."""

_TURBO_SIZE = Size(1024, 1024)
_STATED = ("native_size", "buckets", "steps", "guidance", "multiple", "edges", "max_images")


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """name: what the model is served as.

    native_size, steps, guidance: what is used where the client leaves the choice. The defaults are
    those of Z-Image-Turbo, distilled for 8 steps without guidance.
    buckets: the only sizes painted well; others are painted at the nearest in shape and resized.
        Empty: every multiple of `multiple` px between the bounds is painted as it is.
    min_edge_px, max_edge_px: bounds of what may be asked.
    guided: guidance changes its pictures. previews: unfinished pictures of it can be decoded.
    from_words: it paints new pictures, not edits only.
    edits, masks: how it edits a whole picture, and what a mask leaves free of one.
    max_images: sources of one edit that it looks at.
    loras: adapters that a request may name, by name, and the weight of each unless it says one.
    """

    name: str
    native_size: Size = _TURBO_SIZE
    steps: int = 8
    guidance: float = 0.0
    buckets: tuple[Size, ...] = ()
    min_edge_px: int = 256
    max_edge_px: int = 2048
    multiple: int = 16
    guided: bool = True
    previews: bool = True
    from_words: bool = True
    edits: Way = "noise"
    masks: Way = "noise"
    max_images: int = 1
    loras: tuple[tuple[str, float], ...] = ()


def read_facts(
    name: str, settings: Mapping[str, Any], source: str, known: ModelFacts | None = None
) -> ModelFacts:
    """Read the facts that a model's folder states about itself.

    settings: `native_size`, `buckets` (pairs of pixels), `steps`, `guidance`, `multiple`, `edges`
    (the least and the greatest), `max_images`; each optional. known: what is known without them.
    A model with buckets may be asked for sizes down to 64 px. source: named in messages.
    Raises ConfigError on an unknown key or a value that cannot be.
    """
    unknown = settings.keys() - set(_STATED)
    if unknown:
        raise ConfigError(f"{source}: unknown key {min(unknown)!r}; known are {', '.join(_STATED)}")
    try:
        return _stated(replace(known or ModelFacts(name), name=name), settings)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{source}: {error}") from error


def with_choices(
    facts: ModelFacts, *, steps: int | None = None, guidance: float | None = None
) -> ModelFacts:
    """The facts with what the operator chose of them.

    Raises ConfigError for guidance of a model that was distilled of it.
    """
    if guidance is not None and guidance != facts.guidance and not facts.guided:
        raise ConfigError(
            f"--guidance-scale {guidance:g} changes nothing: {facts.name!r} was distilled of it; "
            "leave it out"
        )
    return replace(
        facts,
        steps=facts.steps if steps is None else steps,
        guidance=facts.guidance if guidance is None else guidance,
    )


def _stated(known: ModelFacts, settings: Mapping[str, Any]) -> ModelFacts:
    multiple = int(settings.get("multiple", known.multiple))
    if multiple < 1:
        raise ValueError(f"multiple must be 1 or more, got {multiple}")
    values: dict[str, Any] = {"multiple": multiple}
    if "native_size" in settings:
        values["native_size"] = _size(settings["native_size"], multiple)
    if settings.get("buckets"):
        values["buckets"] = tuple(_size(pair, multiple) for pair in settings["buckets"])
        values["min_edge_px"] = 64
    if "edges" in settings:
        values["min_edge_px"], values["max_edge_px"] = _edges(settings["edges"], multiple)
    kinds = {"steps": int, "guidance": float, "max_images": int}
    values |= {key: kind(settings[key]) for key, kind in kinds.items() if key in settings}
    return replace(known, **values)


def _size(pair: Any, multiple: int) -> Size:
    width, height = (int(edge) for edge in pair)
    if min(width, height) < multiple or width % multiple or height % multiple:
        raise ValueError(f"sizes must be positive multiples of {multiple} px, got {width}x{height}")
    return Size(width, height)


def _edges(pair: Any, multiple: int) -> tuple[int, int]:
    least, greatest = (int(edge) for edge in pair)
    if not 0 < least <= greatest or least % multiple or greatest % multiple:
        raise ValueError(
            f"edges must be the least and the greatest, multiples of {multiple} px, got {pair}"
        )
    return least, greatest
