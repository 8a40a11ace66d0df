from __future__ import annotations

import pytest

from limner.wire import json, kept, sse
from limner.wire.pictures import to_base64
from limner.wire.pictures_in import pictures_in
from tests.pictures import picture

LARGE = [picture(200 + edge, 200, "jpeg", quality=100).content for edge in (0, 40)]
ONE, TWO = (to_base64(picture(200 + edge, 200, "jpeg", quality=100)) for edge in (0, 40))
REPLIES = [
    json.dump({"data": [{"b64_json": ONE}, {"b64_json": TWO}]}),
    json.dump([{"image_base64": ONE, "deep": [{"url": f"data:image/jpeg;base64,{TWO}"}]}]),
    b": keepalive\n\n" + sse.encode("a", json.dump({"x": ONE})) + sse.encode("b", json.dump([TWO])),
]


@pytest.mark.parametrize("reply", REPLIES)
def test_pictures_are_found_wherever_they_are_and_taken_out(reply: bytes) -> None:
    assert list(pictures_in(reply)) == LARGE
    without = kept.keep(reply, pictures_in(reply))
    assert len(without) < 1000
    pictures = {kept.digest_of(content): content for content in LARGE}
    assert kept.restore(without, pictures) == reply


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"{broken",
        b"data: [DONE]\n\n",
        json.dump({"text": "x" * 2000, "odd": "=" * 2000, "number": 1, "none": None}),
        json.dump({"base64": to_base64(picture(2, 2))}),
        bytes(range(0, 256, 4)),
    ],
)
def test_nothing_else_is_taken_for_a_picture(reply: bytes) -> None:
    assert list(pictures_in(reply)) == []
