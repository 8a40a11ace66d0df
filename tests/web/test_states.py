"""Every state of a picture's card, and every place of the page, is fit for everyone to use."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

import limner
from tests.web.visiting import Visit, cards, choose, painted, say, violations

FIXTURES = Path(limner.__file__).parent / "web/lib/fixtures.js"
STATES = (
    *("planning", "queued", "loading", "painting", "saving", "done", "edited"),
    *("cancelling", "cancelled", "failed", "refused", "reconnecting", "lost", "removed"),
)
SHOWN_AS = {"edited": "done", "refused": "failed", "reconnecting": "lost"}
TELLS = {
    "queued": "3rd in line · about 14 sec left",
    "loading": "Loading tiny · 63 %",
    "painting": "Step 5 of 9 · about 1 sec left",
    "cancelled": "Cancelled at step 5 of 9",
    "failed": "There was not enough memory for a picture of this size.",
    "refused": "The picture service refused this prompt.",
    "reconnecting": "Reconnecting…",
    "lost": "The picture goes on without this page.",
    "removed": "Deleted",
}
CAN = {
    "planning": {"Cancel"},
    "queued": {"Cancel"},
    "loading": {"Cancel"},
    "painting": {"Cancel"},
    "done": {"Download", "Retry", "Edit prompt", "Edit picture", "Star", "More"},
    "cancelled": {"Retry", "Edit prompt"},
    "failed": {"Retry", "Retry smaller", "Edit prompt"},
    "refused": {"Edit prompt"},
    "lost": {"Reload"},
    "removed": {"Undo"},
}
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def test_all_states_of_the_fixtures_are_tried() -> None:
    text = FIXTURES.read_text().partition("const STATES = {")[2].partition("\n};")[0]
    named = [line.split(":")[0].strip() for line in text.splitlines() if line.startswith("  ")]
    assert [name for name in named if name.isalpha() and name not in ("item", "run")] == list(
        STATES
    )


@pytest.mark.parametrize("state", STATES)
async def test_a_state_tells_what_it_is_and_what_can_be_done(visit: Visit, state: str) -> None:
    """At the size of a phone, in the dark, then in the light, then on a desktop."""
    page = await visit(f"/?card={state}", phone=True, dark=True)
    card = cards(page, SHOWN_AS.get(state, state))
    await expect(card).to_have_count(1)
    await expect(card).to_contain_text(TELLS.get(state, ""))
    for name in CAN.get(state, ()):
        await expect(
            card.locator(f"[aria-label='{name}'], .tool:has-text('{name}')").first
        ).to_be_visible()
    assert await page.evaluate(OVERFLOW) == 0
    assert await violations(page) == []
    await page.emulate_media(color_scheme="light")
    await page.set_viewport_size({"width": 1200, "height": 820})
    assert await violations(page) == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_many_states_at_once_are_fit_for_everyone(visit: Visit, dark: bool) -> None:
    page = await visit("/?card=all", dark=dark)
    await expect(cards(page)).to_have_count(len(STATES))
    assert await violations(page) == []


async def nothing(page: Page) -> None:
    await expect(page.get_by_role("heading", name="What should we make?")).to_be_visible()


async def keys(page: Page) -> None:
    await page.keyboard.press("Escape")
    await page.locator("body").press("?")
    await expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()


async def a_menu(page: Page) -> None:
    await page.locator('summary[aria-label^="Shape of the picture"]').click()


async def the_queue(page: Page) -> None:
    await page.locator("body").press("q")
    await page.locator("lm-queue").wait_for()


async def the_gallery(page: Page) -> None:
    await page.locator("body").press("g")
    await page.locator("lm-gallery img").first.wait_for()


async def a_chat(page: Page) -> None:
    await say(page, "a red circle")
    await painted(page)


async def details(page: Page) -> None:
    await a_chat(page)
    await choose(page, "More", "Details")
    await page.locator("lm-details dl").wait_for()


async def the_mask_editor(page: Page) -> None:
    await a_chat(page)
    await cards(page).get_by_role("button", name="Edit picture").click()
    await page.get_by_role("application").wait_for()


async def an_edit(page: Page) -> None:
    await a_chat(page)
    await say(page, "make it blue")
    await painted(page, 2)


PLACES = (nothing, keys, a_menu, the_queue, a_chat, details, the_mask_editor, an_edit, the_gallery)


@pytest.mark.parametrize("place", PLACES)
async def test_a_place_is_fit_for_everyone(
    visit: Visit, place: Callable[[Page], Awaitable[None]]
) -> None:
    page = await visit()
    await place(page)
    assert await violations(page) == []
    await page.emulate_media(color_scheme="dark")
    assert await violations(page) == []
