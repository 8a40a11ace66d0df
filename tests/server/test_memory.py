"""What one WebSocket remembers."""

from __future__ import annotations

from limner.server.memory import Memory


def test_the_oldest_is_forgotten_beyond_so_many() -> None:
    memory = Memory(max_responses=2)
    for id in "abc":
        memory.add(id, None, [{"id": id}], 1)
    assert list(memory.responses) == ["b", "c"]


def test_the_oldest_is_forgotten_beyond_so_many_bytes() -> None:
    memory = Memory(max_bytes=10)
    memory.add("a", None, [], 6)
    memory.add("b", "a", [{"id": "x"}], 5)
    assert list(memory.responses) == ["b"]
    assert memory.responses["b"].previous_id == "a"
    memory.add("c", None, [], 11)
    assert memory.responses == {}


def test_what_is_forgotten_makes_room() -> None:
    memory = Memory(max_bytes=10)
    memory.add("a", None, [], 6)
    for id in ("a", "a", None, "b"):
        memory.forget(id)
    memory.add("b", None, [], 6)
    assert list(memory.responses) == ["b"]
