"""The two ports stay twins: what an adapter can do, and one method that gives events."""

from __future__ import annotations

from limner.core.ports import ImageBackend, Upstream


def offered(port: type) -> set[str]:
    return {name for name in vars(port) if not name.startswith("_")}


def test_a_port_is_its_capabilities_and_one_method() -> None:
    assert offered(Upstream) == {"capabilities", "stream"}
    assert offered(ImageBackend) == {"capabilities", "generate"}
