"""Whether our engine can run here: its packages, its device, and room for its model."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from limner.app.painting import ENGINE_PACKAGES, INSTALL, gpu_of, missing_packages
from limner.cli.checks.verdict import Verdict, failure, ok, refused, warning
from limner.core.errors import ConfigError
from limner.engine.device import choose_device

OTHER_TORCH = (
    "Install the build of torch for it, which pytorch.org/get-started names; from the sources, "
    "`make setup TORCH=cuda` (or rocm)."
)
OTHER_DEVICE = "Choose --device auto or cpu, or install a build of torch for that device."
GPUS = ("/dev/nvidia0", "/dev/kfd")
"""What the drivers of NVIDIA and AMD show on Linux."""

_GIB = 2**30


@dataclass(frozen=True, slots=True)
class Device:
    """memory_bytes: what it has in all; None where that is not known."""

    name: str
    memory_bytes: int | None


def check_packages(*, is_wanted: bool) -> Verdict:
    """is_wanted: somebody asked for the engine, rather than leave it to what is installed."""
    if not (missing := missing_packages()):
        found = ", ".join(f"{name} {version(name)}" for name in ENGINE_PACKAGES)
        return ok("engine", found)
    what = f"{', '.join(missing)}: not installed, so nothing paints"
    if is_wanted:
        return failure("engine", what, f"{INSTALL}, or choose another --image-backend.")
    return warning("engine", what, f"{INSTALL}, or name what paints with --image-backend.")


def check_device(asked: str) -> tuple[Verdict, Device | None]:
    """Let torch say what it would compute on; takes the seconds that importing it takes."""
    try:
        import torch

        chosen = str(choose_device(torch, asked))
        gpu = gpu_of(chosen)
    except (ImportError, OSError) as error:
        return failure("device", f"torch cannot be imported: {error}", INSTALL), None
    except (ConfigError, RuntimeError) as error:
        return refused("device", str(error), OTHER_DEVICE), None
    if gpu:
        device = Device(chosen, int(gpu.vram_total_gb * _GIB))
        free = gpu.vram_total_gb - gpu.vram_used_gb
        return ok("device", f"{chosen}, {gpu.name}, {free:.1f} GiB free"), device
    return _without_gpu(chosen, asked)


def _without_gpu(chosen: str, asked: str) -> tuple[Verdict, Device]:
    device = Device(chosen, _memory_of_machine())
    unused = [path for path in GPUS if Path(path).exists()]
    if unused and asked == "auto":
        what = f"there is a GPU ({unused[0]}), but this torch cannot use it"
        return warning("device", what, OTHER_TORCH), device
    return ok("device", f"{chosen}, {_size(device.memory_bytes)} of memory"), device


def check_memory(device: Device, weights_bytes: int) -> Iterator[Verdict]:
    """Warn where the files are larger than what should hold them; loading needs some more."""
    if device.memory_bytes is not None and weights_bytes > device.memory_bytes:
        yield warning(
            "memory",
            f"the model's files have {_size(weights_bytes)}, {device.name} has "
            f"{_size(device.memory_bytes)} of memory",
            "Choose a smaller --model, another --device, or --image-backend URL of an engine on a "
            "larger machine.",
        )


def _memory_of_machine() -> int | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return None


def _size(count: int | None) -> str:
    return "an unknown amount" if count is None else f"{count / _GIB:.1f} GiB"
