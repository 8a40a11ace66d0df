"""A person, a sentence, a picture, and all that can be done with it."""

from __future__ import annotations

import re
from pathlib import Path

from PIL import Image
from playwright.async_api import expect

from tests.web.visiting import (
    Visit,
    box,
    cards,
    choose,
    id_of,
    note_states,
    painted,
    say,
    states,
)


async def test_a_sentence_becomes_a_picture_in_steps(visit: Visit) -> None:
    page = await visit()
    await note_states(page)
    await say(page, "a red circle on a white background")
    card = await painted(page)
    assert {"painting", "painting with steps", "painting with a picture"} <= await states(page)
    await expect(card).to_have_attribute("aria-busy", "false")
    await expect(card.locator(".frame img")).to_have_attribute("alt", re.compile("red circle"))
    await expect(page).to_have_title(re.compile("a red circle"))
    await expect(page.locator("[aria-live=polite]")).to_have_text("The picture is done")
    await expect(box(page)).to_be_focused()
    await expect(box(page)).to_have_value("")


async def test_an_example_is_enough_to_begin(visit: Visit) -> None:
    page = await visit()
    await expect(page.get_by_text("No language model is connected")).to_be_visible()
    await page.get_by_role("button", name="A yellow star on a dark blue background").click()
    await painted(page)


async def test_a_question_is_answered_in_words(visit: Visit) -> None:
    page = await visit()
    await say(page, "What can you do?")
    answer = page.locator("lm-words")
    await expect(answer).not_to_be_empty()
    await expect(cards(page)).to_have_count(0)
    await expect(page.get_by_role("button", name="Retry")).to_be_visible()


async def test_retry_and_a_changed_prompt_make_versions_of_one_answer(visit: Visit) -> None:
    page = await visit()
    await say(page, "a green triangle")
    first = await id_of(await painted(page))
    await cards(page).get_by_role("button", name="Retry", exact=True).click()
    pager = page.locator(".pager")
    await expect(pager).to_contain_text("2/2")
    second = await id_of(await painted(page))
    assert second != first
    await cards(page).get_by_role("button", name="Edit prompt", exact=True).click()
    prompt = page.get_by_role("textbox", name="Edit prompt")
    await prompt.fill("a blue square")
    await prompt.press("Enter")
    await expect(pager).to_contain_text("3/3")
    card = await painted(page)
    await expect(card.locator(".frame img")).to_have_attribute("alt", re.compile("blue square"))
    await pager.get_by_role("button", name="Earlier version").click()
    await expect(cards(page)).to_have_attribute("data-item", second)
    await page.reload()
    await expect(pager).to_contain_text("3/3")


async def test_several_versions_are_asked_for_at_once(visit: Visit) -> None:
    page = await visit()
    await choose(page, "How many versions", "2 versions")
    await say(page, "an orange circle")
    await expect(page.locator(".strip button")).to_have_count(2)
    await painted(page)
    await expect(page.locator(".strip img")).to_have_count(2)


async def test_the_shape_is_kept_for_before_the_picture_comes(visit: Visit) -> None:
    page = await visit()
    await choose(page, "Shape of the picture", "16:9")
    await say(page, "a purple square")
    await cards(page).wait_for()
    frame = cards(page).locator(".frame")
    before = await frame.bounding_box()
    card = await painted(page)
    after = await frame.bounding_box()
    assert before
    assert after
    assert before["width"] / before["height"] > 1.6
    assert abs(before["height"] - after["height"]) < 2, "nothing jumps"
    picture = card.locator(".frame img")
    assert await picture.evaluate("(img) => img.naturalWidth / img.naturalHeight") > 1.6


async def test_a_locked_seed_paints_the_same_again(visit: Visit) -> None:
    page = await visit()
    await page.locator('summary[aria-label^="Seed"]').click()
    await page.get_by_label("Or type one").fill("7")
    await page.get_by_label("Or type one").press("Enter")
    await say(page, "a red square")
    first = await id_of(await painted(page))
    await cards(page).get_by_role("button", name="Retry", exact=True).click(modifiers=["Shift"])
    await expect(page.locator(".pager")).to_contain_text("2/2")
    second = await id_of(await painted(page))
    assert first != second
    bare = [await page.request.get(f"/v1/images/{id}?metadata=none") for id in (first, second)]
    assert await bare[0].body() == await bare[1].body()


