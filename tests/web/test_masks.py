"""A part of a picture is marked, by whatever a person has, and nothing else of it changes."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from PIL import Image, ImageChops
from playwright.async_api import CDPSession, Locator, Page, Request, expect

from limner.wire.pictures import data_of
from tests.web.visiting import PHONE, Visit, cards, id_of, painted, say

KEPT = 255


class Asked:
    """Bodies of the responses that the page asks for."""

    def __init__(self, page: Page) -> None:
        self.bodies: list[Any] = []
        page.on("request", self._note)

    def _note(self, request: Request) -> None:
        if request.method == "POST" and request.url.endswith("/v1/responses"):
            self.bodies.append(request.post_data_json)

    def mask(self) -> Image.Image:
        """The alpha of the last one's mask: 0 where to change."""
        (tool,) = self.bodies[-1]["tools"]
        data = data_of(tool["input_image_mask"]["image_url"], "mask")
        return Image.open(BytesIO(data)).getchannel("A")


async def opened(page: Page) -> Locator:
    """Paint something, and open the mask editor on it; its canvas."""
    await say(page, "a red circle on a white background")
    card = await painted(page)
    await card.get_by_role("button", name="Edit picture").click()
    canvas = page.get_by_role("application")
    await expect(canvas).to_be_focused()
    return canvas


async def applied(page: Page, asked: Asked) -> Image.Image:
    """Say what should change and wait for the new picture; the mask that was sent.

    Of the two pictures nothing may differ where the mask says so, and something elsewhere.
    """
    words = page.get_by_label("What should change here?")
    await words.fill("a blue circle")
    await words.press("Enter")
    edited = await painted(page, 2)
    mask = asked.mask()
    before = await pixels(page, await id_of(cards(page, "done").first))
    after = await pixels(page, await id_of(edited))
    assert before.size == after.size == mask.size
    changed = ImageChops.difference(before, after).convert("L").point(lambda level: level and 255)
    kept = mask.point(lambda alpha: 255 if alpha == KEPT else 0)
    assert ImageChops.multiply(changed, kept).getbbox() is None
    assert changed.getbbox(), "nothing was painted"
    return mask


async def pixels(page: Page, id: str) -> Image.Image:
    reply = await page.request.get(f"/v1/images/{id}")
    return Image.open(BytesIO(await reply.body())).convert("RGB")


def selected(mask: Image.Image) -> float:
    """How much of it is to change, from 0 to 1."""
    return mask.histogram()[0] / (mask.width * mask.height)


async def place(canvas: Locator) -> tuple[float, float, float, float]:
    found = await canvas.bounding_box()
    assert found
    return found["x"], found["y"], found["width"], found["height"]


async def test_a_brush_under_the_mouse_marks_what_shall_change(visit: Visit) -> None:
    page = await visit()
    asked = Asked(page)
    canvas = await opened(page)
    x, y, width, height = await place(canvas)
    await page.mouse.move(x + width / 2 - 60, y + height / 2)
    await page.mouse.down()
    await page.mouse.move(x + width / 2 + 60, y + height / 2, steps=8)
    await page.mouse.up()
    told = page.get_by_role("status").filter(has_text="% selected")
    await expect(told).not_to_have_text("0 % selected")
    mask = await applied(page, asked)
    assert 0 < selected(mask) < 0.9


async def test_undo_eraser_and_inversion_leave_what_they_should(visit: Visit) -> None:
    page = await visit()
    canvas = await opened(page)
    x, y, width, height = await place(canvas)
    told = page.locator(".mask-editor output")
    await page.keyboard.press("i")
    await expect(told).to_have_text("100 % selected")
    await page.keyboard.press("Control+z")
    await expect(told).to_have_text("0 % selected")
    await page.keyboard.press("Control+Shift+z")
    await expect(told).to_have_text("100 % selected")
    await page.keyboard.press("e")
    await page.mouse.click(x + width / 2, y + height / 2)
    await expect(told).not_to_have_text("100 % selected")
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("alertdialog")).to_be_visible()
    await page.get_by_role("button", name="Stay").click()
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Leave").click()
    await expect(canvas).to_have_count(0)
    await expect(cards(page)).to_have_count(1)


async def test_the_keyboard_alone_marks_a_rectangle(visit: Visit) -> None:
    page = await visit()
    asked = Asked(page)
    await opened(page)
    for key in ("r", "ArrowRight", "ArrowDown", "Shift+ArrowRight", "Shift+ArrowDown", "Enter"):
        await page.keyboard.press(key)
    await expect(page.locator(".mask-editor output")).not_to_have_text("0 % selected")
    mask = await applied(page, asked)
    box = mask.point(lambda alpha: 255 - alpha).getbbox()
    assert box, "something is selected"
    left, top, right, bottom = box
    assert selected(mask) == (right - left) * (bottom - top) / (mask.width * mask.height)


async def test_a_finger_paints_and_two_move_the_picture(visit: Visit) -> None:
    page = await visit(phone=True)
    asked = Asked(page)
    canvas = await opened(page)
    dialog = await page.locator("dialog.mask-editor").bounding_box()
    assert dialog
    assert (dialog["width"], dialog["height"]) == (PHONE["width"], PHONE["height"])
    x, y, width, height = await place(canvas)
    middle = (x + width / 2, y + height / 2)
    told = page.locator(".mask-editor output")
    hand = await page.context.new_cdp_session(page)
    await fingers(hand, "touchStart", (middle[0] - 40, middle[1]), (middle[0] + 40, middle[1]))
    for far in range(40, 90, 10):
        await fingers(hand, "touchMove", (middle[0] - far, middle[1]), (middle[0] + far, middle[1]))
    await fingers(hand, "touchEnd")
    await expect(told).to_have_text("0 % selected")
    await fingers(hand, "touchStart", middle)
    for step in range(1, 6):
        await fingers(hand, "touchMove", (middle[0] + 8 * step, middle[1]))
    await fingers(hand, "touchEnd")
    await expect(told).not_to_have_text("0 % selected")
    mask = await applied(page, asked)
    assert 0 < selected(mask) < 0.5


async def fingers(hand: CDPSession, type: str, *points: tuple[float, float]) -> None:
    """Put them down, move them all, or lift them: Playwright knows no more than a tap."""
    touches = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
    await hand.send("Input.dispatchTouchEvent", {"type": type, "touchPoints": touches})
