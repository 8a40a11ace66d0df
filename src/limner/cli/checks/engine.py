"""Whether our engine can run here: its packages, its device, and room for its model."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

from limner.app.painting import ENGINE_PACKAGES, INSTALL, gpu_of, missing_packages
from limner.cli.checks.verdict import Verdict, failure, ok, refused, warning
from limner.core.errors import ConfigError
from limner.engine.device import choose_device, choose_dtype
from limner.engine.room import check_room

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
    """dtype: what weights are held as there. bytes_each: of one such number.

    free_bytes: of a GPU's own memory; None where it has the machine's.
    """

    name: str
    dtype: str
    bytes_each: int
    free_bytes: int | None = None


def check_packages(*, is_wanted: bool) -> Verdict:
    """is_wanted: somebody asked for the engine, rather than leave it to what is installed."""
    if not (missing := missing_packages()):
        found = ", ".join(f"{name} {version(name)}" for name in ENGINE_PACKAGES)
        return ok("engine", found)
    what = f"{', '.join(missing)}: not installed, so nothing paints"
    if is_wanted:
        return failure("engine", what, f"{INSTALL}, or choose another --image-backend.")
    return warning("engine", what, f"{INSTALL}, or name what paints with --image-backend.")


def check_device(asked: str, dtype: str = "auto") -> tuple[Verdict, Device | None]:
    """Let torch say what it would compute on; takes the seconds that importing it takes."""
    try:
        import torch

        found = choose_device(torch, asked)
        chosen = str(found)
        kind = choose_dtype(torch, dtype, found)
        gpu = gpu_of(chosen)
    except (ImportError, OSError) as error:
        return failure("device", f"torch cannot be imported: {error}", INSTALL), None
    except (ConfigError, RuntimeError) as error:
        return refused("device", str(error), OTHER_DEVICE), None
    device = Device(chosen, str(kind).removeprefix("torch."), kind.itemsize)
    if gpu:
        free = gpu.vram_total_gb - gpu.vram_used_gb
        verdict = ok("device", f"{chosen}, {gpu.name}, {free:.1f} GiB free")
        return verdict, replace(device, free_bytes=int(free * _GIB))
    return _without_gpu(chosen, asked), device


def _without_gpu(chosen: str, asked: str) -> Verdict:
    unused = [path for path in GPUS if Path(path).exists()]
    if unused and asked == "auto":
        what = f"there is a GPU ({unused[0]}), but this torch cannot use it"
        return warning("device", what, OTHER_TORCH)
    return ok("device", f"{chosen}, {_size(_memory_of_machine())} of memory")


def check_memory(name: str, folder: Path, device: Device) -> Iterator[Verdict]:
    """Fail where the weights cannot fit, as loading would."""
    try:
        check_room(
            name,
            folder,
            dtype=device.dtype,
            bytes_each=device.bytes_each,
            device=device.name,
            device_free=device.free_bytes,
        )
    except ConfigError as error:
        yield refused("memory", error.message, "Choose a smaller --model.")


def _memory_of_machine() -> int | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return None


def _size(count: int | None) -> str:
    return "an unknown amount" if count is None else f"{count / _GIB:.1f} GiB"
