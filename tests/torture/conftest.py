"""Marks what is here, and says how much of it there is to be."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.processes import environment
from tests.store.conftest import postgres_server, postgres_url
from tests.torture.zygote import Zygote, zygote

__all__ = ["postgres_server", "postgres_url"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(__file__.removesuffix("conftest.py")):
            item.add_marker("torture")


@pytest.fixture(scope="session")
def servers() -> Iterator[Zygote]:
    """Forks servers."""
    with zygote(environment()) as forking:
        yield forking
