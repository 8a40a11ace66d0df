"""What picture files say of themselves, for all formats and modes, as others read it."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
import zlib
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from limner.core.image import FORMATS, ImageData, ImageFormat
from limner.core.lora import Lora
from limner.core.picture_facts import PictureFacts
from limner.wire.picture_metadata import is_signed, read, says_made_by_ai, strip, write
from tests.pictures import picture

FACTS = PictureFacts(
    "a red fox",
    seed=42,
    size="512x384",
    model="tiny",
    steps=8,
    guidance=0.0,
    version="0.1.0",
    created_at=1_795_300_000,
)
SOURCE_TYPE = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType"
MADE_BY_AI = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
MODES: dict[ImageFormat, tuple[str, ...]] = {
    "png": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
    "jpeg": ("L", "RGB", "CMYK"),
    "webp": ("RGB", "RGBA"),
}
facts_of_any_kind = st.builds(
    PictureFacts,
    st.text(),
    revised_prompt=st.none() | st.text(),
    seed=st.none() | st.integers(0, 2**32 - 1),
    size=st.none() | st.just("512x384"),
    model=st.none() | st.text(),
    steps=st.none() | st.integers(1, 50),
    guidance=st.none() | st.floats(0, 20),
    strength=st.none() | st.floats(0, 1),
    loras=st.lists(st.builds(Lora, st.text("abc", min_size=1), st.none() | st.floats(-4, 4))).map(
        tuple
    ),
    action=st.sampled_from(["generate", "edit"]),
    version=st.none() | st.just("0.1.0"),
    created_at=st.none() | st.integers(0, 4_000_000_000),
)


@st.composite
def files(draw: st.DrawFn) -> ImageData:
    """Noise in any mode, with and without what others write into files."""
    format: ImageFormat = draw(st.sampled_from(FORMATS))
    mode = draw(st.sampled_from(MODES[format]))
    width, height = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    noise = np.random.default_rng(width).integers(0, 256, (height, width, 4), dtype=np.uint8)
    options: dict[str, Any] = draw(
        st.sampled_from([{}, {"exif": _exif()}, {"icc_profile": b"profile" * 9}])
    )
    if format == "webp":
        options["lossless"] = draw(st.booleans())
    return saved(Image.fromarray(noise, "RGBA").convert(mode), format, **options)


def _exif() -> Image.Exif:
    exif = Image.Exif()
    exif[0x013B] = "somebody"
    return exif


def saved(image: Image.Image, format: ImageFormat, **options: Any) -> ImageData:
    file = BytesIO()
    image.save(file, format, **options)
    return ImageData(file.getvalue(), format)


def opened(image: ImageData) -> Image.Image:
    """Decoded by Pillow, which checks what it reads."""
    Image.open(BytesIO(image.content)).verify()
    found = Image.open(BytesIO(image.content))
    found.load()
    return found


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def same_pixels(one: ImageData, other: ImageData) -> bool:
    a, b = opened(one), opened(other)
    return a.mode == b.mode and a.size == b.size and a.tobytes() == b.tobytes()


@given(files(), facts_of_any_kind)
def test_what_was_written_is_read_and_taken_out_again(
    image: ImageData, facts: PictureFacts
) -> None:
    written = write(image, facts)
    assert read(written) == facts
    assert says_made_by_ai(written)
    assert same_pixels(written, image)
    plain = strip(written)
    assert read(plain) is None
    assert not says_made_by_ai(plain)
    assert same_pixels(plain, image)
    assert opened(plain).info.get("icc_profile") == opened(image).info.get("icc_profile")
    assert not opened(plain).getexif()


@given(files())
def test_the_mark_alone_says_nothing_of_the_making(image: ImageData) -> None:
    written = write(image, None)
    assert says_made_by_ai(written)
    assert read(written) is None
    assert same_pixels(written, image)
    assert b"parameters" not in written.content


@given(files(), facts_of_any_kind)
def test_writing_twice_says_it_once(image: ImageData, facts: PictureFacts) -> None:
    once = write(image, facts)
    assert write(once, facts).content.count(b"digitalsourcetype/") == 1
    assert same_pixels(write(once, facts), image)


@given(files(), st.data())
def test_files_that_are_broken_stay_as_they_are(image: ImageData, data: st.DataObject) -> None:
    """Whatever is cut or crooked: nothing is raised, and a picture is never made worse."""
    whole = bytearray(write(image, FACTS).content)
    for _ in range(data.draw(st.integers(0, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    broken = replace(image, content=bytes(whole[: data.draw(st.integers(0, len(whole)))]))
    for change in (write(broken, FACTS), write(broken, None), strip(broken)):
        assert change.format == image.format
    read(broken), says_made_by_ai(broken), is_signed(broken)


@pytest.mark.parametrize("format", FORMATS)
def test_nothing_is_done_to_what_is_no_picture(format: ImageFormat) -> None:
    for content in (b"", b"RIFF", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"x" * 99):
        image = ImageData(content, format)
        assert write(image, FACTS) == strip(image) == image
        assert read(image) is None
        assert not says_made_by_ai(image)
        assert not is_signed(image)


@pytest.mark.skipif(not shutil.which("pngcheck"), reason="pngcheck is not installed")
@pytest.mark.parametrize("mode", MODES["png"])
def test_pngcheck_finds_nothing_wrong(mode: str, tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    noise = np.random.default_rng(0).integers(0, 256, (9, 7, 4), dtype=np.uint8)
    image = saved(Image.fromarray(noise, "RGBA").convert(mode), "png")
    for made in (write(image, FACTS), write(image, None), strip(write(image, FACTS))):
        path.write_bytes(made.content)
        found = subprocess.run(["pngcheck", "-q", path], capture_output=True, check=False)
        assert (found.returncode, found.stdout) == (0, b"")


def test_other_programs_find_the_text_that_they_know() -> None:
    """AUTOMATIC1111 reads `parameters` of a PNG, and the user's comment of the others."""
    text = "a red fox\nSteps: 8, CFG scale: 0.0, Seed: 42, Size: 512x384, Model: tiny"
    text += ", Version: Limner 0.1.0"
    assert opened(write(picture(), FACTS)).info["parameters"] == text
    for format in ("jpeg", "webp"):
        comment = opened(write(picture(format=format), FACTS)).getexif().get_ifd(0x8769)[0x9286]
        assert comment == b"UNICODE\0" + text.encode("utf-16-be")


