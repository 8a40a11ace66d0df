"""Checkpoints that a killed run cannot spoil, and the log of a stage."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import torch


def save(path: Path, state: dict[str, Any]) -> None:
    """Replace the checkpoint at once, never in part."""
    fresh = path.with_suffix(".new")
    torch.save(state, fresh)
    os.replace(fresh, path)


def load(path: Path) -> dict[str, Any] | None:
    """The last checkpoint, None where there is none."""
    if not path.exists():
        return None
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state


def note(folder: Path, stage: str, line: str) -> None:
    """Print a line of progress and keep it in the stage's log."""
    stamped = f"{time.strftime('%H:%M:%S')} {stage}: {line}"
    print(stamped, flush=True)
    with (folder / f"{stage}.log").open("a") as log:
        log.write(stamped + "\n")
