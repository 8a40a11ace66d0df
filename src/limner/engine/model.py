"""What the rules must know of the loaded model: plain facts, without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from limner.core.errors import ConfigError
from limner.core.image import Size

PATCH_PX = 16
"""Edge of one image token: the VAE's factor 8 times the patch of 2. Sizes are multiples of it."""


_TURBO_SIZE = Size(1024, 1024)


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """name: what the model is served as.

    native_size, steps, guidance: what is used where the client leaves the choice. The defaults are
    those of Z-Image-Turbo, distilled for 8 steps without guidance.
    buckets: the only sizes painted well; others are painted at the nearest in shape and resized.
        Empty: every multiple of 16 px between the bounds is painted as it is.
    min_edge_px, max_edge_px: bounds of what may be asked.
    """

    name: str
    native_size: Size = _TURBO_SIZE
    steps: int = 8
    guidance: float = 0.0
    buckets: tuple[Size, ...] = ()
    min_edge_px: int = 256
    max_edge_px: int = 2048


def read_facts(name: str, settings: Mapping[str, Any], source: str) -> ModelFacts:
    """Read the facts that a model's folder states about itself.

    settings: `native_size`, `buckets` (pairs of pixels), `steps`, `guidance`; each optional.
    A model with buckets may be asked for sizes down to 64 px. source: named in messages.
    Raises ConfigError on an unknown key or a value that cannot be.
    """
    unknown = settings.keys() - {"native_size", "buckets", "steps", "guidance"}
    if unknown:
        raise ConfigError(
            f"{source}: unknown key {min(unknown)!r}; "
            "known are native_size, buckets, steps, guidance"
        )
    default = ModelFacts(name)
    try:
        buckets = tuple(_size(pair) for pair in settings.get("buckets", ()))
        native = settings.get("native_size")
        return ModelFacts(
            name,
            native_size=default.native_size if native is None else _size(native),
            steps=int(settings.get("steps", default.steps)),
            guidance=float(settings.get("guidance", default.guidance)),
            buckets=buckets,
            min_edge_px=64 if buckets else default.min_edge_px,
        )
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{source}: {error}") from error


def _size(pair: Any) -> Size:
    width, height = (int(edge) for edge in pair)
    if min(width, height) < PATCH_PX or width % PATCH_PX or height % PATCH_PX:
        raise ValueError(f"sizes must be positive multiples of {PATCH_PX} px, got {width}x{height}")
    return Size(width, height)
