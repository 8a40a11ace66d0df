"""Objects out of a reply's bytes, whether it streams or not."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.wire.reply_body import BrokenReplyError, ReplyBody


def read(*pieces: bytes, limit_bytes: int = 1000) -> list[dict[str, Any] | None]:
    body = ReplyBody(limit_bytes)
    objects = [value for piece in pieces for value in body.feed(piece)]
    return [*objects, *body.flush()]


def test_each_event_is_an_object_and_done_is_none() -> None:
    stream = b': hi\n\ndata: {"a":1}\n\nevent: x\ndata:\n\ndata: {"b":2}\n\ndata: [DONE]\n\n'
    assert read(stream) == [{"a": 1}, {"b": 2}, None]


def test_a_last_event_without_its_blank_line_counts() -> None:
    assert read(b'data: {"a":1}\n\ndata: [DONE]') == [{"a": 1}, None]


@pytest.mark.parametrize("start", [b"", b" \r\n "])
def test_a_reply_that_does_not_stream_is_one_object(start: bytes) -> None:
    assert read(start, b'{"a":\n\n', b"[]}") == [{"a": []}]


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"data: {broken\n\n", "sent what is not JSON"),
        (b"data: [1]\n\n", "sent an array where an object belongs"),
        (b"data: " + b"x" * 2000, "sent too much at once"),
        (b"{" + b" " * 2000, "sent too much at once"),
        (b"{broken", "sent what is not JSON"),
    ],
)
def test_what_no_dialect_allows_is_said_in_words(body: bytes, what: str) -> None:
    with pytest.raises(BrokenReplyError, match=f"^{what}"):
        read(body)


STREAM = '\ufeffdata: {"a":"Grüße"}\r\n\r\nevent: b\ndata: {"b":"мир"}\n\ndata: [DONE]\n\n'.encode()


@given(st.lists(st.integers(0, len(STREAM)), max_size=20).map(sorted))
def test_any_split_of_the_bytes_gives_the_same_objects(cuts: list[int]) -> None:
    pieces = [STREAM[start:end] for start, end in pairwise([0, *cuts, len(STREAM)])]
    assert read(*pieces) == [{"a": "Grüße"}, {"b": "мир"}, None]
