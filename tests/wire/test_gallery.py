"""Pictures of stored responses, as read from what is kept and as listed."""

from __future__ import annotations

from limner.core.gallery import KeptPicture
from limner.core.page import Listed
from limner.wire import json
from limner.wire.gallery import gallery_json, kept_picture, no_such_picture
from limner.wire.kept import digest_of, keep
from limner.wire.pictures import to_base64
from tests.pictures import picture

PNG = picture()
DIGEST = digest_of(PNG.content)


def kept(**said: object) -> bytes:
    item = {"type": "image_generation_call", "id": "ig_1", "result": to_base64(PNG), **said}
    return keep(json.dump(item), [PNG.content])


def test_a_kept_picture_is_known_by_its_digest() -> None:
    text = kept(output_format="webp", size="8x8", revised_prompt="a fox")
    assert kept_picture("ig_1", "resp_1", 5.5, text) == KeptPicture(
        "ig_1", "resp_1", 5.5, DIGEST, "webp", "8x8", "a fox"
    )


def test_what_an_item_does_not_say_is_not_known() -> None:
    found = kept_picture("ig_1", "resp_1", 5.5, kept(output_format="../etc"))
    assert found is not None
    assert (found.size, found.prompt) == (None, None)
    assert (found.media_type, found.filename) == ("image/png", "ig_1.png")


def test_a_failed_picture_is_none() -> None:
    assert kept_picture("ig_1", "resp_1", 5.5, b'{"status":"failed"}') is None


def test_the_list_says_where_each_picture_is() -> None:
    entry = KeptPicture("ig_1", "resp_1", 5.5, DIGEST, "png", "8x8", "a fox")
    listed = gallery_json(Listed([entry], has_more=False))
    assert listed["data"][0]["url"] == "/v1/images/ig_1"
    assert (listed["first_id"], listed["data"][0]["created_at"]) == ("ig_1", 5)
    assert no_such_picture("ig_1").status == 404
