"""Milliseconds from pixels to the base64 of a finished file, for a picture of 1024 x 1024.

By the clock of the thread, so that what else the machine does is not counted. The picture is a
sheet of tiny's (flat areas) and a cloud of noise at all scales (a photograph's statistics).

    python benchmarks/picture_files.py [--rounds 40] [--plot docs/images/picture-files.svg]
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from limner.core.image import FORMATS, ImageRequest
from limner.engine.encode import encode
from limner.engine.model import ModelFacts
from limner.engine.params import plan
from limner.engine.png import png, stock_deflate
from limner.wire.pictures import to_base64

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks._bars import draw

EDGE = 1024
SHEET = Path(__file__).resolve().parent.parent / "docs" / "images" / "tiny-contact-sheet.png"


def flat() -> Any:
    return np.asarray(Image.open(SHEET).convert("RGB").resize((EDGE, EDGE)))


def cloud() -> Any:
    lot = np.random.default_rng(0)
    total = lot.normal(0, 2, (EDGE, EDGE, 3))
    for octave in range(2, 9):
        coarse = Image.fromarray(lot.integers(0, 256, (2**octave, 2**octave, 3), dtype=np.uint8))
        fine = coarse.resize((EDGE, EDGE), Image.Resampling.BICUBIC)
        total += np.asarray(fine, np.float64) / 2 ** (octave - 1)
    return (total / total.max() * 255).clip(0, 255).astype(np.uint8)


def ways(pixels: Any) -> dict[str, Callable[[], int]]:
    """What is measured, by name; each gives the size of the file."""

    def written(format: Any) -> Callable[[], int]:
        asked = ImageRequest("a cat", output_format=format, seed=1)
        decided = plan(asked, ModelFacts("any"), 0)

        def write() -> int:
            made = encode(pixels, decided)
            to_base64(made)
            return len(made.content)

        return write

    def pillow() -> int:
        file = BytesIO()
        Image.fromarray(pixels).save(file, "png", compress_level=1)
        return len(file.getvalue())

    return {
        **{format: written(format) for format in FORMATS},
        "png, zlib": lambda: len(png(pixels, stock_deflate)),
        "png, Pillow": pillow,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--plot", type=Path, help="draw the p95 of the cloud here, as SVG")
    options = parser.parse_args()
    rounds = options.rounds
    bars: list[tuple[str, float]] = []
    print(f"{'':16}{'median ms':>11}{'p95 ms':>9}{'kB':>7}")
    for name, pixels in (("flat", flat()), ("cloud", cloud())):
        for way, write in ways(pixels).items():
            took = []
            for _ in range(rounds):
                began = time.thread_time()
                size = write()
                took.append((time.thread_time() - began) * 1000)
            p95 = statistics.quantiles(took, n=20)[-1]
            print(f"{name + ' ' + way:18}{statistics.median(took):9.1f}{p95:9.1f}{size // 1000:7}")
            if name == "cloud":
                bars.append((way, p95))
    if options.plot:
        title = f"From pixels to base64, {EDGE} x {EDGE}: 95 of 100 take less than"
        draw(options.plot, title, "ms", bars, ours=len(bars) - 1)


if __name__ == "__main__":
    main()
