"""Whether our engine can run here: its packages, its device, and room for its model."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from limner.app.painting import ENGINE_PACKAGES, INSTALL, missing_packages
from limner.cli.checks.verdict import Verdict, failure, ok, refused, warning
from limner.core.errors import ConfigError
from limner.engine.device import choose_device, choose_dtype, device_facts, dtype_name
from limner.engine.loading import ask_for, facts_in
from limner.engine.quantizing import Quantize
from limner.engine.room import Device, Offload, find_room
from limner.engine.weights import Precision

OTHER_TORCH = (
    "Install the build of torch for it, which pytorch.org/get-started names; from the sources, "
    "`make setup TORCH=cuda` (or rocm)."
)
OTHER_DEVICE = "Choose --device auto or cpu, or install a build of torch for that device."
GPUS = ("/dev/nvidia0", "/dev/kfd")
"""What the drivers of NVIDIA and AMD show on Linux."""

_GIB = 2**30


@dataclass(frozen=True, slots=True)
class Ground:
    """What a model would stand on. dtype: what its weights are held as there."""

    device: Device
    dtype: str


def check_packages(*, is_wanted: bool) -> Verdict:
    """is_wanted: somebody asked for the engine, rather than leave it to what is installed."""
    if not (missing := missing_packages()):
        found = ", ".join(f"{name} {version(name)}" for name in ENGINE_PACKAGES)
        return ok("engine", found)
    what = f"{', '.join(missing)}: not installed, so nothing paints"
    if is_wanted:
        return failure("engine", what, f"{INSTALL}, or choose another --image-backend.")
    return warning("engine", what, f"{INSTALL}, or name what paints with --image-backend.")


def check_device(asked: str, dtype: str = "auto") -> tuple[Verdict, Ground | None]:
    """Let torch say what it would compute on; takes the seconds that importing it takes."""
    try:
        import torch

        found = choose_device(torch, asked)
        kind = choose_dtype(torch, dtype, found)
        facts = device_facts(torch, found)
    except (ImportError, OSError) as error:
        return failure("device", f"torch cannot be imported: {error}", INSTALL), None
    except (ConfigError, RuntimeError) as error:
        return refused("device", str(error), OTHER_DEVICE), None
    ground = Ground(Device.of(str(found), facts), dtype_name(kind))
    if facts:
        what = f"{found}, {facts.name}, {_size(facts.free_bytes)} free, torch for {facts.built_for}"
        return ok("device", what), ground
    return _without_gpu(str(found), asked), ground


def _without_gpu(chosen: str, asked: str) -> Verdict:
    unused = [path for path in GPUS if Path(path).exists()]
    if unused and asked == "auto":
        what = f"there is a GPU ({unused[0]}), but this torch cannot use it"
        return warning("device", what, OTHER_TORCH)
    return ok("device", f"{chosen}, {_size(_memory_of_machine())} of memory")


def check_memory(
    name: str,
    folder: Path,
    ground: Ground,
    *,
    offload: Offload | Literal["auto"] = "auto",
    quantize: Quantize = "none",
) -> Verdict:
    """Say how the model is laid out, or fail where it cannot fit, as loading would."""
    try:
        ask = ask_for(facts_in(folder, name), Precision(ground.dtype, quantize), offload)
        return ok("memory", find_room(name, folder, ask, ground.device).words)
    except ConfigError as error:
        return refused("memory", error.message, "Choose a smaller --model.")


def _memory_of_machine() -> int | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return None


def _size(count: int | None) -> str:
    return "an unknown amount" if count is None else f"{count / _GIB:.1f} GiB"
