"""JSON in and out, strict: what this module reads it can also write again.

RFC 8259 without the usual leniencies: no NaN or Infinity, no lone surrogates, no bytes after the
value. Where a name repeats within an object the last one counts, as in JavaScript and Python.

Bodies of requests are held to more (`load_body`), for they come from strangers and what is checked
in them must be what is meant: a field named twice may look harmless to one reader of it and not to
the next, and a small text can hold very many values.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import orjson

from limner.core.errors import InvalidRequest

MAX_DEPTH = 128
"""Containers within containers. orjson writes 254 levels, and what is echoed gets wrapped."""

BODY_MAX_DEPTH = 64
BODY_MAX_VALUES = 200_000
"""A body of 64 MB may be one long conversation with pictures, but not ten million brackets."""

MIN_INTEGER, MAX_INTEGER = -(2**63), 2**63 - 1

Container = dict[str, Any] | list[Any]

_LONG_INTEGER = re.compile(rb"(?<![\d.eE+-])-?\d{19,}(?![\d.eE])")
_INNERMOST = re.compile(rb"[\[{][^\[\]{}]*[\]}]")


def load(text: bytes | str) -> Any:
    """Read one JSON value.

    Raises ValueError, whose message names line and column, for anything that is not strict JSON
    and for values nested deeper than MAX_DEPTH.
    """
    value = orjson.loads(text)
    _check_depth(value, MAX_DEPTH)
    return value


def load_body(body: bytes) -> dict[str, Any]:
    """Read a request's body, which must be one JSON object.

    Raises InvalidRequest for other values, and for those that hold more than BODY_MAX_VALUES or
    BODY_MAX_DEPTH, the character NUL, integers beyond 64 bits or one of its fields twice.
    """
    skeleton = _skeleton(body)
    try:
        _check_values(skeleton)
        value = orjson.loads(body)
        _check_depth(value, BODY_MAX_DEPTH)
        _check_integers(skeleton)
        if b"\\u0000" in body:
            _check_characters(value)
    except ValueError as error:
        raise InvalidRequest(
            f"The request body is not valid JSON: {error}.", code="invalid_json"
        ) from None
    if not isinstance(value, dict):
        raise InvalidRequest(
            f"The request body must be a JSON object, got {type_name(value)}.", code="invalid_type"
        )
    if _fields(skeleton) != len(value):
        raise InvalidRequest(
            "The request body names a field twice; each may be there once.", code="invalid_json"
        )
    return value


def dump(value: object) -> bytes:
    """Write one value on a single line; raises TypeError for what JSON cannot say."""
    return orjson.dumps(value)


def type_name(value: object) -> str:
    """The JSON type of a value that was read from JSON, with its article, for messages."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "an array"
        case _:
            return "an object"


def _check_depth(value: object, limit: int) -> None:
    for depth, _ in enumerate(_levels(value)):
        if depth >= limit:
            raise ValueError(f"nested deeper than {limit} levels")


def _levels(value: object) -> Iterator[list[Container]]:
    """The containers of a value, level by level, so that nothing can overflow."""
    level = [value] if isinstance(value, dict | list) else []
    while level:
        yield level
        level = [
            child
            for node in level
            for child in (node.values() if isinstance(node, dict) else node)
            if isinstance(child, dict | list)
        ]


def _skeleton(body: bytes) -> bytes:
    """A JSON text without its strings: what gives it its form, and its numbers."""
    return b"".join(body.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')[::2])


def _check_values(skeleton: bytes) -> None:
    if skeleton.count(b",") + skeleton.count(b"[") + skeleton.count(b"{") >= BODY_MAX_VALUES:
        raise ValueError(f"more than {BODY_MAX_VALUES} values")


def _check_integers(skeleton: bytes) -> None:
    for found in _LONG_INTEGER.finditer(skeleton):
        # No limit of Python's on digits is met: whoever has more than 20 is out of range as it is.
        if len(found[0]) > 20 or not MIN_INTEGER <= int(found[0]) <= MAX_INTEGER:
            raise ValueError(f"an integer beyond 64 bits, {found[0][:24].decode()}")


def _check_characters(value: object) -> None:
    for level in _levels(value):
        for node in level:
            texts = [*node, *node.values()] if isinstance(node, dict) else node
            if any(isinstance(text, str) and "\0" in text for text in texts):
                raise ValueError("a string with the character NUL, \\u0000")


def _fields(skeleton: bytes) -> int:
    """How many fields the object has that a valid JSON text is, each as often as it is named."""
    inner = skeleton.strip()[1:-1]
    found = 1
    while found:
        inner, found = _INNERMOST.subn(b"", inner)
    return inner.count(b":")