def test_values_with_commas_are_quoted_in_that_text() -> None:
    facts = replace(FACTS, model='one, "two"')
    text = opened(write(picture(), facts)).info["parameters"]
    assert 'Model: "one, \\"two\\"", ' in text


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("facts", [FACTS, None, replace(FACTS, prompt="'\"<&>\x01\ufffe\uffff")])
def test_the_mark_is_well_formed_xmp(format: ImageFormat, facts: PictureFacts | None) -> None:
    packet = opened(write(picture(format=format), facts)).info["xmp"]
    text = re.sub(r"<\?xpacket.*?\?>", "", packet.decode()).strip()
    (described,) = ElementTree.fromstring(text).iter(
        "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}Description"
    )
    assert described.get(SOURCE_TYPE) == MADE_BY_AI


@pytest.mark.parametrize("format", FORMATS)
def test_a_prompt_of_any_length_has_room_or_is_cut_in_the_open(format: ImageFormat) -> None:
    facts = replace(FACTS, prompt="я" * 32_000, revised_prompt="<" * 32_000)
    written = write(picture(format=format), facts)
    assert same_pixels(written, picture(format=format))
    said = read(written)
    assert said is not None
    if format == "jpeg":
        assert said.prompt.endswith("я…")
        assert facts.prompt.startswith(said.prompt[:-1])
        assert said.seed == 42
    else:
        assert said == facts


def test_what_has_no_room_at_all_is_left_out_but_the_mark() -> None:
    written = write(picture(format="jpeg"), PictureFacts("a", model="m" * 70_000))
    assert says_made_by_ai(written)
    assert read(written) is None


def test_half_a_character_does_no_harm() -> None:
    said = read(write(picture(), PictureFacts("a \ud83d fox", model="\udfff")))
    assert said == PictureFacts("a ? fox", model="?")


