"""Pictures that people bring, by dropping, pasting and picking them."""

from __future__ import annotations

import asyncio
from io import BytesIO
from typing import Any

from PIL import Image
from playwright.async_api import FilePayload, Page, expect

from tests.pictures import picture
from tests.web.visiting import PATIENCE_MS, Visit, box, choose, id_of, painted, say, violations

BRING = """async ([kind, name, type, address]) => {
  const bytes = await (await fetch(address)).arrayBuffer();
  const clipboardData = new DataTransfer();
  clipboardData.items.add(new File([bytes], name, { type }));
  const told = { bubbles: true, cancelable: true, dataTransfer: clipboardData, clipboardData };
  for (const each of kind.split(" ")) {
    const Kind = each === "paste" ? ClipboardEvent : DragEvent;
    document.querySelector("lm-thread").dispatchEvent(new Kind(each, told));
  }
}"""


async def drop(page: Page, address: str, name: str = "a.png", type: str = "image/png") -> None:
    await page.evaluate(BRING, ["dragenter dragover", name, type, address])
    await expect(page.locator(".drop-frame")).to_be_visible()
    await page.evaluate(BRING, ["drop", name, type, address])
    await expect(page.locator(".drop-frame")).to_have_count(0)


def png(colour: str) -> bytes:
    file = BytesIO()
    Image.new("RGB", (128, 128), colour).save(file, "png")
    return file.getvalue()


async def test_a_dropped_picture_of_ours_is_made_again_as_it_was(visit: Visit) -> None:
    page = await visit()
    await say(page, "a green square")
    picture = await id_of(await painted(page))
    await page.get_by_role("navigation").get_by_role("button", name="New chat").click()
    await page.locator("lm-thread .welcome").wait_for()
    await drop(page, f"/v1/images/{picture}")
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("a green square")
    assert await violations(page) == []
    await dialog.get_by_role("button", name="Use these settings").click()
    await expect(box(page)).to_have_value("a green square")
    await box(page).press("Enter")
    again = await id_of(await painted(page))
    bare = [await page.request.get(f"/v1/images/{id}?metadata=none") for id in (picture, again)]
    assert await bare[0].body() == await bare[1].body()


async def test_a_dropped_picture_of_ours_becomes_a_reference(visit: Visit) -> None:
    page = await visit()
    await say(page, "a red circle on a white background")
    picture = await id_of(await painted(page))
    await page.get_by_role("navigation").get_by_role("button", name="New chat").click()
    await drop(page, f"/v1/images/{picture}")
    await page.get_by_role("dialog").get_by_role("button", name="Use as reference").click()
    await expect(page.get_by_role("list", name="Pictures to send").locator("img")).to_have_count(1)
    await say(page, "make it blue")
    await expect(await painted(page)).to_contain_text("Edited an existing picture.")


async def test_pasted_pictures_wait_in_an_order_that_can_be_changed(visit: Visit) -> None:
    page = await visit()
    for name in ("one.svg", "one.png", "two.png"):
        await page.evaluate(BRING, ["paste", name, f"image/{name[-3:]}", "/web/icon.svg"])
    await expect(page.get_by_role("alert")).to_contain_text("is not a picture that can be read")
    attached = page.get_by_role("list", name="Pictures to send").get_by_role("listitem")
    await expect(attached).to_have_count(0)
    files = [
        FilePayload(name=f"{colour}.png", mimeType="image/png", buffer=png(colour))
        for colour in ("red", "green", "blue")
    ]
    await page.locator("input[type=file]").set_input_files(files)
    await expect(attached).to_have_count(3)
    handle = page.get_by_role("button", name="red.png, 1 of 3")
    await handle.press("ArrowRight")
    moved = page.get_by_role("button", name="red.png, 2 of 3")
    await expect(moved).to_be_focused()
    await moved.press("Delete")
    await expect(attached).to_have_count(2)
    assert await violations(page) == []
    await say(page, "What can you do?")
    await expect(page.locator(".said img")).to_have_count(2)
    await expect(page.locator("lm-words")).not_to_be_empty()
    await page.reload()
    await expect(page.locator(".said img")).to_have_count(2)


async def test_a_file_that_is_no_picture_is_told_and_the_words_stay(visit: Visit) -> None:
    page = await visit()
    await box(page).fill("look at this")
    broken = FilePayload(name="a.png", mimeType="image/png", buffer=b"no picture at all")
    good = FilePayload(name="b.jpeg", mimeType="image/jpeg", buffer=picture(format="jpeg").content)
    await page.locator("input[type=file]").set_input_files([broken, good])
    await expect(page.get_by_role("alert")).to_contain_text("a.png is not a picture")
    await expect(page.get_by_role("list", name="Pictures to send").locator("img")).to_have_count(1)
    await expect(box(page)).to_have_value("look at this")


SHARING = """() => {
  navigator.canShare = ({ files }) => files.every(({ type }) => type.startsWith("image/"));
  navigator.share = async ({ files }) => {
    for (const file of files) await window.shared([file.name, file.type, file.size]);
  };
}"""


async def test_a_device_that_can_share_is_handed_the_whole_picture(visit: Visit) -> None:
    page = await visit()
    shared: asyncio.Queue[list[Any]] = asyncio.Queue()
    await page.expose_function("shared", shared.put_nowait)
    await page.evaluate(SHARING)
    await say(page, "a red circle on a white background")
    card = await painted(page)
    await choose(page, "More", "Share")
    async with asyncio.timeout(PATIENCE_MS / 1000):
        name, kind, size = await shared.get()
    assert name.endswith(".png")
    assert "a-red-circle" in name
    whole = await page.request.get(f"/v1/images/{await id_of(card)}")
    assert (kind, size) == ("image/png", len(await whole.body()))
