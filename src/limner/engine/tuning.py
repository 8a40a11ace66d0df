"""How hard an engine tries to be quick: settings, without torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from limner.core.image import Size

Compile = Literal["auto", "on", "off"]


@dataclass(frozen=True, slots=True)
class Tuning:
    """attention: `auto` or a name of `zimage.attention.BACK_ENDS`.

    compile: whether the blocks are compiled; `auto` on CUDA and ROCm, where it pays.
    warm_sizes: sizes besides the native one that are painted once before the engine is ready, and
        recorded as CUDA graphs where they are small.
    compiler: by torch's name, or one of its own kind.
    """

    attention: str = "auto"
    compile: Compile = "auto"
    warm_sizes: tuple[Size, ...] = ()
    compiler: str | Callable[..., Any] = "inductor"
