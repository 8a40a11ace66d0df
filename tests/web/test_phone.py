"""The same on a small window, under a thumb."""

from __future__ import annotations

from playwright.async_api import Page, expect

from tests.web.visiting import PHONE, Visit, box, cards, painted, say

SMALL = """() => [...document.querySelectorAll("button, summary, a, select, input, textarea")]
  .filter((each) => each.checkVisibility({ visibilityProperty: true, opacityProperty: true }))
  .filter((each) => !each.matches(".skip, .link, .unseen *, p a, [tabindex='-1'], .behind-sheet"))
  .map((each) => ({ each, room: each.getBoundingClientRect() }))
  .filter(({ room: { width, height } }) => width && (width < 43.5 || height < 43.5))
  .map(({ each, room: { width, height } }) => `${each.outerHTML}: ${width} x ${height}`)"""
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


async def fits(page: Page) -> None:
    """Nothing lies beyond the edge, and all that is to be touched is large enough to be hit."""
    assert await page.evaluate(OVERFLOW) == 0
    assert await page.evaluate(SMALL) == []


async def test_a_picture_is_ordered_with_thumbs(visit: Visit) -> None:
    page = await visit(phone=True)
    await fits(page)
    await page.get_by_role("button", name="A sunset over mountains with a red house").tap()
    card = await painted(page)
    picture = await card.locator(".frame img").bounding_box()
    assert picture
    assert picture["width"] > PHONE["width"] * 0.85
    await fits(page)
    await card.get_by_role("button", name="Retry", exact=True).tap()
    await expect(page.locator(".pager")).to_contain_text("2/2")
    await painted(page)
    await fits(page)


async def test_the_rail_and_the_queue_are_sheets_that_step_aside(visit: Visit) -> None:
    page = await visit(phone=True)
    rail = page.get_by_role("navigation")
    await expect(rail).to_have_count(0)
    await page.get_by_role("button", name="Chats").tap()
    await expect(rail).to_be_visible()
    await fits(page)
    await rail.get_by_role("button", name="Gallery").tap()
    await expect(rail).to_have_count(0)
    await fits(page)
    await page.get_by_role("button", name="Chats").tap()
    await page.locator("lm-rail .health").tap()
    await expect(page.locator("lm-queue")).to_be_visible()
    await fits(page)


async def test_a_page_at_four_hundred_per_cent_can_still_be_used(visit: Visit) -> None:
    """As a window of 1280 pixels is when it is enlarged four times."""
    page = await visit()
    await page.set_viewport_size({"width": 320, "height": 256})
    await say(page, "a red circle")
    await painted(page)
    assert await page.evaluate(OVERFLOW) == 0
    await box(page).scroll_into_view_if_needed()
    await expect(box(page)).to_be_in_viewport()
    await cards(page).get_by_role("button", name="Retry", exact=True).scroll_into_view_if_needed()
