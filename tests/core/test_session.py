"""What a connection remembers of its responses."""

from __future__ import annotations

from limner.core.session import Remembered, recall

SESSION = {
    "resp_2": Remembered("resp_1", [{"id": "c"}, {"id": "d"}]),
    "resp_1": Remembered(None, [{"id": "a"}, {"id": "b"}]),
    "resp_9": Remembered("resp_elsewhere", [{"id": "z"}]),
}


def test_what_was_said_comes_oldest_first() -> None:
    assert recall(SESSION, "resp_2") == (None, [{"id": name} for name in "abcd"])


def test_where_memory_ends_its_rest_is_named() -> None:
    assert recall(SESSION, "resp_9") == ("resp_elsewhere", [{"id": "z"}])
    assert recall(SESSION, "resp_none") == ("resp_none", [])
    assert recall(SESSION, None) == (None, [])
