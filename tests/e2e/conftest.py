"""One server with the real engine and the shipped model for most of the tests."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from limner.engine.model_files import TINY
from tests.e2e.clients import close_all
from tests.e2e.processes import Server, serving


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(__file__.removesuffix("conftest.py")):
            item.add_marker("engine")


@pytest.fixture(scope="session", autouse=True)
def _engine_is_here() -> None:
    if not all(map(find_spec, ("torch", "diffusers", "transformers"))):
        pytest.skip("the engine's packages are not installed")
    if not (TINY / "model_index.json").is_file():
        pytest.skip("the shipped model is not in this tree")


@pytest.fixture(autouse=True)
def _clients_are_closed() -> Iterator[None]:
    yield
    close_all()


@pytest.fixture
def tmp_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its name is short, so that a server that keeps its data here puts its sockets here, too."""
    return tmp_path_factory.mktemp("s")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("s")) as running:
        yield running
