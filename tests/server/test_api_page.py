"""docs/api.md is written from what the API says of itself."""

from __future__ import annotations

from pathlib import Path

from limner.server.api_page import page

PAGE = Path(__file__).resolve().parents[2] / "docs" / "api.md"


def test_the_page_of_the_api_is_fresh() -> None:
    stale = "run `python -m limner.server.api_page` in the root of the repository"
    assert PAGE.read_text(encoding="utf-8") == page(), stale
