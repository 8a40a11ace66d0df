"""Texts as they are kept: JSON whose pictures lie elsewhere, under the digest of their bytes.

In a kept text each picture's base64 is replaced by its SHA-256 in hexadecimal between two NULs.
JSON holds no NUL, so nothing that a client or a model writes can look like that, and putting the
pictures back gives the very bytes that there were.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Any

import pybase64

_MARK = b"\x00"
_MARKED = re.compile(rb"\x00[0-9a-f]{64}\x00")
_MARKED_VALUE = re.compile(rb'"(?:data:image/[^"\\\x00]*;base64,)?\x00[0-9a-f]{64}\x00"(?!:)')
_BASE64 = ";base64,"
_BARE = ("result", "b64_json", "partial_image_b64")
"""Keys whose value is base64 without a data URL around it."""


def digest_of(content: bytes) -> str:
    """The name that a picture is kept by: 64 hexadecimal digits."""
    return sha256(content).hexdigest()


def keep(text: bytes, pictures: Iterable[bytes]) -> bytes:
    """Take the pictures out of a JSON text. pictures: the bytes of each that it may hold."""
    for content in sorted(set(pictures), key=len, reverse=True):
        if content:
            mark = _MARK + digest_of(content).encode() + _MARK
            text = text.replace(pybase64.b64encode(content), mark)
    return text


def digests_in(kept: bytes) -> list[str]:
    """The pictures that a kept text needs, each once, in their order."""
    return list(dict.fromkeys(piece.decode() for piece in kept.split(_MARK)[1::2]))


def without_pictures(kept: bytes) -> bytes:
    """JSON again, with each picture's digest in its place."""
    return kept.replace(_MARK, b"")


def pictures_left_out(kept: bytes) -> bytes:
    """JSON again, with null for each picture: for lists, which must not weigh what pictures do.

    Where one's base64 was a piece of a longer text, that piece is left out.
    """
    return _MARKED.sub(b"", _MARKED_VALUE.sub(b"null", kept))


def restore(kept: bytes, pictures: Mapping[str, bytes]) -> bytes:
    """Put the pictures back; raises KeyError for one that is missing."""
    pieces = kept.split(_MARK)
    pieces[1::2] = [pybase64.b64encode(pictures[digest.decode()]) for digest in pieces[1::2]]
    return b"".join(pieces)


def pictures_in(value: Any) -> Iterator[bytes]:
    """The bytes of every picture in a client's JSON, where `keep` finds it again.

    Base64 that is written otherwise than we write it stays in the text: rewrite such a value first.
    """
    if isinstance(value, dict):
        for key, inner in value.items():
            if isinstance(inner, str):
                yield from _picture(key, inner)
            else:
                yield from pictures_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from pictures_in(inner)


def _picture(key: str, text: str) -> Iterator[bytes]:
    if text.startswith("data:image/"):
        _, _, text = text.partition(_BASE64)
    elif key not in _BARE:
        return
    try:
        content = pybase64.b64decode(text, validate=True)
    except ValueError:
        return
    if content:
        yield content
