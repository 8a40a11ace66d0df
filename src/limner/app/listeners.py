"""Who listens on a port, where Linux tells: only a process of the same user is found, or any by
root. See proc(5) and proc_pid_net(5)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")
_LISTENS = "0A"


def who_listens(port: int, proc: Path = PROC) -> str | None:
    """The program's name and its process's number; None where that cannot be found out."""
    sockets = {f"socket:[{inode}]" for inode in _inodes(port, proc)}
    for process in proc.glob("[0-9]*"):
        with suppress(OSError):  # another user's, or gone by now
            if any(os.readlink(file) in sockets for file in (process / "fd").iterdir()):
                name = (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
                return f"{name} (process {process.name})"
    return None


def _inodes(port: int, proc: Path) -> Iterator[str]:
    """Of the sockets that listen on this port, at whatever address."""
    for table in ("tcp", "tcp6"):
        try:
            lines = (proc / "net" / table).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            _, here, _, state, *_, inode = line.split()[:10]
            if state == _LISTENS and int(here.rpartition(":")[2], 16) == port:
                yield inode
