"""A person before the page: their window, what they do in it, and a watch on what goes wrong."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Protocol, TypedDict, Unpack

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import (
    Browser,
    ConsoleMessage,
    Locator,
    Page,
    Request,
    ViewportSize,
    expect,
)

from tests.e2e.processes import Server

FLAGS = ("--no-sandbox", "--disable-quic", "--disable-background-networking")
DESKTOP = ViewportSize(width=1200, height=820)
PHONE = ViewportSize(width=390, height=844)
PATIENCE_MS = 40_000
TELL_OF_POLICY = """
addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI, sourceFile }) =>
  console.error(`policy: ${violatedDirective} forbids ${blockedURI} in ${sourceFile}`));
"""


class Looks(TypedDict, total=False):
    """phone: a small window under fingers. dark: as the system has it. but: faults to overlook."""

    phone: bool
    dark: bool
    language: str
    but: Iterable[str]


class Visit(Protocol):
    async def __call__(
        self, path: str = "/", server: Server | None = None, **looks: Unpack[Looks]
    ) -> Page: ...


@asynccontextmanager
async def visiting(
    browser: Browser,
    url: str,
    path: str = "/",
    *,
    phone: bool = False,
    dark: bool = False,
    language: str = "en-US",
    but: Iterable[str] = (),
) -> AsyncIterator[Page]:
    """The page in a new window; in its end, no error may have been noted and nobody else asked."""
    context = await browser.new_context(
        base_url=url,
        viewport=PHONE if phone else DESKTOP,
        has_touch=phone,
        is_mobile=phone,
        device_scale_factor=2 if phone else 1,
        color_scheme="dark" if dark else "light",
        locale=language,
        accept_downloads=True,
    )
    context.set_default_timeout(PATIENCE_MS)
    await context.add_init_script(TELL_OF_POLICY)
    faults: list[str] = []
    page = await context.new_page()
    watch(page, url, faults)
    try:
        await page.goto(path)
        await page.locator("lm-app main").wait_for()
        yield page
    finally:
        await context.close()
    told = [fault for fault in faults if not any(re.search(known, fault) for known in but)]
    assert not told, "\n".join(told)


def watch(page: Page, url: str, faults: list[str]) -> None:
    """Note what the page complains of, and what it asks of others than its server."""

    def said(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            faults.append(f"{message.type}: {message.text} {message.location.get('url', '')}")

    def asked(request: Request) -> None:
        if not request.url.startswith((f"{url}/", "blob:", "data:")):
            faults.append(f"asked elsewhere: {request.url}")

    page.on("console", said)
    page.on("request", asked)
    page.on("pageerror", lambda error: faults.append(f"uncaught: {error}"))


@contextmanager
def held(server: Server) -> Iterator[None]:
    """The painter stands still meanwhile, however fast the machine is."""
    painter = server.engine
    painter.suspend()
    try:
        yield
    finally:
        painter.resume()


expect.set_options(timeout=PATIENCE_MS)


def box(page: Page) -> Locator:
    """Where messages are written."""
    return page.get_by_label("Ask, or describe a picture")


def cards(page: Page, state: str = "") -> Locator:
    """Pictures of the chat, all or those in this state, from the oldest to the newest."""
    return page.locator(f"lm-card .card{f'[data-state={state}]' if state else ''}")


async def say(page: Page, text: str) -> None:
    await box(page).fill(text)
    await box(page).press("Enter")


async def painted(page: Page, count: int = 1) -> Locator:
    """Wait until so many pictures are done; the newest."""
    await expect(cards(page, "done")).to_have_count(count)
    done = cards(page, "done").last
    await expect(done.locator(".frame img")).to_be_visible()
    return done


async def choose(page: Page, menu: str, entry: str) -> None:
    """Open the newest menu of that name and pick what begins so."""
    await page.locator(f'summary[aria-label^="{menu}"]').last.click()
    await page.locator("details[open]").get_by_role("button", name=entry).first.click()


NOTE_STATES = """() => {
  window.seen = new Set();
  const look = () => document.querySelectorAll("lm-card .card").forEach((card) => {
    const { state } = card.dataset;
    window.seen.add(state);
    if (/Step \\d+ of \\d+/.test(card.textContent)) window.seen.add(`${state} with steps`);
    if (card.querySelector(".frame img")) window.seen.add(`${state} with a picture`);
  });
  const all = { subtree: true, childList: true, attributes: true, characterData: true };
  new MutationObserver(look).observe(document.body, all);
}"""


async def note_states(page: Page) -> None:
    """From now on, note which states pictures go through."""
    await page.evaluate(NOTE_STATES)


async def states(page: Page) -> set[str]:
    """What was noted: `painting`, `painting with steps`, `painting with a picture`."""
    return set(await page.evaluate("[...window.seen]"))


async def id_of(card: Locator) -> str:
    item = await card.get_attribute("data-item")
    assert item
    return item


async def violations(page: Page) -> list[str]:
    """What axe-core finds against the page's accessibility, one line each."""
    results = await Axe().run(page)
    return [
        f"{rule['id']}: {rule['help']} - {node['target']} {node.get('failureSummary', '')}"
        for rule in results.response["violations"]
        for node in rule["nodes"]
    ]