@pytest.mark.parametrize("format", FORMATS)
def test_texts_of_others_stay_and_an_xmp_packet_without_a_mark_is_replaced(
    format: ImageFormat,
) -> None:
    image = picture(format=format)
    if format == "png":
        theirs = chunk(b"tEXt", b"parameters\0theirs") + chunk(
            b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0<x/>"
        )
        image = replace(image, content=image.content[:33] + theirs + image.content[33:])
    else:
        image = saved(Image.new("RGB", (8, 8)), format, exif=_exif(), xmp=b"<x/>")
    assert not says_made_by_ai(image)
    info = opened(write(image, FACTS))
    assert b"<x/>" not in info.info["xmp"]
    if format == "png":
        assert info.info["parameters"] == "theirs"
    else:
        assert info.getexif()[0x013B] == "somebody"


def test_marks_of_others_are_seen() -> None:
    theirs = b'Iptc4xmpExt:DigitalSourceType="http://cv.iptc.org/newscodes/digitalsourcetype/'
    packet = theirs + b'compositeWithTrainedAlgorithmicMedia"'
    assert says_made_by_ai(picture(format="jpeg", xmp=packet))


def test_signed_pictures_are_known() -> None:
    png, jpeg, webp = (picture(format=format).content for format in FORMATS)
    manifest = b"\0\0\0\x20jumb\0\0\0\x18jumdc2pa"
    segment = b"\xff\xeb" + struct.pack(">H", len(manifest) + 2) + manifest
    body = webp[8:] + b"C2PA" + struct.pack("<I", 4) + b"jumb"
    for image in (
        ImageData(png[:33] + chunk(b"caBX", manifest) + png[33:], "png"),
        ImageData(jpeg[:2] + segment + jpeg[2:], "jpeg"),
        ImageData(b"RIFF" + struct.pack("<I", len(body)) + body, "webp"),
    ):
        assert is_signed(image)
        assert says_made_by_ai(image)
        assert not is_signed(strip(image))


def test_comments_and_odd_markers_of_a_jpeg_are_walked_over() -> None:
    whole = picture(format="jpeg", comment="private").content
    odd = ImageData(whole[:2] + b"\xff\xff\x01" + whole[2:], "jpeg")
    assert read(write(odd, FACTS)) == FACTS
    assert b"private" not in strip(odd).content


def test_a_text_that_is_compressed_is_nobodys_of_ours() -> None:
    content = picture().content
    packed = chunk(b"iTXt", b"limner\0\1\0\0\0" + zlib.compress(b"{}"))
    assert read(ImageData(content[:33] + packed + content[33:], "png")) is None


@pytest.mark.parametrize(
    "text",
    [b"{", b"[]", b"{}", b'{"prompt": 1}', b'{"prompt": "a", "created": "soon"}'],
)
def test_what_only_looks_like_ours_is_not_believed(text: bytes) -> None:
    content = picture().content
    said = chunk(b"iTXt", b"limner\0\0\0\0\0" + text)
    assert read(ImageData(content[:33] + said + content[33:], "png")) is None


def test_values_of_a_wrong_type_count_as_unsaid() -> None:
    content = picture().content
    text = b'{"prompt": "a", "seed": true, "size": 1, "guidance": "7", "steps": 2.5}'
    said = chunk(b"iTXt", b"limner\0\0\0\0\0" + text)
    image = ImageData(content[:33] + said + content[33:], "png")
    assert read(image) == PictureFacts("a")


@pytest.mark.parametrize("body", [b"VP8 \xff\0\0\0", b"VP8 \4\0\0\0what", b"ALPH\0\0\0\0"])
def test_crooked_chunks_of_a_webp_are_left_alone(body: bytes) -> None:
    image = ImageData(b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body, "webp")
    assert write(image, FACTS) == image


@pytest.mark.parametrize(
    "chunks", [chunk(b"IEND", b""), chunk(b"IHDR", b"short") + chunk(b"IEND", b"")]
)
def test_a_png_without_its_header_is_left_alone(chunks: bytes) -> None:
    image = ImageData(b"\x89PNG\r\n\x1a\n" + chunks, "png")
    assert write(image, FACTS) == image
