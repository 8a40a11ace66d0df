"""What was made can be tried again, laid over what it was made of, and taken home at once."""

from __future__ import annotations

from pathlib import Path
from zipfile import ZipFile

from PIL import ImageChops
from playwright.async_api import Page, expect

from tests.web.test_masks import Asked, applied, opened
from tests.web.visiting import Visit, cards, choose, painted, say


async def edited(page: Page, asked: Asked) -> None:
    """A picture of which a rectangle was changed."""
    await opened(page)
    await page.keyboard.press("r")
    await page.keyboard.press("Enter")
    await applied(page, asked)


async def test_a_mask_is_still_there_for_another_try(visit: Visit) -> None:
    page = await visit()
    await edited(page, Asked(page))
    await cards(page).first.get_by_role("button", name="Edit picture").click()
    await expect(page.locator(".mask-editor output")).to_have_text("25 % selected")
    await expect(page.get_by_label("What should change here?")).to_have_value("a blue circle")
    await page.keyboard.press("Escape")
    await expect(page.locator(".mask-editor")).to_have_count(0)


async def test_the_mask_of_an_edit_can_be_used_on_what_came_of_it(visit: Visit) -> None:
    page = await visit()
    await edited(page, Asked(page))
    await cards(page).last.get_by_role("button", name="Edit picture").click()
    told = page.locator(".mask-editor output")
    await expect(told).to_have_text("0 % selected")
    await page.get_by_role("button", name="The mask of this edit").click()
    await expect(told).to_have_text("25 % selected")


async def test_an_edit_is_tried_again_with_its_mask_after_a_reload(visit: Visit) -> None:
    page = await visit()
    asked = Asked(page)
    await edited(page, asked)
    mask = asked.mask()
    await page.reload()
    card = await painted(page, 2)
    await expect(page.locator(".said .over")).to_be_visible()
    await card.get_by_role("button", name="Retry").click()
    await expect(card.get_by_label("Version 2 of 2").first).to_be_visible()
    await painted(page, 2)
    assert ImageChops.difference(asked.mask(), mask).getbbox() is None


async def test_before_and_after_are_parted_by_a_line_that_keys_move(visit: Visit) -> None:
    page = await visit()
    await edited(page, Asked(page))
    card = cards(page).last
    await card.get_by_role("button", name="Before and after").click()
    line = card.get_by_role("slider", name="Before or After")
    await expect(line).to_have_value("50")
    await line.press("ArrowRight")
    await expect(line).to_have_value("51")
    await line.press("Home")
    await expect(line).to_have_value("0")
    await expect(card.locator("lm-slider img")).to_have_count(2)


async def test_all_versions_are_taken_home_in_one_file(visit: Visit, tmp_path: Path) -> None:
    page = await visit()
    await say(page, "a green circle")
    card = await painted(page)
    await card.get_by_role("button", name="Retry").click()
    await expect(page.get_by_label("Version 2 of 2").first).to_be_visible()
    await painted(page)
    async with page.expect_download() as download:
        await choose(page, "Download", "All 2 versions")
    file = await download.value
    await file.save_as(tmp_path / "all.zip")
    with ZipFile(tmp_path / "all.zip") as archive:
        assert archive.testzip() is None
        assert [name.rsplit(".", 1)[1] for name in archive.namelist()] == ["png", "png"]
