from __future__ import annotations

import pytest

from limner.core.image import ImageData
from limner.core.items import ImagePart, Part, RefusalPart, TextPart
from limner.wire.picture_words import words_of
from tests.pictures import picture


@pytest.mark.parametrize(
    ("part", "words"),
    [
        (TextPart("Hello."), "Hello."),
        (RefusalPart("No."), "No."),
        (
            ImagePart(picture(), number=2),
            "[image 2: a png picture of 8x8 px, which you cannot see]",
        ),
        (
            ImagePart(ImageData(b"?", "webp")),
            "[a webp picture of 1 bytes, which you cannot see]",
        ),
    ],
)
def test_a_line_stands_for_what_cannot_be_seen(part: Part, words: str) -> None:
    assert words_of(part) == words
