"""Pictures of every format become PNG, and nothing that a stranger sends gets further."""

from __future__ import annotations

import random
import struct
import sys
import zlib
from collections.abc import AsyncIterator
from functools import cache
from io import BytesIO
from typing import Any

import pytest
from PIL import Image, PngImagePlugin

from limner.core.errors import InvalidRequest
from limner.core.image import FORMATS, ImageData, ImageFormat
from limner.images.codec import SandboxedCodec
from tests.pictures import picture

TRAILER = b"<script>alert(1)</script>PK\x03\x04"


@pytest.fixture
async def codec() -> AsyncIterator[SandboxedCodec]:
    async with SandboxedCodec() as codec:
        yield codec


def saved(image: Image.Image, format: str, **options: Any) -> bytes:
    out = BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def opened(image: ImageData) -> Image.Image:
    return Image.open(BytesIO(image.content))


async def refusal(codec: SandboxedCodec, content: bytes) -> str | None:
    """The code that a picture is refused with; None for one that is readable."""
    try:
        await codec.readable(content)
    except InvalidRequest as error:
        return error.code if error.status == 400 else f"status {error.status}"
    return None


def chunk(kind: bytes, content: bytes) -> bytes:
    body = kind + content
    return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))


def png(width: int, height: int, *extra: bytes, pixels: bytes = b"") -> bytes:
    """A PNG of grey pixels that says of itself what it is told to say."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(pixels, 9))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(extra) + data + chunk(b"IEND", b"")


@pytest.mark.parametrize("format", ["png", "jpeg", "webp", "gif", "bmp", "tiff"])
async def test_every_format_becomes_png(codec: SandboxedCodec, format: str) -> None:
    content = saved(Image.new("RGB", (13, 7), "orange"), format)
    image = opened(await codec.readable(content))
    assert (image.format, image.mode, image.size) == ("PNG", "RGB", (13, 7))
    red, green, blue = image.getpixel((3, 3))  # type: ignore[misc]
    assert red > 240
    assert 150 < green < 180
    assert blue < 20


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
async def test_every_kind_of_pixels_becomes_eight_bit_colour(
    codec: SandboxedCodec, mode: str
) -> None:
    image = opened(await codec.readable(saved(Image.new(mode, (4, 4)), "png")))
    assert image.mode == ("RGBA" if mode in ("LA", "RGBA") else "RGB")


async def test_sixteen_bits_keep_their_brightness(codec: SandboxedCodec) -> None:
    image = opened(await codec.readable(saved(Image.new("I;16", (4, 4), 0x8000), "png")))
    assert image.getpixel((0, 0)) == (128, 128, 128)


async def test_transparency_is_kept_and_becomes_white_in_a_jpeg(codec: SandboxedCodec) -> None:
    source = ImageData(saved(Image.new("RGBA", (8, 8), (255, 0, 0, 0)), "png"), "png")
    kept = await codec.readable(source.content)
    assert opened(kept).getpixel((0, 0)) == (255, 0, 0, 0)
    assert opened(await codec.encode(source, "jpeg")).getpixel((0, 0)) == (255, 255, 255)


async def test_a_picture_that_lies_on_its_side_is_set_upright(codec: SandboxedCodec) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    content = saved(Image.new("RGB", (20, 10)), "jpeg", exif=exif)
    image = opened(await codec.readable(content))
    assert image.size == (10, 20)
    assert not image.getexif()


async def test_of_an_animation_the_first_frame_is_taken(codec: SandboxedCodec) -> None:
    frames = [Image.new("RGB", (5, 5), colour) for colour in ("red", "blue")]
    for format in ("gif", "webp", "png"):
        content = saved(frames[0], format, save_all=True, append_images=frames[1:], lossless=True)
        image = opened(await codec.readable(content))
        assert image.getpixel((0, 0)) == (255, 0, 0)
        assert getattr(image, "n_frames", 1) == 1


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("compression", [None, 0, 50, 100])
async def test_pictures_are_written_in_the_format_asked(
    codec: SandboxedCodec, format: ImageFormat, compression: int | None
) -> None:
    image = await codec.encode(picture(16, 16), format, compression)
    assert image.format == format
    assert opened(image).format == format.upper()


@pytest.mark.parametrize("format", ["png", "jpeg", "gif", "bmp"])
async def test_nothing_but_the_pixels_is_kept(codec: SandboxedCodec, format: str) -> None:
    options: dict[str, Any] = {}
    if format == "png":
        options["pnginfo"] = PngImagePlugin.PngInfo()
        options["pnginfo"].add_text("comment", TRAILER.decode("latin-1"))
        options["icc_profile"] = TRAILER
    elif format in ("jpeg", "gif"):
        options["comment"] = TRAILER
    content = saved(Image.new("RGB", (9, 9), "navy"), format, **options) + TRAILER
    clean = await codec.readable(content)
    assert TRAILER not in clean.content
    assert opened(clean).info == {}


@cache
def bombs() -> dict[str, tuple[bytes, str]]:
    """Small files that would become very large pictures, by name, and how they are refused."""
    webp = BytesIO()
    Image.new("RGB", (8000, 8000)).save(webp, "webp", lossless=True)
    text = b"k\0\0" + zlib.compress(bytes(100_000_000))
    animation = chunk(b"acTL", struct.pack(">II", 10_000_000, 0))
    jpeg = bytearray(saved(Image.new("RGB", (16, 16)), "jpeg"))
    at = jpeg.index(b"\xff\xc0") + 5
    jpeg[at : at + 4] = b"\xff\xff\xff\xff"
    gif = bytearray(saved(Image.new("RGB", (16, 16)), "gif"))
    gif[6:10] = b"\xff\xff\xff\xff"
    bmp = bytearray(saved(Image.new("RGB", (16, 16)), "bmp"))
    bmp[18:26] = struct.pack("<II", 60_000, 60_000)
    return {
        "a WebP of a few kB and 64 megapixels": (webp.getvalue(), "image_too_large"),
        "a PNG flood": (png(30_000, 30_000, pixels=bytes(1_000_000)), "image_too_large"),
        "a PNG of one very long line": (png(100_000, 1), "image_too_large"),
        "a PNG that unpacks far more than its pixels": (
            png(2, 2, chunk(b"zTXt", text), pixels=bytes(6)),
            "image_parse_error",
        ),
        "a profile bomb": (
            png(
                2, 2, chunk(b"iCCP", b"p\0\0" + zlib.compress(bytes(100_000_000))), pixels=bytes(6)
            ),
            "image_parse_error",
        ),
        "an animation that says it has ten million frames": (
            png(2, 2, animation, pixels=bytes(6)),
            "",
        ),
        "a JPEG that says 65535 px": (bytes(jpeg), "image_too_large"),
        "a GIF that says 65535 px": (bytes(gif), "image_too_large"),
        "a BMP that says 60000 px": (bytes(bmp), "image_too_large"),
    }


@pytest.mark.parametrize("name", bombs())
async def test_bombs_do_not_go_off(codec: SandboxedCodec, name: str) -> None:
    content, code = bombs()[name]
    assert len(content) < 200_000
    if code:
        assert await refusal(codec, content) == code
    else:
        assert opened(await codec.readable(content)).size == (2, 2)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_image_file"),
        (b"no picture", "unsupported_image_media_type"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "unsupported_image_media_type"),
        (b"\x89PNG\r\n\x1a\n", "unsupported_image_media_type"),
        (picture(64, 64).content[:-30], "image_parse_error"),
        (picture(64, 64, "jpeg").content[:400], None),
        (bytes(20 * 1024 * 1024 + 1), "image_file_too_large"),
    ],
)
async def test_what_is_no_whole_picture_is_refused(
    codec: SandboxedCodec, content: bytes, code: str | None
) -> None:
    with pytest.raises(InvalidRequest) as raised:
        await codec.readable(content)
    assert raised.value.status == 400
    assert raised.value.code in (code, "image_parse_error", "unsupported_image_media_type")
    assert "Traceback" not in raised.value.message


async def test_a_broken_picture_does_not_cost_the_child(codec: SandboxedCodec) -> None:
    await codec.readable(picture().content)
    (child,) = codec._idle
    for content in (b"no picture", picture(64, 64).content[:-30], bombs()["a profile bomb"][0]):
        assert await refusal(codec, content)
    assert codec._idle == [child]
    assert child.returncode is None


async def test_the_largest_picture_still_fits(codec: SandboxedCodec) -> None:
    content = saved(Image.new("RGBA", (8192, 4028)), "png")
    assert opened(await codec.readable(content)).size == (8192, 4028)


async def test_a_picture_within_the_limits_is_left_as_it_is(codec: SandboxedCodec) -> None:
    image = picture(100, 50)
    assert await codec.scaled(image, max_edge_px=100, max_bytes=10_000) is image


@pytest.mark.parametrize("alpha", [False, True])
async def test_a_picture_beyond_the_limits_is_made_to_fit(
    codec: SandboxedCodec, alpha: bool
) -> None:
    noise = Image.effect_noise((600, 300), 80).convert("RGBA" if alpha else "RGB")
    if alpha:
        noise.putpixel((0, 0), (0, 0, 0, 0))
    image = ImageData(saved(noise, "png"), "png")
    by_edge = await codec.scaled(image, max_edge_px=150, max_bytes=10_000_000)
    assert opened(by_edge).size == (150, 75)
    assert by_edge.format == "png"
    by_bytes = await codec.scaled(image, max_edge_px=600, max_bytes=5000)
    assert len(by_bytes.content) <= 5000
    assert by_bytes.format == ("webp" if alpha else "jpeg")


async def test_what_cannot_fit_is_refused(codec: SandboxedCodec) -> None:
    with pytest.raises(InvalidRequest, match="made to fit"):
        await codec.scaled(picture(64, 64), max_edge_px=10, max_bytes=5)


@pytest.mark.parametrize(
    ("size", "width", "expected"),
    [((640, 320), 160, (160, 80)), ((100, 400), 160, (100, 400)), ((1, 4000), 160, (1, 4000))],
)
async def test_a_thumbnail_is_as_wide_as_asked_or_as_the_picture(
    codec: SandboxedCodec, size: tuple[int, int], width: int, expected: tuple[int, int]
) -> None:
    small = await codec.thumbnail(picture(*size, alpha=True), width_px=width)
    assert (small.format, opened(small).size) == ("webp", expected)
    assert opened(small).convert("RGBA").getchannel("A").getpixel((0, 0)) == 0


async def test_a_child_that_dies_costs_one_picture_and_is_replaced(codec: SandboxedCodec) -> None:
    await codec.readable(picture().content)
    child = codec._idle[0]
    child.kill()
    await child.wait()
    assert (await codec.readable(picture().content)).format == "png"
    assert codec._idle[0] is not child


async def test_a_child_that_takes_too_long_is_ended() -> None:
    async with SandboxedCodec(workers=1, patience_s=0) as codec:
        with pytest.raises(InvalidRequest) as raised:
            await codec.readable(picture().content)
        assert raised.value.code == "image_parse_error"
        assert not codec._idle


@pytest.mark.skipif(sys.platform != "linux", reason="limits are read from /proc")
async def test_the_child_may_open_start_and_write_nothing(codec: SandboxedCodec) -> None:
    await codec.readable(picture().content)
    pid = codec._idle[0].pid
    with open(f"/proc/{pid}/limits") as limits:  # noqa: ASYNC230
        values = {line[:26].strip(): line[26:47].strip() for line in limits}
    assert values["Max open files"] == "0"
    assert values["Max processes"] == "0"
    assert values["Max file size"] == "0"
    assert values["Max core file size"] == "0"
    assert int(values["Max address space"]) <= 1024**3
    assert int(values["Max cpu time"]) <= 3600
    with open(f"/proc/{pid}/environ") as environ:  # noqa: ASYNC230
        assert "LIMNER" not in environ.read()


MUTATED = [picture(8, 8, format).content for format in FORMATS]


async def test_no_mutation_breaks_anything(codec: SandboxedCodec) -> None:
    chance = random.Random(7)
    refused = 0
    for _ in range(400):
        content = bytearray(chance.choice(MUTATED))
        for _ in range(chance.randint(1, 4)):
            content[chance.randrange(len(content))] = chance.randrange(256)
        refused += await refusal(codec, bytes(content)) is not None
    assert 0 < refused < 400
