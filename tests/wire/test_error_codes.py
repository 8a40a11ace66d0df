"""Every code that an error is raised with stands in the table of docs/api.md."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from limner.wire.error_codes import ERROR_CODES

SOURCE = Path(__file__).resolve().parents[2] / "src" / "limner"
ROOMS = ("core", "wire", "server", "gateway", "store", "images", "upstreams")


def test_every_code_of_an_error_is_listed() -> None:
    listed = [error.code for error in ERROR_CODES]
    assert len(listed) == len(set(listed))
    unlisted = {code for room in ROOMS for code in codes_in(room)} - set(listed)
    assert unlisted == set(), "src/limner/wire/error_codes.py says what each code means"


def codes_in(room: str) -> Iterator[str]:
    """The codes that errors are raised with, as far as they stand there in plain words."""
    for path in (SOURCE / room).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.keyword(arg="code", value=ast.Constant(value=str(code))):
                    yield code
