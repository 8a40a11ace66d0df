"""JSON in and out, strict: what this module reads it can also write again.

RFC 8259 without the usual leniencies: no NaN or Infinity, no lone surrogates, no bytes after the
value. Where a name repeats within an object the last one counts, as in JavaScript and Python.
"""

from __future__ import annotations

from typing import Any

import orjson

from limner.core.errors import InvalidRequest

MAX_DEPTH = 128
"""Containers within containers. orjson writes 254 levels, and what is echoed gets wrapped."""

Container = dict[str, Any] | list[Any]


def load(text: bytes | str) -> Any:
    """Read one JSON value.

    Raises ValueError, whose message names line and column, for anything that is not strict JSON
    and for values nested deeper than MAX_DEPTH.
    """
    value = orjson.loads(text)
    if isinstance(value, dict | list) and _deeper_than(value, MAX_DEPTH):
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels")
    return value


def load_body(body: bytes) -> dict[str, Any]:
    """Read a request's body, which must be one JSON object; raises InvalidRequest."""
    try:
        value = load(body)
    except ValueError as error:
        raise InvalidRequest(
            f"The request body is not valid JSON: {error}.", code="invalid_json"
        ) from None
    if not isinstance(value, dict):
        raise InvalidRequest(
            f"The request body must be a JSON object, got {type_name(value)}.", code="invalid_type"
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


def _deeper_than(value: Container, limit: int) -> bool:
    """Whether containers nest deeper than `limit`; walks level by level, so it cannot overflow."""
    level: list[Container] = [value]
    for _ in range(limit):
        if not level:
            return False
        level = [
            child
            for node in level
            for child in (node.values() if isinstance(node, dict) else node)
            if isinstance(child, dict | list)
        ]
    return bool(level)
