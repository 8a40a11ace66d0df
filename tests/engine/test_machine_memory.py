"""What the system says of the machine's memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from limner.engine import machine_memory
from limner.engine.machine_memory import free_memory


@pytest.mark.parametrize(
    ("own", "limits", "free"),
    [
        ("0::/\n", {}, 3 * 1024),
        ("0::/\n", {"": "2048"}, 2048),
        ("0::/a/b\n", {"a": "1024", "a/b": "max"}, 1024),
        ("4:memory:/a\n0::/a/b\n", {"a/b": "512", "": "max"}, 512),
        ("4:memory:/a\n", {"a": "512"}, 3 * 1024),
    ],
)
def test_limits_of_containers_and_services_count(
    own: str,
    limits: dict[str, str],
    free: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for group, limit in limits.items():
        (tmp_path / group).mkdir(parents=True, exist_ok=True)
        (tmp_path / group / "memory.max").write_text(f"{limit}\n")
    (tmp_path / "self").write_text(own)
    (tmp_path / "meminfo").write_text("MemTotal: 9 kB\nMemAvailable: 2 kB\nSwapFree:  1 kB\n")
    monkeypatch.setattr(machine_memory, "_CGROUPS", tmp_path)
    monkeypatch.setattr(machine_memory, "_OWN_CGROUP", tmp_path / "self")
    monkeypatch.setattr(machine_memory, "_MEMINFO", tmp_path / "meminfo")
    assert free_memory() == free


def test_a_system_that_does_not_say_has_unknown_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine_memory, "_MEMINFO", tmp_path / "nothing")
    assert free_memory() is None
