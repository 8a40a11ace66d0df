"""What an edit starts from, and how it is refused."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image

from limner.core.errors import ImageError
from limner.core.image import ImageData, ImageFormat, ImageRequest, Size
from limner.engine import source as source_module
from limner.engine.model import ModelFacts
from limner.engine.params import Plan
from limner.engine.source import Source, plan_edit

TINY = ModelFacts("tiny", Size(64, 64), buckets=(Size(64, 64), Size(96, 48)), min_edge_px=16)
RED, GREEN = (255, 0, 0), (0, 128, 0)


def data(image: Image.Image, format: ImageFormat = "png", **options: Any) -> ImageData:
    out = BytesIO()
    image.save(out, format, **options)
    return ImageData(out.getvalue(), format)


def red(size: tuple[int, int] = (64, 64)) -> Image.Image:
    return Image.new("RGB", size, RED)


def masking(box: tuple[int, int, int, int], size: tuple[int, int] = (64, 64)) -> Image.Image:
    """Opaque but for a box."""
    mask = Image.new("RGBA", size, (0, 0, 0, 255))
    mask.paste((0, 0, 0, 0), box)
    return mask


def edit(
    image: Image.Image | ImageData, mask: Image.Image | None = None, **options: Any
) -> tuple[Plan, Source]:
    given = image if isinstance(image, ImageData) else data(image)
    asked = ImageRequest("a", images=(given,), mask=data(mask) if mask else None, **options)
    return plan_edit(asked, TINY, 7)


def refusal(*given: Any, **options: Any) -> ImageError:
    with pytest.raises(ImageError) as refused:
        edit(*given, **options)
    assert (refused.value.status, refused.value.type) == (400, "image_generation_user_error")
    return refused.value


def test_a_source_without_mask_may_change_everywhere() -> None:
    decided, source = edit(red())
    assert (decided.size, decided.painted, decided.seeds) == (Size(64, 64), Size(64, 64), (7,))
    assert (decided.strength, decided.steps, decided.levels) == (0.6, 5, 8)
    assert source.cover is None
    assert source.picture.getcolors() == [(64 * 64, RED)]


def test_a_masks_transparent_pixels_are_those_that_may_change() -> None:
    decided, source = edit(red(), masking((0, 0, 16, 64)))
    assert source.cover is not None
    free = np.asarray(source.cover.free)
    assert (free[:, :16] == 255).all()
    assert (free[:, 16:] == 0).all()
    assert (decided.strength, decided.steps) == (1.0, 8)


def test_between_the_two_lies_a_soft_edge() -> None:
    mask = masking((0, 0, 16, 64))
    mask.paste((0, 0, 0, 100), (16, 0, 20, 64))
    _, source = edit(red(), mask)
    assert source.cover is not None
    assert set(np.unique(np.asarray(source.cover.free))) == {0, 155, 255}


def test_without_a_mask_the_sources_own_transparency_is_it() -> None:
    cut_out = red().convert("RGBA")
    cut_out.paste((0, 0, 255, 0), (32, 0, 64, 64))
    decided, source = edit(cut_out)
    assert source.cover is not None
    assert (np.asarray(source.cover.free)[:, 32:] == 255).all()
    assert source.picture.getcolors() == [(64 * 64, RED)], "what is around, not what is hidden"
    assert decided.strength == 1.0
    assert not decided.adjustments


def test_a_mask_alone_may_be_source_and_mask_in_one() -> None:
    mask = masking((8, 8, 24, 24))
    _, source = edit(mask, mask)
    assert source.cover is not None
    assert np.asarray(source.cover.free).astype(bool).sum() == 16 * 16


def test_a_source_that_is_hardly_transparent_is_laid_on_white() -> None:
    decided, source = edit(Image.new("RGBA", (64, 64), (255, 0, 0, 204)))
    assert source.cover is None
    assert "laid on white" in decided.adjustments[0]
    assert source.picture.getpixel((5, 5)) == (255, 51, 51)


def test_a_soft_edge_of_the_source_blends_its_own_colour() -> None:
    soft = red().convert("RGBA")
    soft.paste((*GREEN, 100), (32, 0, 64, 64))
    _, source = edit(soft)
    assert source.cover is not None
    assert source.cover.picture.getpixel((60, 30)) == GREEN
    assert source.cover.free.getpixel((60, 30)) == 155


@pytest.mark.parametrize("size", [(64, 64), (7, 3), (1, 1), (200, 9)], ids=str)
def test_a_source_that_is_all_transparent_is_painted_anew(size: tuple[int, int]) -> None:
    decided, source = edit(Image.new("RGBA", size, (9, 9, 9, 0)))
    assert source.picture.mode == "RGB"
    assert source.picture.size == (decided.painted.width, decided.painted.height)
    assert decided.strength == 1.0


def test_a_mask_alone_says_what_changes_and_transparency_elsewhere_is_lost() -> None:
    cut_out = red().convert("RGBA")
    cut_out.paste((0, 0, 255, 0), (32, 0, 64, 64))
    decided, source = edit(cut_out, masking((0, 0, 16, 64)))
    assert source.cover is not None
    assert source.cover.picture.getpixel((60, 30)) == (255, 255, 255)
    assert source.cover.free.getpixel((60, 30)) == 0
    assert "laid on white" in decided.adjustments[0]
    painted, _ = edit(cut_out, masking((32, 0, 64, 64)))
    assert not painted.adjustments


def test_what_stays_is_kept_at_full_size_while_the_model_gets_its_own() -> None:
    decided, source = edit(red((1000, 1000)), masking((0, 0, 500, 1000), (1000, 1000)))
    assert source.picture.size == (64, 64)
    assert source.cover is not None
    assert source.cover.picture.size == source.cover.free.size == (1000, 1000)
    assert (decided.painted, decided.size) == (Size(64, 64), Size(1000, 1000))
    assert decided.adjustments == ("painted at 64x64 and enlarged to 1000x1000",)


def test_source_and_mask_are_cut_alike_to_the_shape_asked() -> None:
    picture = red((64, 64))
    picture.paste(GREEN, (0, 0, 64, 32))
    _, source = edit(picture, masking((0, 0, 64, 32)), size=Size(96, 48))
    assert source.cover is not None
    kept, free = source.cover.picture, source.cover.free
    assert kept.size == free.size == source.picture.size == (96, 48)
    assert (kept.getpixel((50, 10)), free.getpixel((50, 10))) == (GREEN, 255)
    assert (kept.getpixel((50, 40)), free.getpixel((50, 40))) == (RED, 0)


@pytest.mark.parametrize("format", ["png", "jpeg", "webp"])
def test_every_format_is_read(format: ImageFormat) -> None:
    _, source = edit(data(red(), format))
    pixel = source.picture.getpixel((9, 9))
    assert isinstance(pixel, tuple)
    assert np.abs(np.subtract(pixel, RED)).max() < 6


@pytest.mark.parametrize("mode", ["L", "1", "P", "CMYK", "LA", "I;16"])
def test_pictures_of_other_modes_are_read(mode: str) -> None:
    if mode == "CMYK":
        given = data(red().convert(mode), "jpeg")
    elif mode == "I;16":
        given = data(Image.new(mode, (64, 64), 65535))
    else:
        given = data(red().convert(mode))
    assert edit(given)[1].picture.mode == "RGB"


def test_a_photograph_that_lies_on_its_side_is_set_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # Exif 2.32: to be turned by 90 degrees
    decided, _ = edit(data(red((48, 96)), "jpeg", exif=exif))
    assert decided.size == Size(96, 48)


def test_more_than_one_picture_is_refused() -> None:
    asked = ImageRequest("a", images=(data(red()),) * 3)
    with pytest.raises(ImageError, match="too many images: 'tiny' takes one, got 3") as refused:
        plan_edit(asked, TINY, 0)
    assert refused.value.param == "image"


@pytest.mark.parametrize(
    "content", [b"", b"no picture", data(red()).content[:60], data(red(), "jpeg").content]
)
def test_what_is_no_picture_of_its_format_is_refused(content: bytes) -> None:
    error = refusal(ImageData(content, "png"))
    assert error.param == "image"
    assert "cannot be read as png" in error.message


def test_a_picture_too_large_is_refused_by_its_header(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_module, "MAX_SOURCE_PX", 1_000_000)
    error = refusal(data(Image.new("1", (2000, 1000))))
    assert (error.param, error.message) == (
        "image",
        "image may have 1 million pixels, got 2000x1000",
    )


def test_a_picture_that_would_burst_the_memory_is_refused() -> None:
    header = bytearray(data(red()).content)
    header[16:24] = (60_000).to_bytes(4, "big") * 2
    assert refusal(ImageData(bytes(header), "png")).param == "image"


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        (masking((0, 0, 9, 9), (64, 32)), "as large as the picture, 64x64, got 64x32"),
        (red(), "alpha 0"),
        (Image.new("RGBA", (64, 64), (0, 0, 0, 255)), "alpha 0"),
        (Image.new("RGBA", (64, 64), (0, 0, 0, 128)), "below 128"),
    ],
)
def test_a_mask_that_cannot_be_one_is_refused(mask: Image.Image, said: str) -> None:
    error = refusal(red(), mask)
    assert error.param == "mask"
    assert said in error.message
