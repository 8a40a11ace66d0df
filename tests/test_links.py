"""Documents point to what is there, and the list of documents has them all."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "training/*.md", "benchmarks/*.md")
    for path in ROOT.glob(pattern)
)
LINK = re.compile(r"\]\((?!https?://|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)")
FILE = re.compile(
    r"(?<![\w/])(?:benchmarks|deploy|examples|src|tests|training)/[\w./-]*\.(?:json|py|sh|toml)\b"
)
ROOM = re.compile(
    r"(?<![\w/])(?:app|cli|config|core|engine|gateway|images|server|store|upstreams|wire)/[\w/]+\.py\b"
)
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


def anchors(path: Path) -> set[str]:
    """As GitHub makes them of headings: lower case, words joined by dashes."""
    headings = HEADING.findall(path.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    for name, anchor in LINK.findall(document.read_text(encoding="utf-8")):
        path = document.parent / name if name else document
        assert path.exists(), f"there is no {name}"
        assert not anchor or path.suffix != ".md" or anchor in anchors(path), f"{name}#{anchor}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_that_are_named_are_there(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    named = {ROOT / name for name in FILE.findall(text)}
    rooms = {ROOT / "src" / "limner" / name for name in ROOM.findall(text)}
    assert sorted(path for path in named | rooms if not path.exists()) == []


def test_the_list_of_documents_has_them_all() -> None:
    listed = {name for name, _ in LINK.findall((ROOT / "docs" / "README.md").read_text())}
    there = {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert there <= listed
