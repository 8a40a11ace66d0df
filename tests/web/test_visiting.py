"""The watch that all these tests rest on sees what it shall see."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser

from tests.e2e.processes import Server
from tests.web.visiting import violations, visiting


@pytest.mark.parametrize(
    ("deed", "told"),
    [
        ("console.error('a fault')", "error: a fault"),
        ("void setTimeout(() => { throw new Error('a throw'); })", "uncaught: a throw"),
        ("fetch('http://192.0.2.1/').catch(() => {})", "http://192.0.2.1/' violates"),
        ("void document.body.setAttribute('style', 'color: red')", "policy: style-src"),
        ("void document.body.append(Object.assign(document.createElement('script'), "
         "{ textContent: '1' }))", "policy: script-src"),
    ],
)  # fmt: skip
async def test_what_goes_wrong_in_a_page_fails_its_test(
    browser: Browser, server: Server, deed: str, told: str
) -> None:
    async def visit() -> None:
        async with visiting(browser, server.url) as page:
            await page.evaluate(deed)
            await page.wait_for_timeout(300)

    with pytest.raises(AssertionError, match=told):
        await visit()


async def test_what_not_everyone_can_use_is_found(browser: Browser, server: Server) -> None:
    async with visiting(browser, server.url) as page:
        await page.evaluate("document.querySelector('#box').removeAttribute('aria-label')")
        await page.evaluate("document.querySelector('#box').removeAttribute('placeholder')")
        assert any(line.startswith("label:") for line in await violations(page))
