"""Texts as they are kept: pictures out, pictures in, and the very bytes again."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.wire import json
from limner.wire.kept import (
    digest_of,
    digests_in,
    keep,
    pictures_in,
    pictures_left_out,
    restore,
    without_pictures,
)

CONTENTS = st.lists(st.binary(min_size=1, max_size=40), max_size=5)


def base64_of(content: bytes) -> str:
    return base64.b64encode(content).decode()


@given(CONTENTS, st.text())
def test_what_is_restored_is_what_was_kept(contents: list[bytes], words: str) -> None:
    items = [{"result": base64_of(content), "words": words} for content in contents]
    text = json.dump({"items": items, "words": words})
    kept = keep(text, contents)
    assert restore(kept, {digest_of(content): content for content in contents}) == text
    assert set(digests_in(kept)) <= {digest_of(content) for content in contents}


def test_a_kept_text_names_each_picture_once() -> None:
    text = json.dump([base64_of(b"one!!"), base64_of(b"other"), base64_of(b"one!!")])
    kept = keep(text, [b"one!!", b"other", b"absent", b""])
    assert digests_in(kept) == [digest_of(b"one!!"), digest_of(b"other")]
    assert base64_of(b"one!!").encode() not in kept
    assert json.load(without_pictures(kept))[1] == digest_of(b"other")
    with pytest.raises(KeyError):
        restore(kept, {digest_of(b"one!!"): b"one!!"})


@given(CONTENTS, st.text())
def test_a_text_without_its_pictures_has_null_in_their_places(
    contents: list[bytes], words: str
) -> None:
    items = [{"result": base64_of(content), "words": words} for content in contents]
    kept = keep(json.dump({"items": items}), contents)
    left = json.load(pictures_left_out(kept))["items"]
    assert [item["result"] for item in left] == [None] * len(contents)


def test_pieces_and_names_of_longer_texts_lose_only_the_picture() -> None:
    content = base64_of(b"one!!")
    value = {
        "image_url": f"data:image/png;base64,{content}",
        "text": f"see <img src='data:image/png;base64,{content}'>",
        content: 1,
    }
    left = json.load(pictures_left_out(keep(json.dump(value), [b"one!!"])))
    assert left == {"image_url": None, "text": "see <img src='data:image/png;base64,'>", "": 1}


def test_a_picture_is_found_wherever_a_client_may_put_it() -> None:
    value = {
        "result": base64_of(b"painted"),
        "content": [{"image_url": f"data:image/png;base64,{base64_of(b'shown')}"}],
        "input_image_mask": {"image_url": f"data:image/webp;base64,{base64_of(b'mask')}"},
        "number": 5,
    }
    assert list(pictures_in(value)) == [b"painted", b"shown", b"mask"]


@pytest.mark.parametrize(
    "value",
    [
        {"result": "no base64 at all"},
        {"result": ""},
        {"text": base64_of(b"words that look like a picture")},
        {"image_url": "https://example.com/a.png"},
        {"image_url": "data:image/png;base64,"},
        "cGljdHVyZQ==",
        None,
    ],
)
def test_other_values_hold_no_pictures(value: object) -> None:
    assert list(pictures_in(value)) == []
