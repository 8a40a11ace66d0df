"""What picture files say of themselves: written, read and taken out, the pixels untouched.

PNG has texts (`parameters`, `limner`, XMP); JPEG and WebP have the same in Exif and XMP. A file
that is broken is left as it came: whoever decodes it will say so.
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from limner.core.image import ImageData
from limner.core.picture_facts import PictureFacts
from limner.wire import metadata_jpeg as jpeg
from limner.wire import metadata_png as png
from limner.wire import metadata_webp as webp
from limner.wire.metadata_exif import exif
from limner.wire.metadata_texts import (
    facts_in_xmp,
    facts_text,
    is_marked,
    parameters,
    read_facts,
    xmp,
)

PARAMETERS, FACTS = "parameters", "limner"
SOFTWARE = "Limner"

_CUT_TO = 0.8
_CUT = "…"


def write(image: ImageData, facts: PictureFacts | None) -> ImageData:
    """The picture with the mark "made by AI", and with how it was made unless that is None.

    In a JPEG, which has 64 kB for it, a very long prompt is cut, and ends in an ellipsis.
    """
    content = image.content
    try:
        match image.format:
            case "png":
                written = png.with_texts(content, _texts(facts))
            case "jpeg":
                facts = facts and _fitting(facts)
                written = jpeg.with_segments(content, exif=_exif(facts), xmp=xmp(facts))
            case "webp":
                written = webp.with_chunks(content, exif=_exif(facts), xmp=xmp(facts))
            case _:
                assert_never(image.format)
    except ValueError:
        return image
    return replace(image, content=written)


def read(image: ImageData) -> PictureFacts | None:
    """How a picture was made, where `write` has said so."""
    try:
        if image.format == "png":
            text = png.text_of(image.content, FACTS)
            return None if text is None else read_facts(text)
        return facts_in_xmp(_xmp(image) or b"")
    except ValueError:
        return None


def says_made_by_ai(image: ImageData) -> bool:
    """Whether the file has the mark, whoever wrote it; a signed manifest of C2PA counts as one."""
    try:
        return _is_signed(image) or is_marked(_xmp(image) or b"")
    except ValueError:
        return False


def is_signed(image: ImageData) -> bool:
    """Whether the file has a manifest of C2PA, which any change would break."""
    try:
        return _is_signed(image)
    except ValueError:
        return False


def strip(image: ImageData) -> ImageData:
    """The picture alone; colour profiles and the like stay, for they say how it looks."""
    try:
        match image.format:
            case "png":
                content = png.bare(image.content)
            case "jpeg":
                content = jpeg.bare(image.content)
            case "webp":
                content = webp.bare(image.content)
            case _:
                assert_never(image.format)
    except ValueError:
        return image
    return replace(image, content=content)


def _is_signed(image: ImageData) -> bool:
    match image.format:
        case "png":
            return png.is_signed(image.content)
        case "jpeg":
            return jpeg.is_signed(image.content)
        case "webp":
            return webp.is_signed(image.content)
        case _:
            assert_never(image.format)


def _xmp(image: ImageData) -> bytes | None:
    match image.format:
        case "png":
            text = png.text_of(image.content, png.XMP)
            return None if text is None else text.encode("utf-8", "replace")
        case "jpeg":
            return jpeg.xmp_of(image.content)
        case "webp":
            return webp.xmp_of(image.content)
        case _:
            assert_never(image.format)


def _texts(facts: PictureFacts | None) -> dict[str, str]:
    mark = {png.XMP: xmp().decode()}
    if facts is None:
        return mark
    return {PARAMETERS: parameters(facts), FACTS: facts_text(facts), **mark}


def _exif(facts: PictureFacts | None) -> bytes | None:
    return None if facts is None else exif(SOFTWARE, parameters(facts))


def _fitting(facts: PictureFacts) -> PictureFacts | None:
    """The facts as far as two segments have room for them."""
    while not _fits(facts):
        if not facts.prompt and not facts.revised_prompt:
            return None
        facts = replace(
            facts,
            prompt=_shorter(facts.prompt),
            revised_prompt=facts.revised_prompt and _shorter(facts.revised_prompt),
        )
    return facts


def _fits(facts: PictureFacts) -> bool:
    comment, packet = exif(SOFTWARE, parameters(facts)), xmp(facts)
    longest = max(len(jpeg.EXIF_HEAD + comment), len(jpeg.XMP_HEAD + packet))
    return longest <= jpeg.SEGMENT_BYTES


def _shorter(text: str) -> str:
    length = int(len(text) * _CUT_TO) - len(_CUT)
    return text[:length] + _CUT if length > 0 else ""
