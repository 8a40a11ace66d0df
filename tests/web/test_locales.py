"""Every text of the page is there in every language and all its forms, and none in vain."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import limner

WEB = Path(limner.__file__).parent / "web"
TAGS = sorted(file.stem for file in (WEB / "locales").glob("*.json"))
ASKED = re.compile(r"(?<![\w.])(?:t|has)\(\s*([\"'])(?P<name>[\w-]+)\1")
MADE_UP = re.compile(r"`(?P<start>[\w-]*)\$\{[^}]+\}(?P<end>[\w-]*)`")
FORMS = {"en": {"one", "other"}, "ru": {"one", "few", "many", "other"}}
ORDINALS = {"en": {"one", "two", "few", "other"}, "ru": {"other"}}
"""As https://cldr.unicode.org/index/cldr-spec/plural-rules has them."""


@cache
def words(tag: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((WEB / f"locales/{tag}.json").read_text())
    return found


@cache
def code() -> str:
    files = (file for folder in ("lib", "parts") for file in (WEB / folder).glob("*.js"))
    return "\n".join(file.read_text() for file in sorted(files))


def texts(value: Any) -> Iterator[str]:
    """All forms of a text."""
    if isinstance(value, str):
        yield value
    else:
        for form in value.values():
            yield from texts(form)


def test_every_text_that_the_page_asks_for_is_there() -> None:
    asked = {found["name"] for found in ASKED.finditer(code())}
    assert len(asked) > 50
    assert asked - words("en").keys() == set()


def test_no_text_is_there_in_vain() -> None:
    made_up = [(found["start"], found["end"]) for found in MADE_UP.finditer(code())]
    known = [(start, end) for start, end in made_up if start or end]

    def is_used(name: str) -> bool:
        is_named = f'"{name}"' in code()
        return is_named or any(name.startswith(a) and name.endswith(b) for a, b in known)

    assert [name for name in words("en") if not is_used(name)] == []


@pytest.mark.parametrize("tag", TAGS)
def test_a_language_has_the_texts_of_all_others(tag: str) -> None:
    assert words(tag).keys() == words("en").keys()
    assert not [name for name, value in words(tag).items() if not all(texts(value))]


@pytest.mark.parametrize("tag", TAGS)
def test_a_text_takes_the_same_values_in_every_language(tag: str) -> None:
    def values(value: Any) -> set[str]:
        return set(re.findall(r"\{(\w+)\}", " ".join(texts(value))))

    assert not [
        name for name, value in words(tag).items() if values(value) != values(words("en")[name])
    ]


@pytest.mark.parametrize("tag", TAGS)
def test_what_is_counted_has_every_form_of_the_language(tag: str) -> None:
    for name, value in words(tag).items():
        if isinstance(value, dict):
            ordinal = value.get("ordinal")
            assert set(ordinal or value) == (ORDINALS if ordinal else FORMS)[tag], name
