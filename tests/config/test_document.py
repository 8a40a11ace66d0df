"""The page of settings is written from the table."""

from __future__ import annotations

from pathlib import Path

from limner.config.document import document

PAGE = Path(__file__).resolve().parents[2] / "docs" / "configure.md"


def test_the_page_of_settings_is_fresh() -> None:
    stale = "run `python -m limner.config.document` in the root of the repository"
    assert PAGE.read_text(encoding="utf-8") == document(), stale
