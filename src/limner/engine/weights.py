"""What a model's files say of its size, read from their headers: no weight is touched."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from limner.engine.quantizing import Quantize, is_quantized, is_quantized_part

Dtype: TypeAlias = Literal["float32", "bfloat16", "float16"]
BYTES: Mapping[str, int] = {"float32": 4, "bfloat16": 2, "float16": 2}

VAE = "vae"
_MAX_HEADER_BYTES = 100_000_000
"""The format's own limit."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a pipeline that holds weights, such as `text_encoder`.

    numbers: how many they are. in_matrices: of these, in layers that may be quantised.
    largest: of one tensor. config: what its class is made with.
    """

    name: str
    numbers: int
    in_matrices: int
    largest: int
    config: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Precision:
    """How weights are held. dtype: as torch calls it, as one of `BYTES`."""

    dtype: str
    quantize: Quantize = "none"

    def bytes_of(self, part: Part) -> int:
        """The scales of quantised rows, a hundredth of a hundredth, are left out."""
        each = self.bytes_each(part)
        narrow = part.in_matrices if self.quantize != "none" else 0
        return narrow + each * (part.numbers - narrow)

    def bytes_each(self, part: Part) -> int:
        """Of a number that is not quantised. A VAE is never held in float16."""
        is_widened = part.name == VAE and self.dtype == "float16"
        return 4 if is_widened else BYTES[self.dtype]

    def __str__(self) -> str:
        narrow = f", linear layers in {self.quantize}" if self.quantize != "none" else ""
        return f"{self.dtype}{narrow}"


def weigh(folder: Path) -> tuple[Part, ...]:
    """The parts of the pipeline in a folder; one whose files cannot be read is left out."""
    index = _object(folder / "model_index.json")
    folders = (each for each in sorted(folder.iterdir()) if each.is_dir())
    parts = (_part(each) for each in folders if not index or each.name in index)
    return tuple(part for part in parts if part)


def _part(folder: Path) -> Part | None:
    try:
        shapes = [pair for path in _files(folder) for pair in _shapes(path)]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    if not shapes:
        return None
    is_narrow = is_quantized_part(folder.name)
    sizes = [math.prod(shape) for _, shape in shapes]
    narrow = (math.prod(shape) for name, shape in shapes if is_narrow and is_quantized(name, shape))
    return Part(folder.name, sum(sizes), sum(narrow), max(sizes), _object(folder / "config.json"))


def _object(path: Path) -> Mapping[str, Any]:
    """What a JSON file holds; nothing where it cannot be read, which is said when it is needed."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _files(part: Path) -> list[Path]:
    """Those that a pipeline is read from; a point in the stem marks a second copy, for others."""
    for index in part.glob("*.safetensors.index.json"):
        if "." not in index.name.removesuffix(".safetensors.index.json"):
            names = json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()
            return [part / name for name in sorted(set(names))]
    return [path for path in part.glob("*.safetensors") if "." not in path.stem]


def _shapes(path: Path) -> Iterator[tuple[str, list[int]]]:
    """Of one file: it begins with the length of its header and the header, which is JSON.

    See https://huggingface.co/docs/safetensors.
    """
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(min(length, _MAX_HEADER_BYTES)))
    for name in header:
        if name != "__metadata__":
            yield name, header[name]["shape"]
