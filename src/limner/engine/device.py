"""What the engine computes on, and with which numbers."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from limner.core.errors import ConfigError

DTYPES = ("bfloat16", "float16", "float32")
WITHOUT_GPU = (
    "--device cpu needs no GPU: there a picture takes tiny seconds, and a model of the size of "
    "Z-Image-Turbo ten minutes to an hour. For a GPU, install the build of torch for it, which "
    "pytorch.org/get-started names."
)


def physical_cores() -> int:
    """Cores this process may run on, two hardware threads counted as one where Linux tells."""
    if not hasattr(os, "sched_getaffinity"):
        return os.cpu_count() or 1
    allowed = os.sched_getaffinity(0)
    topology = "/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"
    try:
        return len({Path(topology.format(cpu)).read_text() for cpu in allowed})
    except OSError:
        return len(allowed)


def choose_device(torch: Any, asked: str) -> Any:
    """The torch device for a setting; raises ConfigError where it cannot be used."""
    if asked == "auto":
        # ROCm builds answer to the name cuda as well.
        if torch.cuda.is_available():
            asked = "cuda"
        else:
            asked = "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        return torch.empty(0, device=asked).device
    except (RuntimeError, AssertionError) as error:
        lacks_gpu = asked.startswith("cuda") and not torch.cuda.is_available()
        raise ConfigError(
            f"device {asked!r} cannot be used: {str(error).splitlines()[0]}. "
            f"{WITHOUT_GPU if lacks_gpu else 'Accepted are auto, cpu, cuda, cuda:<number>, mps.'}"
        ) from error


def choose_dtype(torch: Any, asked: str, device: Any) -> Any:
    """The torch dtype for a setting; raises ConfigError for one that is none of ours."""
    if asked == "auto":
        asked = "float32" if device.type == "cpu" else "bfloat16"
        if device.type == "cuda" and not torch.cuda.is_bf16_supported():
            asked = "float16"
    if asked not in DTYPES:
        raise ConfigError(f"dtype must be auto or one of {', '.join(DTYPES)}, got {asked!r}")
    return getattr(torch, asked)
