"""Adapters of a painting model (low-rank adaptation, arXiv:2106.09685), by their names."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

MAX_WEIGHT = 4.0
"""Either way; beyond it nothing is left of a picture."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Lora:
    """One that a picture is to be painted with. weight: None for the one it was set up with."""

    name: str
    weight: float | None = None


@dataclass(frozen=True, slots=True)
class LoraFile:
    """One that the operator has set up.

    source: a file, a folder, or a name on the Hugging Face Hub. weight: unless a request says one.
    """

    name: str
    source: str
    weight: float = 1.0

    def __str__(self) -> str:
        return f"{self.name}={self.source}:{self.weight:g}"


def read_lora_file(text: str) -> LoraFile:
    """Read `NAME=PATH` or `NAME=PATH:WEIGHT`; raises ValueError for anything else."""
    name, _, rest = text.strip().partition("=")
    source, _, weight = rest.rpartition(":")
    try:
        value = float(weight)
    except ValueError:
        source, value = rest, 1.0
    if not (_NAME.fullmatch(name) and source and _is_weight(value)):
        raise ValueError(f"no adapter: {text!r}")
    return LoraFile(name, source, value)


def _is_weight(value: float) -> bool:
    return math.isfinite(value) and abs(value) <= MAX_WEIGHT
