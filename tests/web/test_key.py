"""A server that asks for a key."""

from __future__ import annotations

from pathlib import Path

from playwright.async_api import expect

from tests.e2e.processes import serving
from tests.web.visiting import Visit, say, violations


async def test_the_page_asks_for_a_key_and_keeps_it(visit: Visit, tmp_path: Path) -> None:
    flags = ("--image-backend", "none")
    with serving(tmp_path, *flags, LIMNER_API_KEYS="sk-right") as server:
        page = await visit(server=server, but=["401"])
        dialog = page.get_by_role("dialog", name="This server asks for a key")
        await expect(dialog).to_be_visible()
        assert await violations(page) == []
        await page.keyboard.press("Escape")
        await expect(dialog).to_be_visible()
        await page.get_by_label("Key", exact=True).fill("sk-wrong")
        await page.keyboard.press("Enter")
        await expect(dialog.get_by_role("alert")).to_contain_text("does not know this key")
        await page.get_by_label("Key", exact=True).fill("sk-right")
        await page.keyboard.press("Enter")
        await expect(dialog).to_have_count(0)
        await say(page, "What can you do?")
        await expect(page.locator("lm-words")).not_to_be_empty()
        await page.reload()
        await expect(page.locator("lm-words")).not_to_be_empty()
        await expect(dialog).to_have_count(0)
