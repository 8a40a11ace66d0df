from __future__ import annotations

import shutil
import subprocess
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from limner.engine.png import Deflate, fast_deflate, png, stock_deflate

RANDOM = np.random.default_rng(0)
DEFLATES = pytest.mark.parametrize(
    "deflate", [fast_deflate, stock_deflate], ids=["fast", "standard library"]
)


@DEFLATES
@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (5, 1), (64, 96), (301, 157)], ids=str)
def test_every_pixel_comes_back(deflate: Deflate, shape: tuple[int, int]) -> None:
    pixels = RANDOM.integers(0, 256, (*shape, 3), dtype=np.uint8)
    image = Image.open(BytesIO(png(pixels, deflate)))
    image.load()
    assert (image.format, image.mode) == ("PNG", "RGB")
    assert np.array_equal(np.asarray(image), pixels)


@DEFLATES
def test_flat_pictures_become_small(deflate: Deflate) -> None:
    assert len(png(np.full((512, 512, 3), 200, np.uint8), deflate)) < 8000


@DEFLATES
@pytest.mark.skipif(not shutil.which("pngcheck"), reason="needs the program pngcheck")
def test_an_independent_program_finds_no_fault(deflate: Deflate, tmp_path: Path) -> None:
    pixels = RANDOM.integers(0, 256, (200, 300, 3), dtype=np.uint8)
    file = tmp_path / "made.png"
    file.write_bytes(png(pixels, deflate))
    checked = subprocess.run(["pngcheck", "-v", file], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout
    assert "No errors detected" in checked.stdout
