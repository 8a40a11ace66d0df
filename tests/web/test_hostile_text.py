"""Texts that would run if the page took them for HTML, wherever the page shows texts of others."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import FilePayload, Page, expect

from tests.e2e.processes import serving
from tests.pictures import picture
from tests.scripted_chat import Reply, ScriptedChat, fails, says
from tests.web.visiting import Visit, painted, say

RUN = ("ran()", "ran`1`", "top.ran()", "eval('ran()')")
TAGS = (
    "<script>{}</script>",
    "<script src='data:text/javascript,{}'></script>",
    "<img src=x onerror={}>",
    '"><img src=x onerror="{}">',
    "'><svg onload={}>",
    "<svg><script>{}</script></svg>",
    "<svg><animate onbegin={} attributeName=x dur=1s>",
    "<body onload={}>",
    "<iframe src='javascript:{}'></iframe>",
    "<iframe srcdoc='<script>{}</script>'></iframe>",
    "<details open ontoggle={}>",
    "<input autofocus onfocus={}>",
    "<video><source onerror={}></video>",
    "<math><a xlink:href='javascript:{}'>x</a></math>",
    "<a href='javascript:{}'>x</a>",
    "<object data='javascript:{}'></object>",
    "<style onload={}>@import 'x'</style>",
    "</textarea><script>{}</script>",
    "</title><script>{}</script>",
    "--><script>{}</script><!--",
    "<template shadowrootmode=open><img src=x onerror={}></template>",
    "<lm-words onclick={} style=position:fixed;inset:0>x</lm-words>",
    "[x](javascript:{})",
    "[x](JaVaScRiPt:{})",
    "![x](data:text/html,<script>{}</script>)",
    "[x](data:text/html;base64,PHNjcmlwdD5yYW4oKTwvc2NyaXB0Pg== '{}')",
    '**<img src=x onerror="{}">**',
    "```\n</code></pre><script>{}</script>\n```",
    "`</code><img src=x onerror={}>`",
    'https://x.invalid/"onmouseover="{}',
    "${{}} {{constructor.constructor('{}')()}}",
)
PAYLOADS = [tag.replace("{}", run) for tag in TAGS for run in RUN]
ALL = "\n\n".join(PAYLOADS)
NOTE = "() => { window.runs = 0; window.ran = () => window.runs++; }"
WRONG = """() => [...document.querySelectorAll("*")].filter((each) =>
  ["SCRIPT", "IFRAME", "OBJECT", "EMBED", "VIDEO", "MATH", "STYLE", "BASE"].includes(each.tagName)
    && !each.matches("head > script[src='web/main.js']")
  || each.getAttributeNames().some((name) => name.startsWith("on"))
  || /^(javascript|data):/i.test(each.getAttribute("href") ?? "")
  || each.matches("img:not([src^='blob:'], [src^='data:image/'], [src^='/v1/images/'])")
).map((each) => each.outerHTML.slice(0, 200))"""


async def harmless(page: Page) -> None:
    """Touch everything that could lie in wait; nothing has run, and nothing is there that could."""
    assert await page.evaluate(WRONG) == []
    for link in await page.locator("main a[href]:not(.skip)").all():
        await link.hover(force=True)
    assert await page.evaluate("window.runs") == 0


def test_there_are_enough() -> None:
    assert len(set(PAYLOADS)) >= 100


@asynccontextmanager
async def talking(visit: Visit, folder: Path, *replies: Reply) -> AsyncIterator[Page]:
    """A page before a language model that gives these replies."""
    async with ScriptedChat(replies) as chat:
        flags = ("--llm", chat.url, "--llm-kind", "chat", "--llm-model", "m")
        with serving(folder, *flags, "--image-backend", "none") as server:
            page = await visit(server=server)
            await page.evaluate(NOTE)
            yield page


async def test_what_a_model_says_stays_text(visit: Visit, tmp_path: Path) -> None:
    said = says(*(f"{text}\n\n" for text in PAYLOADS))
    async with talking(visit, tmp_path, said) as page:
        await say(page, "hello")
        await expect(page.locator("lm-words")).to_contain_text("constructor.constructor")
        await expect(page.get_by_role("button", name="Send")).to_be_visible()
        await harmless(page)
        await page.reload()
        await page.evaluate(NOTE)
        await expect(page.locator("lm-words")).to_contain_text("constructor.constructor")
        await harmless(page)


async def test_what_a_person_says_and_calls_their_chats_stays_text(
    visit: Visit, tmp_path: Path
) -> None:
    async with talking(visit, tmp_path, says("Yes.")) as page:
        for text in PAYLOADS[:99]:
            data = {"metadata": {"title": text[:80]}}
            assert (await page.request.post("/v1/conversations", data=data)).ok
        await say(page, ALL)
        await expect(page.locator("lm-words")).to_have_text("Yes.")
        await page.reload()
        await page.evaluate(NOTE)
        await expect(page.locator(".said")).to_contain_text(PAYLOADS[-1])
        await expect(page.get_by_role("navigation").get_by_role("listitem")).to_have_count(100)
        await harmless(page)


async def test_what_a_failure_tells_stays_text(visit: Visit, tmp_path: Path) -> None:
    async with talking(visit, tmp_path, fails(400, ALL)) as page:
        await say(page, "hello")
        failure = page.locator(".failure")
        await failure.locator("summary").click()
        await expect(failure).to_contain_text("onerror")
        await harmless(page)


async def test_what_files_are_called_stays_text(visit: Visit, tmp_path: Path) -> None:
    async with talking(visit, tmp_path, says("Yes.")) as page:
        png = picture().content
        files = [FilePayload(name=text, mimeType="image/png", buffer=png) for text in PAYLOADS]
        broken = [FilePayload(name=text, mimeType="image/png", buffer=b"") for text in PAYLOADS]
        await page.locator("input[type=file]").set_input_files([*files[:50], *broken])
        await expect(page.locator(".attached li")).to_have_count(50)
        await expect(page.get_by_role("alert")).to_contain_text("onerror")
        await harmless(page)


async def test_what_is_painted_is_named_as_it_was_said(visit: Visit) -> None:
    page = await visit()
    await page.evaluate(NOTE)
    prompt = f"a red circle {TAGS[3]} {TAGS[10]}".replace("{}", "ran()")
    await say(page, f"draw {prompt}")
    card = await painted(page)
    await expect(card.locator(".caption")).to_contain_text("onerror")
    await harmless(page)
    await page.get_by_role("navigation").get_by_role("button", name="Gallery").click()
    await page.locator("lm-gallery .tile").first.click()
    await expect(page.get_by_role("dialog")).to_contain_text("onerror")
    await harmless(page)
