from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from limner.core.image import ImageFormat, ImageRequest, Size
from limner.engine.encode import encode
from limner.engine.model import ModelFacts
from limner.engine.params import Plan, plan
from limner.engine.source import Cover

TINY = ModelFacts("tiny", Size(128, 128), buckets=(Size(128, 128),), min_edge_px=64)
PIXELS = np.random.default_rng(0).integers(0, 256, (128, 128, 3), dtype=np.uint8)


def planned(format: ImageFormat, size: Size | None = None, *, compression: int = 100) -> Plan:
    asked = ImageRequest(
        "a cat", size=size, output_format=format, output_compression=compression, seed=41, n=2
    )
    return plan(asked, TINY, 0)


def opened(content: bytes) -> Image.Image:
    image = Image.open(BytesIO(content))
    image.load()
    return image


def test_png_keeps_every_pixel_and_says_nothing_else() -> None:
    made = encode(PIXELS, planned("png"))
    image = opened(made.content)
    assert (image.format, made.format, made.media_type) == ("PNG", "png", "image/png")
    assert np.array_equal(np.asarray(image), PIXELS)
    assert image.info == {}


@pytest.mark.parametrize("format", ["jpeg", "webp"])
def test_lossy_formats_obey_the_compression(format: ImageFormat) -> None:
    fine = encode(PIXELS, planned(format))
    coarse = encode(PIXELS, planned(format, compression=0))
    assert len(coarse.content) < len(fine.content) / 4
    assert opened(fine.content).format == format.upper()


@pytest.mark.parametrize("size", [Size(1280, 720), Size(64, 64), Size(100, 300)], ids=str)
def test_other_sizes_are_delivered_to_the_pixel(size: Size) -> None:
    assert opened(encode(PIXELS, planned("png", size)).content).size == (size.width, size.height)


def test_another_shape_is_cut_evenly_and_never_squeezed() -> None:
    pixels = np.zeros((128, 128, 3), np.uint8)
    pixels[56:72, 56:72] = 255
    image = opened(encode(pixels, planned("png", Size(1280, 640))).content)
    rows, columns = np.nonzero(np.asarray(image)[:, :, 0] > 127)
    assert np.ptp(rows) == np.ptp(columns)
    assert (rows.min() + rows.max(), columns.min() + columns.max()) == (639, 1279)


def edited(size: Size, source: Size) -> Plan:
    return plan(ImageRequest("a", size=size, strength=0.5), TINY, 0, source)


def test_an_edit_goes_back_to_its_shape_the_way_it_came() -> None:
    pixels = np.zeros((128, 128, 3), np.uint8)
    pixels[:, :64] = 255
    image = opened(encode(pixels, edited(Size(100, 300), Size(100, 300))).content)
    assert image.size == (100, 300)
    assert np.nonzero(np.asarray(image)[150, :, 0] > 127)[0].tolist() == list(range(50))


@pytest.mark.parametrize("half", [False, True])
def test_what_stays_lies_over_the_result_to_the_pixel(half: bool) -> None:
    size = Size(300, 200)
    kept = np.random.default_rng(1).integers(0, 256, (200, 300, 3), dtype=np.uint8)
    free = np.zeros((200, 300), np.uint8)
    free[:, :100], free[:, 100:110] = 255, 128
    cover = Cover(Image.fromarray(kept), Image.fromarray(free))
    black = np.zeros((64, 64, 3) if half else (128, 128, 3), np.uint8)
    made = np.asarray(opened(encode(black, edited(size, size), cover).content))
    assert not made[:, :100].any()
    assert np.array_equal(made[:, 110:], kept[:, 110:])
    assert np.abs(made[:, 100:110] * 2 - kept[:, 100:110].astype(int)).max() <= 2


def test_a_preview_is_written_with_less_care_and_looks_the_same() -> None:
    """Less care shows in the bytes: webp's encoder looks for fewer ways to save some."""
    rows, columns = np.mgrid[:128, :128]
    pixels = np.stack([rows, columns, (rows + columns) // 2], -1).astype(np.uint8)
    plan = planned("webp", compression=80)
    finished, preview = encode(pixels, plan), encode(pixels, plan, preview=True)
    assert finished.content != preview.content
    far = np.asarray(opened(preview.content), int) - np.asarray(opened(finished.content), int)
    assert np.abs(far).mean() < 3


def test_a_smaller_preview_fills_the_picture_s_place() -> None:
    half = opened(encode(PIXELS[::2, ::2], planned("png"), preview=True).content)
    assert half.size == (128, 128)
    assert half != opened(encode(PIXELS[::2, ::2], planned("png")).content)
