"""Pictures within replies of any of our APIs, found by what they are rather than by where.

A reply is one JSON value, or server-sent events whose data are JSON.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pybase64

from limner.wire import json
from limner.wire.pictures import sniff

MIN_CHARS = 1024
"""Shorter ones may as well stay where they are."""

_DATA = b"data: "


def pictures_in(reply: bytes) -> Iterator[bytes]:
    """The bytes of each picture that the reply holds in base64."""
    texts = [reply] if reply[:1] in (b"{", b"[") else _data(reply)
    for text in texts:
        try:
            value = json.load(text)
        except ValueError:
            continue
        yield from _within(value)


def _data(events: bytes) -> Iterator[bytes]:
    for line in events.split(b"\n"):
        if line.startswith(_DATA):
            yield line.removeprefix(_DATA)


def _within(value: Any) -> Iterator[bytes]:
    match value:
        case str() if len(value) >= MIN_CHARS:
            yield from _decoded(value.rpartition(";base64,")[2])
        case dict():
            for inner in value.values():
                yield from _within(inner)
        case list():
            for inner in value:
                yield from _within(inner)


def _decoded(text: str) -> Iterator[bytes]:
    try:
        content = pybase64.b64decode(text, validate=True)
    except ValueError:
        return
    if sniff(content):
        yield content
