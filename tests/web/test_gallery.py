"""All pictures on one wall, however many there are."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from benchmarks.gallery import fill
from limner.app.server import open_server
from limner.config import load
from tests.e2e.processes import Server, ready, serving
from tests.web.visiting import Visit, cards, id_of, painted, say, violations

COUNT = int(os.environ.get("LIMNER_PICTURES", "400"))
"""How many pictures there are. With LIMNER_PICTURES=5000 the tests take a minute longer."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def full(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    """A server with so many pictures that were made before; it paints no others."""
    folder = tmp_path_factory.mktemp("g")
    settings = load({"image_backend": "none", "data": str(folder / "data")}, {})
    async with open_server(settings):
        pass  # which has made the database
    await fill(folder / "data", COUNT)
    with serving(folder, "--image-backend", "none") as running:
        yield ready(running)


async def test_a_long_gallery_shows_what_is_in_sight_and_fetches_the_rest_when_wanted(
    visit: Visit, full: Server
) -> None:
    page = await visit("/#gallery", full)
    tile = page.locator("lm-gallery .tile")
    await expect(tile.first.locator("img")).to_be_visible()
    assert await tile.count() < 120, "only what is in sight is in the document"
    assert f"no. {COUNT - 1}," in str(await tile.first.get_attribute("aria-label"))
    last = page.get_by_role("button", name="no. 0,")
    for _ in range(COUNT):
        if await last.count():
            break
        await page.locator("lm-gallery").evaluate("(wall) => wall.scrollTo(0, wall.scrollHeight)")
        await page.evaluate("new Promise((wake) => requestAnimationFrame(wake))")
    await expect(last.first.locator("img")).to_be_visible()
    assert await tile.count() < 120
    assert await violations(page) == []


async def test_words_shape_and_star_narrow_it_down(visit: Visit, full: Server) -> None:
    page = await visit("/#gallery", full)
    tile = page.locator("lm-gallery .tile")
    await expect(tile.first).to_be_visible()
    await page.get_by_role("search").get_by_role("searchbox").fill("no. 37,")
    await expect(tile).to_have_count(1)
    await tile.focus()
    await tile.press("s")
    await page.get_by_role("search").get_by_role("searchbox").fill("")
    await expect(tile.nth(1)).to_be_visible()
    await page.get_by_role("search").get_by_role("button", name="Starred").click()
    await expect(tile).to_have_count(1)
    await page.get_by_role("search").get_by_role("searchbox").fill("an owl")
    await expect(tile).to_have_count(0)


async def test_arrows_walk_and_two_are_compared(visit: Visit, full: Server) -> None:
    page = await visit("/#gallery", full)
    first = page.locator("lm-gallery .tile").first
    await first.click()
    preview = page.get_by_role("dialog", name="Preview")
    await expect(preview.locator(".count")).to_contain_text("1 /")
    await page.keyboard.press("ArrowRight")
    await expect(preview.locator(".count")).to_contain_text("2 /")
    assert await violations(page) == []
    await page.keyboard.press("Escape")
    await expect(preview).to_have_count(0)
    await page.keyboard.press("c")
    await page.keyboard.press("ArrowRight")
    await page.keyboard.press("c")
    await expect(page.get_by_role("dialog", name="Compare")).to_be_visible()
    assert await violations(page) == []


async def test_a_picture_leads_back_to_where_it_was_talked_about(visit: Visit) -> None:
    page = await visit()
    await say(page, "a purple triangle")
    picture = await id_of(await painted(page))
    await page.get_by_role("navigation").get_by_role("button", name="Gallery").click()
    await page.get_by_role("button", name="Picture: a purple triangle").first.click()
    await page.get_by_role("button", name="Show in its chat").click()
    await expect(cards(page, "done")).to_have_attribute("data-item", picture)


async def test_a_deleted_picture_hangs_again_after_undo(visit: Visit) -> None:
    page = await visit()
    await say(page, "a yellow circle")
    await painted(page)
    await page.get_by_role("navigation").get_by_role("button", name="Gallery").click()
    tile = page.locator("lm-gallery .tile")
    await tile.first.focus()
    count = await tile.count()
    await page.keyboard.press("Delete")
    await expect(tile).to_have_count(count - 1)
    await page.get_by_role("button", name="Undo").click()
    await expect(tile).to_have_count(count)
