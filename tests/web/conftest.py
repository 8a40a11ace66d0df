"""The real server with the shipped model, and Chromium to look at its page with.

All of it lives on one event loop, as a browser is too slow to start for every test.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from importlib.util import find_spec
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright
from pytest_asyncio import is_async_test

from limner.engine.model_files import TINY
from tests.e2e.processes import Server, ready, serving
from tests.web.visiting import FLAGS, Visit, visiting

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    on_one_loop = pytest.mark.asyncio(loop_scope="session")
    for item in items:
        if item.path.is_relative_to(__file__.removesuffix("conftest.py")) and is_async_test(item):
            item.add_marker(on_one_loop, append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium here: install it, or name one in the variable CHROMIUM")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        await browser.close()


def skip_without_engine() -> None:
    if not all(map(find_spec, ("torch", "diffusers", "transformers"))):
        pytest.skip("the engine's packages are not installed")
    if not (TINY / "model_index.json").is_file():
        pytest.skip("the shipped model is not in this tree")


@pytest.fixture(scope="session")
def server(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One that paints with the shipped model, in a second or so.

    It is waited for: while it cannot paint, the browser rightly notes that it is told so.
    """
    skip_without_engine()
    with serving(tmp_path_factory.mktemp("s")) as running:
        yield ready(running)


SLOWLY = ("--guidance-scale", "2", "--max-concurrent", "1")


@pytest.fixture(scope="session")
def slow(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The same with as many steps as it takes, so that there is a middle to do something in.

    One request at a time, so that others wait in the queue even while the engine is stopped.
    """
    skip_without_engine()
    with serving(tmp_path_factory.mktemp("s"), "--steps", "50", *SLOWLY) as running:
        yield ready(running)


@pytest_asyncio.fixture(loop_scope="session")
async def visit(browser: Browser, request: pytest.FixtureRequest) -> AsyncIterator[Visit]:
    """Opens the page, for as long as the test lasts, in a browser that knows nothing of before.

    Nothing may go wrong behind the scenes: the test fails in its end if something did.
    """
    async with AsyncExitStack() as stack:

        async def open_page(path: str = "/", server: Server | None = None, **looks: Any) -> Page:
            url = (server or request.getfixturevalue("server")).url
            return await stack.enter_async_context(visiting(browser, url, path, **looks))

        yield open_page
