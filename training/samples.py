"""What the painter can do so far, to be looked at while it trains."""

from __future__ import annotations

from pathlib import Path

from training.export import pipeline
from training.sheet import PROMPTS, sheet

SAMPLES = 16


def show_samples(folder: Path, images: int) -> None:
    """Paint some prompts from the checkpoints in `folder` into a sheet there, named by `images`."""
    sheet(pipeline(folder), folder / f"samples-{images // 1000:04d}k.png", PROMPTS[:SAMPLES])
