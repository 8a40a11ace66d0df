"""The JSON that models write and read: calls' arguments, which are not always JSON, and outputs.

Mended, and only when the text does not parse as it stands: words or a code fence around the object,
single quotes, raw line breaks and unescaped quotes in strings, trailing commas, a missing end, an
object written as a JSON string. What stays unreadable is no object.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_CLOSES = {"{": "}", "[": "]"}


def parse_arguments(text: str) -> dict[str, Any] | None:
    """Return the object that a call's arguments mean; None when they mean no object.

    An empty text is a call without arguments: `{}`.
    """
    if not text.strip():
        return {}
    value = _loads(text)
    if isinstance(value, str):
        value = _loads(value)
    if value is None and "{" in text:
        value = _loads(_mended(text[text.index("{") :]))
    return value if isinstance(value, dict) else None


def dump(value: Mapping[str, object]) -> str:
    """Write an object for a model to read: characters as they are, half surrogate pairs replaced.

    A model can escape half a pair in its arguments, and no encoder further on accepts that.
    """
    return json.dumps(value, ensure_ascii=False).encode(errors="replace").decode()


def _loads(text: str) -> Any:
    """None for what is no JSON. `strict=False` admits raw line breaks inside strings."""
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None


def _mended(text: str) -> str:
    """Rewrite a text that begins with a bracket, up to where that bracket is closed."""
    written: list[str] = []
    closers: list[str] = []
    at = 0
    while at < len(text):
        char = text[at]
        if char in "\"'":
            string, at = _string(text, at)
            written.append(string)
            continue
        if char in _CLOSES:
            closers.append(_CLOSES[char])
        elif char in "}]":
            _drop_comma(written)
            closers.pop()
        written.append(char)
        at += 1
        if not closers:
            break
    _drop_comma(written)
    return "".join(written) + "".join(reversed(closers))


def _string(text: str, start: int) -> tuple[str, int]:
    """Return the string that opens at `start`, in double quotes, and the place after it."""
    quote = text[start]
    content: list[str] = []
    at = start + 1
    while at < len(text):
        char = text[at]
        if char == quote and _may_end(text, at + 1):
            at += 1
            break
        step = 2 if char == "\\" else 1
        content.append(_escaped(text[at : at + step]))
        at += step
    return f'"{"".join(content)}"', at


def _escaped(char: str) -> str:
    if char == '"':
        return '\\"'
    if char == "\\'":
        return "'"
    # A lone backslash is where the text was cut off.
    return "" if char == "\\" else char


def _may_end(text: str, at: int) -> bool:
    """Whether a quote before `at` ends its string: only what may follow a string follows it."""
    rest = text[at:].lstrip()
    return not rest or rest[0] in ",:}]"


def _drop_comma(written: list[str]) -> None:
    while written and (written[-1].isspace() or written[-1] == ","):
        written.pop()
