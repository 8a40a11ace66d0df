"""All of it without a pointer."""

from __future__ import annotations

from playwright.async_api import Page, expect

from tests.web.visiting import Visit, box, cards, painted, say

FOCUSED = "document.activeElement?.matches({!r}) ?? false"


async def tab_to(page: Page, selector: str, key: str = "Shift+Tab") -> None:
    """Walk there as a person does; fails where the focus never comes."""
    for _ in range(60):
        if await page.evaluate(FOCUSED.format(selector)):
            return
        await page.keyboard.press(key)
    raise AssertionError(f"{key} does not lead to {selector}")


async def test_a_picture_is_ordered_changed_and_looked_at(visit: Visit) -> None:
    page = await visit()
    keyboard = page.keyboard
    await keyboard.press("Tab")
    await expect(page.get_by_text("Skip to the message box")).to_be_focused()
    await keyboard.press("Enter")
    await expect(box(page)).to_be_focused()
    await keyboard.type("a red")
    await keyboard.press("Shift+Enter")
    await keyboard.type("circle")
    await keyboard.press("Enter")
    await painted(page)
    await expect(box(page)).to_be_focused()
    await tab_to(page, "lm-card .card")
    await keyboard.press("e")
    await expect(page.get_by_role("textbox", name="Edit prompt")).to_be_focused()
    await keyboard.press("Control+a")
    await keyboard.type("a blue square")
    await keyboard.press("Enter")
    await expect(page.locator(".pager")).to_contain_text("2/2")
    await painted(page)
    await tab_to(page, "lm-card .card")
    await keyboard.press(",")
    await expect(page.locator(".pager")).to_contain_text("1/2")
    await tab_to(page, "lm-card .card")
    await keyboard.press(".")
    await expect(page.locator(".pager")).to_contain_text("2/2")
    await tab_to(page, "lm-card .card")
    await keyboard.press("s")
    await expect(cards(page).get_by_role("button", name="Star")).to_have_attribute(
        "aria-pressed", "true"
    )
    await keyboard.press("i")
    await expect(page.locator("lm-details")).to_contain_text("a blue square")
    await tab_to(page, "lm-card .card")
    await keyboard.press("c")
    await expect(page.get_by_role("dialog", name="Compare")).to_be_visible()
    await keyboard.press("Escape")
    await tab_to(page, "lm-card .card")
    async with page.expect_download():
        await keyboard.press("d")
        if await page.locator("details[open]").count():
            await keyboard.press("ArrowDown")
            await keyboard.press("Enter")


async def test_places_are_reached_by_their_keys(visit: Visit) -> None:
    page = await visit()
    keyboard = page.keyboard
    await say(page, "a green circle")
    await painted(page)
    await keyboard.press("Escape")
    await tab_to(page, "lm-card .card")
    await keyboard.press("?")
    await expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    await keyboard.press("Escape")
    await keyboard.press("q")
    await expect(page.locator("lm-queue")).to_be_visible()
    await keyboard.press("q")
    await expect(page.locator("lm-queue")).to_have_count(0)
    await keyboard.press("g")
    await expect(page.locator("lm-gallery .tile").first).to_be_visible()
    await tab_to(page, "lm-gallery .tile", "Tab")
    await keyboard.press("Space")
    await expect(page.get_by_role("dialog", name="Preview")).to_be_visible()
    await keyboard.press("Escape")
    await keyboard.press("m")
    await painted(page)
    await keyboard.press("/")
    await expect(box(page)).to_be_focused()
    await keyboard.press("Control+k")
    await expect(page.get_by_role("heading", name="What should we make?")).to_be_visible()
    await keyboard.press("ArrowUp")
    await expect(box(page)).to_have_value("a green circle")


async def test_the_focus_is_not_taken_away_while_something_is_painted(visit: Visit) -> None:
    page = await visit()
    await say(page, "a red circle")
    await cards(page).wait_for()
    await tab_to(page, "lm-composer summary", "Tab")
    await painted(page)
    assert await page.evaluate(FOCUSED.format("lm-composer summary"))
