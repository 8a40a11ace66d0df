"""Whether a model finds room, and how it is laid out to fit: decided before its weights are read.

Reading is what takes minutes, and what the kernel ends without a word where the memory of the
machine is too small.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from limner.core.errors import ConfigError
from limner.core.image import Size
from limner.engine.activations import decode_bytes_per_px, step_bytes
from limner.engine.device import DeviceFacts
from limner.engine.machine_memory import free_memory
from limner.engine.weights import VAE, Part, Precision, weigh

Offload = Literal["none", "model", "sequential"]

SPARE = 1.25
"""Weights that lie on a device as a whole shall be no more than free memory divided by it: for
pictures, for what torch and the driver keep, for fragments."""
SPARE_FOR_ONE = 1.1
"""The same where one part at a time lies there."""
TILE_PX = range(256, 1025, 64)
"""Edges of the tiles in which a large picture may be decoded."""


@dataclass(frozen=True, slots=True)
class Ask:
    """offload: what the operator wants. native, largest: sizes of pictures."""

    precision: Precision
    offload: Offload | Literal["auto"]
    native: Size
    largest: Size


@dataclass(frozen=True, slots=True)
class Device:
    """free_bytes: what it has left, where it says so. shared: its memory is the machine's."""

    name: str
    free_bytes: int | None = None
    shared: bool = False

    @classmethod
    def of(cls, name: str, facts: DeviceFacts | None) -> Device:
        """facts: what it says of itself; a CPU says nothing."""
        if facts is None:
            return cls(name, shared=True)
        return cls(name, facts.free_bytes, shared=not facts.own_memory)


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the parts are while the model paints, and how its pictures are decoded.

    offload: `none`, all parts on the device; `model`, one at a time; `sequential`, one layer.
    tile_px: edge of the tiles in which larger pictures are decoded; None for decoding whole.
    words: what is needed and what was chosen, for a person.
    """

    offload: Offload = "none"
    tile_px: int | None = None
    words: str = ""


DEFAULT_LAYOUT = Layout()


@dataclass(frozen=True, slots=True)
class Need:
    """Bytes. parts: of the weights as they are held. layer: of the largest tensor.

    step: of one step of a native picture. decode: of decoding one pixel.
    """

    parts: dict[str, int]
    layer: int
    step: int
    decode: int

    @property
    def weights(self) -> int:
        return sum(self.parts.values())

    def resident(self, offload: Offload) -> int:
        """The most weights that lie on the device at once; the VAE always does."""
        vae = self.parts.get(VAE, 0)
        match offload:
            case "none":
                return self.weights
            case "model":
                others = (self.parts[name] for name in self.parts if name != VAE)
                return vae + max(others, default=0)
            case "sequential":
                return vae + 2 * self.layer  # the next is fetched while one is used

    def peak(self, offload: Offload) -> int:
        """With the smallest tiles, as small as a device may be."""
        spare = SPARE if offload == "none" else SPARE_FOR_ONE
        painting = max(self.step, self.decode * TILE_PX[0] ** 2)
        resident = self.resident(offload)
        return max(int(spare * resident), resident + painting)


def find_room(name: str, folder: Path, ask: Ask, device: Device) -> Layout:
    """How the model in a folder is laid out. What nobody knows the size of is taken for enough.

    Raises ConfigError where its weights cannot fit, with the flags that help.
    """
    parts = weigh(folder)
    need = _need(parts, ask)
    free = free_memory()
    _check("this machine", free, need.weights, name, ask, device)
    if device.shared:
        if ask.offload not in ("auto", "none"):
            raise ConfigError(
                f"offload {ask.offload!r} moves weights between the machine's memory and a GPU's "
                f"own, and {device.name} has none of its own; accepted are auto and none"
            )
        _check(device.name, device.free_bytes, need.weights, name, ask, device)
        known = [each for each in (free, device.free_bytes) if each is not None]
        return _layout("none", need, ask, min(known, default=None))
    offload = ask.offload if ask.offload != "auto" else _offload(need, device.free_bytes, ask)
    _check(device.name, device.free_bytes, need.resident(offload), name, ask, device)
    if offload == "sequential" and ask.precision.quantize != "none":
        raise ConfigError(
            f"model {name!r} would be fetched layer by layer (offload 'sequential'), which works "
            f"with plain weights only, not with quantize {ask.precision.quantize!r}; accepted is "
            "--quantize none, or --offload model where it fits"
        )
    return _layout(offload, need, ask, device.free_bytes)


def _need(parts: tuple[Part, ...], ask: Ask) -> Need:
    precision = ask.precision
    return Need(
        {part.name: precision.bytes_of(part) for part in parts},
        max((part.largest * precision.bytes_each(part) for part in parts), default=0),
        step_bytes(parts, ask.native, precision),
        decode_bytes_per_px(parts, precision),
    )


def _offload(need: Need, free: int | None, ask: Ask) -> Offload:
    """The fastest that fits; the slowest where none does, which is then refused or tried."""
    ways: tuple[Offload, ...] = ("none", "model", "sequential")
    if ask.precision.quantize != "none":
        ways = ("none", "model")
    return next((way for way in ways if free is None or need.peak(way) <= free), ways[-1])


def _check(where: str, free: int | None, wanted: int, name: str, ask: Ask, device: Device) -> None:
    if free is not None and wanted > free:
        helps = what_helps(ask.precision, device.name, may_offload=ask.offload == "none")
        raise ConfigError(
            f"model {name!r} needs {_size(wanted)} for its weights as {ask.precision}, and {where} "
            f"has {_size(free)} of memory free. {helps}"
        )


def _layout(offload: Offload, need: Need, ask: Ask, free: int | None) -> Layout:
    tile = _tile_px(need, offload, ask.largest, free)
    told = "" if free is None else f"; {_size(free)} are free"
    return Layout(offload, tile, _words(offload, tile, need, ask) + told)


def _tile_px(need: Need, offload: Offload, largest: Size, free: int | None) -> int | None:
    if free is None or not need.decode:
        return None
    left = free - need.resident(offload) - need.step
    if left >= need.decode * largest.width * largest.height:
        return None
    edge = math.isqrt(max(0, left) // need.decode)
    return max((px for px in TILE_PX if px <= edge), default=TILE_PX[0])


_OFFLOADED = {
    "none": "all of it stays loaded",
    "model": "one part at a time is loaded (--offload model)",
    "sequential": "one layer at a time is loaded, which is slow (--offload sequential)",
}


def _words(offload: Offload, tile: int | None, need: Need, ask: Ask) -> str:
    native = f"{ask.native.width}x{ask.native.height}"
    whole = need.decode * ask.native.width * ask.native.height
    tiles = f", decoded in tiles of {tile} px" if tile else ""
    weights, step = _size(need.weights), _size(need.step)
    return (
        f"{weights} of weights as {ask.precision}, about {step} for a step of {native} and "
        f"{_size(whole)} to decode it whole: {_OFFLOADED[offload]}{tiles}"
    )


def what_helps(precision: Precision, device: str, *, may_offload: bool = False) -> str:
    """The flags with which a model needs less memory, or has more, what costs least first."""
    has_own = device.startswith(("cuda", "xpu"))
    ways = [
        *(["--dtype bfloat16, which needs half"] if precision.dtype == "float32" else []),
        *(["--offload auto"] if has_own and may_offload else []),
        *(["--quantize fp8, which halves most of it"] if precision.quantize == "none" else []),
        *(["--device cpu, which is slow"] if has_own else []),
        "a smaller --model",
        "--image-backend URL of an engine on a larger machine",
    ]
    return f"What helps: ending what else uses it, {', '.join(ways[:-1])}, or {ways[-1]}."


_SMALL = 10**8


def _size(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= _SMALL else f"{size / 1e6:.1f} MB"
