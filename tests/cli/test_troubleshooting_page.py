"""What docs/troubleshooting.md quotes is what the code says."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import limner

PAGE = Path(__file__).resolve().parents[2] / "docs" / "troubleshooting.md"
SEEN = re.compile(r"^\| (?!what you see|---)(.*?) \|", re.MULTILINE)
QUOTES = [
    quote
    for seen in SEEN.findall(PAGE.read_text(encoding="utf-8"))
    for quote in re.findall(r"`([^`]+)`", seen)
]


def texts(tree: ast.AST) -> Iterator[str]:
    """Every text in the code, whole across its lines, with `…` for what is filled in."""
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = (part.value if isinstance(part, ast.Constant) else "…" for part in node.values)
            yield "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


@pytest.fixture(scope="module")
def said() -> str:
    package = Path(limner.__file__).parent
    sources = (path.read_text(encoding="utf-8") for path in package.rglob("*.py"))
    return "\0".join(text for source in sources for text in texts(ast.parse(source)))


@pytest.mark.parametrize("quote", QUOTES)
def test_each_message_on_the_page_is_one_of_the_code(quote: str, said: str) -> None:
    pieces = (re.escape(piece) for piece in quote.split("…"))
    assert re.search("[^\0]*?".join(pieces), said), f"nothing says {quote!r}"


def test_the_page_quotes_messages() -> None:
    assert len(QUOTES) > 25
