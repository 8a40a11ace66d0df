"""What holds for all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# How long an example takes says how busy the machine is, not whether the code is right. In CI the
# examples are the same every time, so that a red run is about the change; elsewhere they are fresh.
settings.register_profile("limner", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("limner")

# Every client reads the authorities of the world when it is made, which takes longer than most
# tests. Here nobody speaks to the world: this folder holds none.
os.environ.pop("SSL_CERT_FILE", None)
os.environ["SSL_CERT_DIR"] = str(Path(__file__).parent)

PURE = tuple(Path(__file__).parent / floor for floor in ("core", "wire"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Coverage counts what the tests of the pure floors reach themselves, whatever else runs."""
    for item in items:
        if not any(item.path.is_relative_to(floor) for floor in PURE):
            item.add_marker("no_cover")
