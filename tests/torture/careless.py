"""`limner` as it would be without one of its promises to the disk: what shows that a rig sees.

`careless database …`: commits wait for no sync (`synchronous=NORMAL`). `careless blobs …`: folders
are synced, but not the files of pictures in them.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable

import apsw

from limner.cli import main as limner


def _relax(connection: apsw.Connection) -> None:
    connection.pragma("synchronous", "NORMAL")
    connection.authorizer = _deaf


def _deaf(operation: int, first: str | None, *_: str | None) -> int:
    """Leave `PRAGMA synchronous` without effect."""
    is_sync = operation == apsw.SQLITE_PRAGMA and first == "synchronous"
    return apsw.SQLITE_IGNORE if is_sync else apsw.SQLITE_OK


def _folders_only(number: int, sync: Callable[[int], None] = os.fsync) -> None:
    if stat.S_ISDIR(os.fstat(number).st_mode):
        sync(number)


if __name__ == "__main__":
    match sys.argv.pop(1):
        case "database":
            apsw.connection_hooks.append(_relax)
        case "blobs":
            os.fsync = _folders_only  # type: ignore[assignment]
    limner()
