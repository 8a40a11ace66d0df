"""The chat page's files as they are sent."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from limner.core.errors import InvalidRequest
from limner.server.web import POLICY, web_routes

SCRIPT = """// What this is for.
import { a } from "./a.js";

/**
 * Many words
 * on many lines.
 */
export const link = "https://example.org/"; // said behind code

  /** One line. */
  export const b = a;
"""


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    (tmp_path / "vendor").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html><title>Page</title>")
    (tmp_path / "b.js").write_text(SCRIPT)
    (tmp_path / "vendor" / "c.js").write_text("/* The licence. */\nexport const c = 1;\n")
    (tmp_path / "page.css").write_text("/* Where things stand. */\n\nbody {\n  margin: 0;\n}\n")
    (tmp_path / "notes.md").write_text("not for browsers")
    return TestClient(Starlette(routes=web_routes(tmp_path)))


def test_comments_and_indentation_are_not_sent_and_code_is(client: TestClient) -> None:
    assert client.get("/web/b.js").text == (
        'import { a } from "./a.js";\n\n'
        'export const link = "https://example.org/"; // said behind code\n\n'
        "export const b = a;\n"
    )
    assert client.get("/web/page.css").text == "\nbody {\nmargin: 0;\n}\n"


def test_the_licences_of_others_are_sent_with_their_code(client: TestClient) -> None:
    assert client.get("/web/vendor/c.js").text.startswith("/* The licence. */")


def test_every_file_says_from_where_the_page_may_load(client: TestClient) -> None:
    for path in ("/", "/web/b.js", "/web/vendor/c.js"):
        assert client.get(path).headers["content-security-policy"] == POLICY


def test_a_browser_that_has_the_file_is_told_so(client: TestClient) -> None:
    tag = client.get("/web/b.js").headers["etag"]
    assert client.get("/web/b.js", headers={"If-None-Match": tag}).status_code == 304
    assert client.get("/web/b.js", headers={"If-None-Match": '"other"'}).status_code == 200


def test_files_are_packed_only_for_those_who_can_unpack(client: TestClient) -> None:
    with client.stream("GET", "/web/b.js", headers={"Accept-Encoding": "gzip"}) as packed:
        assert packed.headers["content-encoding"] == "gzip"
        raw = b"".join(packed.iter_raw())
    plain = client.get("/web/b.js", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert gzip.decompress(raw) == plain.content


@pytest.mark.parametrize("path", ["notes.md", "none.js", "..%2Findex.html", "vendor"])
def test_nothing_but_the_page_is_there(client: TestClient, path: str) -> None:
    with pytest.raises(InvalidRequest, match="There is no such file"):
        client.get(f"/web/{path}")
