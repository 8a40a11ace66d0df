"""How much memory the machine has left for this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_MEMINFO = Path("/proc/meminfo")
_CGROUPS = Path("/sys/fs/cgroup")
_OWN_CGROUP = Path("/proc/self/cgroup")


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
