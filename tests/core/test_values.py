from __future__ import annotations

import pytest

from limner.core.errors import ConfigError, ImageError, InvalidRequest, LimnerError, UpstreamError
from limner.core.image import ImageData, ImageUsage, Size
from limner.core.items import ImagePart, Message, TextPart
from limner.core.readiness import Readiness
from limner.core.turn import Usage


def test_a_size_is_said_as_openai_says_it() -> None:
    assert str(Size(1280, 720)) == "1280x720"


def test_a_picture_knows_its_media_type_and_keeps_its_bytes_out_of_logs() -> None:
    picture = ImageData(b"secret", "webp")
    assert picture.media_type == "image/webp"
    assert "secret" not in repr(picture)


def test_usages_add_up() -> None:
    assert Usage(1, 2, 3, 4) + Usage(10, 20, 30, 40) == Usage(11, 22, 33, 44)
    assert Usage(1, 2).total_tokens == 3
    total = ImageUsage(1, 2, 3) + ImageUsage(10, 20, 30)
    assert total == ImageUsage(11, 22, 33)
    assert (total.input_tokens, total.total_tokens) == (33, 66)


def test_a_message_s_text_leaves_pictures_out() -> None:
    parts = (TextPart("one"), ImagePart(ImageData(b"a", "png")), TextPart("two"))
    assert Message("user", parts).text == "one\ntwo"


@pytest.mark.parametrize("family", [InvalidRequest, UpstreamError, ImageError, ConfigError])
def test_every_error_carries_a_message_for_its_reader(family: type[LimnerError]) -> None:
    error = family("size must be a multiple of 16, got 17")
    assert error.message == str(error) == "size must be a multiple of 16, got 17"


def test_readiness_says_how_far() -> None:
    assert Readiness("loading", "Loading tiny.", 0.5).progress == 0.5
