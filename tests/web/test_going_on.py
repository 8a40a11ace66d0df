"""What is being painted goes on, whoever looks, until someone stops it."""

from __future__ import annotations

import asyncio

from playwright.async_api import Page, expect

from tests.e2e.processes import Server
from tests.web.visiting import Visit, box, cards, held, id_of, note_states, painted, say, states


async def painting(page: Page) -> str:
    """Wait until a step was told; the picture's id."""
    card = cards(page, "painting")
    await expect(card).to_contain_text("Step")
    return await id_of(card)


async def test_a_reload_in_the_middle_goes_on_with_the_same_picture(
    visit: Visit, slow: Server
) -> None:
    page = await visit(server=slow)
    await say(page, "a red circle")
    picture = await painting(page)
    with held(slow):
        await page.reload()
        await note_states(page)
        await expect(cards(page)).to_have_attribute("data-item", picture)
        await expect(page.get_by_role("button", name="Stop")).to_be_visible()
    assert await id_of(await painted(page)) == picture
    assert "painting with a picture" in await states(page)


async def test_cancelling_stops_the_picture_and_keeps_what_there_is(
    visit: Visit, slow: Server
) -> None:
    page = await visit(server=slow)
    await say(page, "a red circle")
    await painting(page)
    await cards(page).get_by_role("button", name="Cancel").click()
    await expect(cards(page, "cancelled")).to_contain_text("Cancelled at step")
    await cards(page).get_by_role("button", name="Edit prompt", exact=True).wait_for()
    await expect(page.get_by_role("button", name="Send")).to_be_visible()
    await page.reload()
    await expect(cards(page, "cancelled")).to_be_visible()


async def test_two_pages_follow_the_same_chat(visit: Visit, slow: Server) -> None:
    """In browsers that do not know of each other."""
    one, two = await asyncio.gather(visit(server=slow), visit(server=slow))
    await say(one, "a red circle")
    picture = await painting(one)
    with held(slow):
        await two.reload()
        await two.get_by_role("navigation").get_by_role("button", name="a red circle").first.click()
        await expect(cards(two)).to_have_attribute("data-item", picture)
    await two.get_by_role("button", name="Stop").click()
    await expect(cards(two, "cancelled")).to_be_visible()
    await expect(cards(one, "cancelled")).to_be_visible()
    await say(two, "What can you do?")
    await expect(one.locator("lm-words")).not_to_be_empty()


async def test_a_person_sees_their_place_in_the_line(visit: Visit, slow: Server) -> None:
    page = await visit(server=slow)
    other = await visit(server=slow)
    await say(page, "a red circle")
    await painting(page)
    with held(slow):
        await say(other, "a blue circle")
        await expect(cards(other, "queued")).to_contain_text("1st in line")
        await other.keyboard.press("Escape")
        await expect(cards(other, "cancelled")).to_be_visible()
    await box(page).press("Escape")
    await expect(cards(page, "cancelled")).to_be_visible()


async def test_the_queue_shows_what_waits_and_lets_it_be_cancelled(
    visit: Visit, slow: Server
) -> None:
    page = await visit(server=slow)
    await say(page, "a red circle")
    await painting(page)
    with held(slow):
        await page.locator("lm-rail .health").click()
        queue = page.locator("lm-queue")
        await expect(queue).to_contain_text("a red circle")
    await queue.get_by_role("button", name="Cancel").first.click()
    await expect(cards(page, "cancelled")).to_be_visible()
    await expect(queue).not_to_contain_text("a red circle")


async def test_a_server_that_is_gone_is_told_and_found_again(visit: Visit, slow: Server) -> None:
    """The network fails in the browser: the server paints on."""
    page = await visit(server=slow, but=["ERR_INTERNET_DISCONNECTED"])
    await say(page, "a red circle")
    picture = await painting(page)
    await page.context.set_offline(True)
    await expect(page.locator("lm-rail .health")).to_contain_text("offline")
    await page.context.set_offline(False)
    await expect(page.locator("lm-rail .health")).to_contain_text("Ready")
    assert await id_of(await painted(page)) == picture


async def test_words_that_could_not_be_sent_stay(visit: Visit) -> None:
    page = await visit(but=["ERR_INTERNET_DISCONNECTED"])
    await page.context.set_offline(True)
    await say(page, "a red circle")
    await expect(page.get_by_role("alert")).to_contain_text("cannot be reached")
    await expect(box(page)).to_have_value("a red circle")
    await page.context.set_offline(False)
    await box(page).press("Enter")
    await painted(page)
