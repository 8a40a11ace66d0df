"""Whether a model's weights fit into the memory, found out before they are read.

Reading is what takes minutes, and what the kernel ends without a word where the memory of the
machine is too small. Only what clearly cannot fit is refused: pictures need more than the weights.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from limner.core.errors import ConfigError

PARTS = ("text_encoder", "transformer", "vae")
"""Parts of a pipeline that hold weights."""

_MAX_HEADER_BYTES = 100_000_000
"""The format's own limit."""

_MEMINFO = Path("/proc/meminfo")
_CGROUPS = Path("/sys/fs/cgroup")
_OWN_CGROUP = Path("/proc/self/cgroup")


def check_room(
    name: str, folder: Path, *, dtype: str, bytes_each: int, device: str, device_free: int | None
) -> None:
    """Raise ConfigError where the weights do not fit, with the flags that help.

    dtype, bytes_each: of one number as it will be held. device_free: bytes free on the device where
    it has a memory of its own, through which all pass on from the machine's.
    """
    need = bytes_each * sum(_numbers(folder / part) for part in PARTS)
    for where, free in (("this machine", free_memory()), (device, device_free)):
        if free is not None and need > free:
            raise ConfigError(
                f"model {name!r} needs {_gb(need)} for its weights as {dtype}, and {where} has "
                f"{_gb(free)} of memory free. {what_helps(dtype, device)}"
            )


def what_helps(dtype: str, device: str) -> str:
    """The flags with which a model needs less memory, or has more, what costs least first."""
    ways = [
        *(["--dtype bfloat16, which needs half"] if dtype == "float32" else []),
        *(["--device cpu, which is slow"] if device.startswith("cuda") else []),
        "a smaller --model",
        "--image-backend URL of an engine on a larger machine",
    ]
    return f"What helps: ending what else uses it, {', '.join(ways[:-1])}, or {ways[-1]}."


def free_memory() -> int | None:
    """Bytes that this process may still have, swap included; None where the system does not say."""
    try:
        lines = dict(line.split(":", 1) for line in _MEMINFO.read_text().splitlines())
        kilobytes = sum(int(lines[key].split()[0]) for key in ("MemAvailable", "SwapFree"))
    except (OSError, KeyError, ValueError):
        return None
    return min([kilobytes * 1024, *_limits()])


def _limits() -> Iterator[int]:
    """What containers and services above this process may have in all."""
    own = ""
    with suppress(OSError):
        own = _OWN_CGROUP.read_text().partition("0::/")[2].partition("\n")[0]
    group = _CGROUPS / own
    for folder in (group, *group.parents):
        with suppress(OSError, ValueError):  # not there, or `max`
            yield int((folder / "memory.max").read_text())
        if folder == _CGROUPS:
            return


def _numbers(part: Path) -> int:
    """How many numbers the weights of a part are; what cannot be read is left to who reads it."""
    try:
        return sum(map(_numbers_in, _files(part)))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return 0


def _files(part: Path) -> set[Path]:
    """Those that a pipeline is read from; a point in the stem marks a second copy, for others."""
    for index in part.glob("*.safetensors.index.json"):
        if "." not in index.name.removesuffix(".safetensors.index.json"):
            return {part / name for name in json.loads(index.read_text())["weight_map"].values()}
    return {path for path in part.glob("*.safetensors") if "." not in path.stem}


def _numbers_in(path: Path) -> int:
    """Of one file: it begins with the length of its header and the header, which is JSON.

    See https://huggingface.co/docs/safetensors.
    """
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(min(length, _MAX_HEADER_BYTES)))
    return sum(math.prod(header[name]["shape"]) for name in header if name != "__metadata__")


def _gb(size: int) -> str:
    return f"{size / 1e9:.1f} GB"
