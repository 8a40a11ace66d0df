"""What the first view of the page costs a visitor. No browser is needed to count it."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

from starlette.applications import Starlette
from starlette.testclient import TestClient

import limner
from limner.server.web import web_routes

WEB = Path(limner.__file__).parent / "web"
MOST = 60 * 1024
ALWAYS = re.compile(r'^(?:import|export)\b[^"]*?"(\.[^"]+\.js)"', re.MULTILINE)
SOMETIMES = re.compile(r'import\("(\.[^"]+)"\)')
LINKED = re.compile(r'(?:href|src)="web/([^"]+)"')


def first_view() -> set[Path]:
    """The page, what it links, and all that its modules import before it can be seen."""
    start = [WEB / name for name in LINKED.findall((WEB / "index.html").read_text())]
    begun = (WEB / "main.js", *SOMETIMES.findall((WEB / "main.js").read_text()))
    waiting = [*start, *(WEB / name for name in begun if "fixtures" not in str(name))]
    found = {WEB / "index.html", WEB / "locales/en.json"}
    while waiting:
        path = waiting.pop().resolve()
        if path not in found:
            found.add(path)
            waiting += imported(path)
    return found


def imported(path: Path) -> Iterator[Path]:
    if path.suffix == ".js" and path.parent.name != "vendor":
        yield from (path.parent / name for name in ALWAYS.findall(path.read_text()))


def test_the_first_view_is_sent_in_less_than_60_kilobytes() -> None:
    client = TestClient(Starlette(routes=web_routes(WEB)))
    sent = {
        path.relative_to(WEB).as_posix(): len(
            gzip.compress(client.get(f"/web/{path.relative_to(WEB).as_posix()}").content)
        )
        for path in first_view()
    }
    assert "parts/card.js" in sent
    assert "vendor/lit.js" in sent
    assert "parts/gallery.js" not in sent
    assert sum(sent.values()) < MOST, sorted(sent.items(), key=lambda item: -item[1])