async def test_the_decision_to_edit_is_shown_and_can_be_corrected(visit: Visit) -> None:
    page = await visit()
    await say(page, "a red circle on a white background")
    await painted(page)
    await say(page, "make it blue")
    card = await painted(page, 2)
    await expect(card).to_contain_text("Edited an existing picture.")
    await card.get_by_role("button", name="Paint a new one instead").click()
    await expect(cards(page, "done").last).to_contain_text("Painted anew.")
    await expect(page.locator(".pager").last).to_contain_text("2/2")


async def test_a_picture_is_starred_deleted_and_brought_back(visit: Visit) -> None:
    page = await visit()
    await say(page, "a yellow star")
    card = await painted(page)
    star = card.get_by_role("button", name="Star")
    await star.click()
    await expect(star).to_have_attribute("aria-pressed", "true")
    await page.reload()
    await expect(star).to_have_attribute("aria-pressed", "true")
    await painted(page)
    await choose(page, "More", "Delete")
    await expect(cards(page, "removed")).to_contain_text("Deleted")
    await cards(page).get_by_role("button", name="Undo").click()
    await painted(page)


async def test_a_download_is_a_file_that_tells_how_it_was_made(
    visit: Visit, tmp_path: Path
) -> None:
    page = await visit()
    await say(page, "a green circle")
    card = await painted(page)
    async with page.expect_download() as download:
        await card.locator("[data-download]").first.click()
        if await page.locator("details[open] button").count():
            await page.locator("details[open] button").first.click()
    file = await download.value
    assert re.fullmatch(r"\d{4}-\d\d-\d\d_\d{4}_a-green-circle_s\d+\.png", file.suggested_filename)
    await file.save_as(tmp_path / "file.png")
    with Image.open(tmp_path / "file.png") as image:
        assert "a green circle" in str(image.info["parameters"])


async def test_a_chat_is_renamed_deleted_and_brought_back(visit: Visit) -> None:
    page = await visit()
    await say(page, "What can you do?")
    await expect(page.locator("lm-words")).not_to_be_empty()
    rail = page.get_by_role("navigation")
    await rail.get_by_role("button", name="What can you do?", exact=True).first.hover()
    await rail.get_by_role("button", name="Rename chat: What can you do?").first.click()
    await rail.get_by_role("textbox", name="Rename").fill("Questions of mine")
    await rail.get_by_role("textbox", name="Rename").press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Questions of mine")
    await page.reload()
    chat = rail.get_by_role("button", name="Questions of mine", exact=True)
    await chat.hover()
    await rail.get_by_role("button", name="Delete chat: Questions of mine").click()
    await expect(chat).to_have_count(0)
    await page.get_by_role("button", name="Undo").click()
    await chat.click()
    await expect(page.locator("lm-words")).not_to_be_empty()


async def test_details_tell_how_a_picture_was_made(visit: Visit) -> None:
    page = await visit()
    await say(page, "a red triangle")
    await painted(page)
    await choose(page, "More", "Details")
    details = page.locator("lm-details")
    for told in ("a red triangle", "tiny", "128 × 128"):
        await expect(details).to_contain_text(told)


async def test_the_page_reads_russian_and_remembers_it(visit: Visit) -> None:
    page = await visit(language="ru-RU")
    await expect(page.locator("html")).to_have_attribute("lang", "ru")
    await page.locator("lm-rail summary").last.click()
    await page.get_by_role("button", name="English").click()
    await expect(page.get_by_role("heading", name="What should we make?")).to_be_visible()
    await page.reload()
    await expect(page.get_by_role("heading", name="What should we make?")).to_be_visible()


async def test_a_theme_is_chosen_over_the_systems_and_remembered(visit: Visit) -> None:
    page = await visit()
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    light = await page.evaluate(ground)
    await page.locator("lm-rail summary").last.click()
    await page.get_by_role("button", name="Dark", exact=True).click()
    dark = await page.evaluate(ground)
    assert dark != light
    await page.reload()
    assert await page.evaluate(ground) == dark
