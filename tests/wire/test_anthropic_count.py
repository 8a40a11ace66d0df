from __future__ import annotations

import pytest

from limner.wire.anthropic_count import counted, read_count


def test_only_what_is_counted_is_sent() -> None:
    body = {"model": "m", "messages": [], "max_tokens": 5, "stream": True, "temperature": 1}
    assert counted(body) == {"model": "m", "messages": []}


@pytest.mark.parametrize(
    ("reply", "count"),
    [
        (b'{"input_tokens": 0}', 0),
        (b'{"input_tokens": 12, "more": 1}', 12),
        (b'{"input_tokens": true}', None),
        (b'{"input_tokens": "12"}', None),
        (b"{}", None),
        (b"[]", None),
        (b"<html>", None),
    ],
)
def test_a_count_is_a_number_or_it_is_none(reply: bytes, count: int | None) -> None:
    assert read_count(reply) == count
