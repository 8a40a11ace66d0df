"""Takes the pictures of the page that the documents show, with the real server, model and browser.

make screenshots
"""

from __future__ import annotations

import asyncio
import tempfile
from io import BytesIO
from pathlib import Path

import httpx
from PIL import Image
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.e2e.processes import PATIENCE_S, Server, ready, serving
from tests.web.conftest import CHROMIUM
from tests.web.visiting import FLAGS, cards, held, painted, say, visiting

FOLDER = Path(__file__).parents[2] / "docs/images"
MOST_BYTES = 150_000
WALL = (
    ("a yellow star on a dark blue background", "192x128"),
    ("a green triangle above an orange circle", "128x128"),
    ("a sunset over mountains", "192x112"),
    ("a purple square on a yellow background", "128x128"),
    ("a house under the sun", "176x128"),
    ("a red circle left of a blue square", "192x128"),
    ("mountains at night", "128x128"),
    ("a blue house on a green meadow", "160x128"),
    ("an orange triangle on a white background", "112x160"),
    ("a sunset over the sea", "192x128"),
    ("a red house", "128x128"),
    ("two green circles", "192x128"),
)
FIRST = "A sunset over mountains with a red house"


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as server:
        await asyncio.to_thread(ready, server)
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            await hang(server)
            for take in (gallery, desktop, dark, phone, mask):
                await take(browser, server)
            await browser.close()


async def hang(server: Server) -> None:
    """Fill the gallery: the same pictures every time."""
    async with httpx.AsyncClient(base_url=server.url, timeout=PATIENCE_S) as client:
        for seed, (prompt, size) in enumerate(WALL, 1):
            tool = {"type": "image_generation", "size": size, "seed": seed}
            asked = {"model": "limner", "input": f"draw {prompt}", "tools": [tool]}
            (await client.post("/v1/responses", json=asked)).raise_for_status()


async def desktop(browser: Browser, server: Server) -> None:
    async with visiting(browser, server.url) as page:
        await talk(page)
        await keep(page, "page-desktop")


async def dark(browser: Browser, server: Server) -> None:
    async with visiting(browser, server.url, dark=True) as page:
        await lock_seed(page)
        await say(page, FIRST)
        await page.wait_for_selector("[data-state=painting] .frame img")
        with held(server):
            await keep(page, "page-dark")


async def phone(browser: Browser, server: Server) -> None:
    async with visiting(browser, server.url, phone=True, dark=True) as page:
        await talk(page)
        await keep(page, "page-phone")


async def mask(browser: Browser, server: Server) -> None:
    async with visiting(browser, server.url) as page:
        await talk(page)
        await cards(page).last.get_by_role("button", name="Edit picture").click()
        canvas = await page.get_by_role("application").bounding_box()
        assert canvas
        x, y = canvas["x"] + canvas["width"] / 2, canvas["y"] + canvas["height"] / 2
        await page.mouse.move(x - 150, y - 60)
        await page.mouse.down()
        for across, down in ((-60, -120), (40, -130), (120, -70), (60, -10), (-60, -20), (20, -70)):
            await page.mouse.move(x + across, y + down, steps=6)
        await page.mouse.up()
        await page.get_by_label("What should change here?").fill("a full moon")
        await keep(page, "page-mask")


async def gallery(browser: Browser, server: Server) -> None:
    async with visiting(browser, server.url, "/#gallery") as page:
        await expect(page.locator("lm-gallery .tile img")).not_to_have_count(0)
        await keep(page, "page-gallery")


async def lock_seed(page: Page) -> None:
    """The same picture every time."""
    await page.locator('summary[aria-label^="Seed"]').click()
    await page.get_by_label("Or type one").fill("5")
    await page.get_by_label("Or type one").press("Enter")


async def talk(page: Page) -> None:
    """A picture, and a change of it."""
    await lock_seed(page)
    await say(page, FIRST)
    await painted(page)
    await say(page, "make the house blue")
    await painted(page, 2)


async def keep(page: Page, name: str) -> None:
    await page.wait_for_timeout(1000)  # for whatever still fades in
    with Image.open(BytesIO(await page.screenshot())) as image:
        file = FOLDER / f"{name}.webp"
        image.convert("RGB").save(file, "webp", quality=82, method=6)
    size = file.stat().st_size
    assert size < MOST_BYTES, f"{file} has {size} bytes"
    print(f"{file.name}: {size} bytes")


if __name__ == "__main__":
    asyncio.run(main())
