"""What the engine computes on, with which numbers, and what a device says of itself.

`torch` comes in as an argument, here as elsewhere before a model is loaded: what a device that is
not at hand would answer can then be written down in a test.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from limner.core.errors import ConfigError

DTYPES = ("bfloat16", "float16", "float32")
ACCEPTED = "auto, cpu, cuda, cuda:<number>, mps, xpu, xpu:<number>"
HIDES = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES")
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
        asked = _best(torch)
    try:
        return torch.empty(0, device=asked).device
    except (RuntimeError, AssertionError) as error:
        lacks_gpu = asked.startswith("cuda") and not torch.cuda.is_available()
        helps = WITHOUT_GPU if lacks_gpu else f"Accepted are {ACCEPTED}."
        raise ConfigError(
            f"device {asked!r} cannot be used: {str(error).splitlines()[0]}. {_hidden()}{helps}"
        ) from error


def _hidden() -> str:
    """That the environment leaves devices out, where it does; of the others the first is 0."""
    values = ((name, os.environ.get(name)) for name in HIDES)
    said = [f"{name}={value!r} leaves out others." for name, value in values if value is not None]
    return " ".join([*said, ""])


def _best(torch: Any) -> str:
    if torch.cuda.is_available():  # ROCm builds answer to this name as well
        return "cuda"
    if torch.backends.mps.is_available():
        return "mps"
    return "xpu" if torch.xpu.is_available() else "cpu"


def choose_dtype(torch: Any, asked: str, device: Any) -> Any:
    """The torch dtype for a setting; raises ConfigError for one that is none of ours."""
    if asked == "auto":
        narrow = "bfloat16" if _has_bfloat16(torch, device) else "float16"
        asked = "float32" if device.type == "cpu" else narrow
    if asked not in DTYPES:
        raise ConfigError(f"dtype must be auto or one of {', '.join(DTYPES)}, got {asked!r}")
    return getattr(torch, asked)


def _has_bfloat16(torch: Any, device: Any) -> bool:
    """Whether bfloat16 is computed, not emulated: Turing and older lack it, macOS before 14 too."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    try:
        torch.zeros(1, dtype=torch.bfloat16, device=device).add(1)
    except (TypeError, RuntimeError):
        return False
    return True


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """A GPU. name: as its maker calls it. total_bytes, free_bytes: of its memory.

    own_memory: False where it shares the machine's, of which it may use so much.
    cuda, rocm: the version that torch was built for.
    """

    name: str
    total_bytes: int
    free_bytes: int
    own_memory: bool = True
    cuda: str | None = None
    rocm: str | None = None

    @property
    def built_for(self) -> str:
        """What torch talks to it through."""
        return f"ROCm {self.rocm}" if self.rocm else f"CUDA {self.cuda}" if self.cuda else "it"


def device_facts(torch: Any, device: Any) -> DeviceFacts | None:
    """What a device says of itself; None for a CPU, which has the machine's memory."""
    match device.type:
        case "cuda":
            free, total = torch.cuda.mem_get_info(device)
            name, rocm = torch.cuda.get_device_name(device), torch.version.hip
            return DeviceFacts(name, total, free, cuda=torch.version.cuda, rocm=rocm)
        case "xpu":
            free, total = torch.xpu.mem_get_info(device)
            return DeviceFacts(torch.xpu.get_device_name(device), total, free)
        case "mps":  # Metal says how much it would lend, and how much of that this process has
            total = torch.mps.recommended_max_memory()
            free = max(0, total - torch.mps.driver_allocated_memory())
            return DeviceFacts("Apple GPU (Metal)", total, free, own_memory=False)
        case _:
            return None


def is_out_of_memory(torch: Any, error: BaseException) -> bool:
    """Whether the model wanted more memory than there is, on whatever device."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    # On CPU and Metal torch raises a bare RuntimeError; its words are all there is to tell it by.
    return isinstance(error, RuntimeError) and any(
        sign in str(error) for sign in ("DefaultCPUAllocator", "MPS backend out of memory")
    )


def release_memory(torch: Any) -> None:
    """Give back what torch's allocators hold for later, after one of them had no more."""
    for name in ("cuda", "xpu", "mps"):
        backend = getattr(torch, name)
        if backend.is_available():
            backend.empty_cache()


def dtype_name(dtype: Any) -> str:
    """As settings and messages write a torch dtype, one of `DTYPES`."""
    return str(dtype).removeprefix("torch.")
