"""Whether the server could write to its folder."""

from __future__ import annotations

import os
from pathlib import Path

from limner.cli.checks.verdict import Verdict, failure, ok

REMEDY = "Choose another --data, or let this user write there."


def check_data(data: Path) -> Verdict:
    """Look at the folder, or at the nearest one in which it would be made."""
    folder = data.absolute()
    there = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
    if not there.is_dir():
        return failure("data", f"{there} is no folder", REMEDY)
    if not os.access(there, os.W_OK | os.X_OK):
        return failure("data", f"this user may not write to {there}", REMEDY)
    if there == folder and there.stat().st_uid != os.getuid():
        return failure("data", f"{there} belongs to another user", REMEDY)
    return ok("data", f"{data} can be written to" if there == folder else f"{data} can be made")
