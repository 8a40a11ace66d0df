"""What a model that sees no pictures reads in the place of one.

One line says which picture of the conversation it is, by the number under which the image tool
takes it, and what is known of it; what it shows stands in the call that made it, if any.
"""

from __future__ import annotations

from typing import assert_never

from limner.core.image import ImageData
from limner.core.items import ImagePart, Part, RefusalPart, TextPart
from limner.wire.picture_size import measure


def words_of(part: Part) -> str:
    """The text of a part, or a line in the place of a picture."""
    match part:
        case TextPart(text):
            return text
        case RefusalPart(refusal):
            return refusal
        case ImagePart():
            which = "" if part.number is None else f"image {part.number}: "
            return f"[{which}{_name(part.source)}, which you cannot see]"
        case _:
            assert_never(part)


def _name(source: ImageData) -> str:
    size = measure(source)
    extent = f"{size} px" if size else f"{len(source.content)} bytes"
    return f"a {source.format} picture of {extent}"
