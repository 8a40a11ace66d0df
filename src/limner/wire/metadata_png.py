"""Texts in PNG files, put in and taken out without touching a pixel.

Source: Portable Network Graphics (PNG) Specification, Third Edition, sections 5 and 11.3.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping

XMP = "XML:com.adobe.xmp"

_SIGNATURE_BYTES, _HEADER_END = 8, 33
_SIGNED = b"caBX"
_PLAIN = bytes(4)
"""Behind a keyword's NUL: not compressed, by no method, in no language, not translated."""
_COLOURS = frozenset(
    (b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP", b"sBIT", b"bKGD", b"pHYs", b"PLTE")
)
_PIXELS = frozenset((b"IHDR", b"IDAT", b"IEND")) | _COLOURS


def with_texts(content: bytes, texts: Mapping[str, str]) -> bytes:
    """The file with texts by keyword; of what it says already only an XMP packet is replaced.

    Raises ValueError for a broken file, as everything here does.
    """
    chunks = list(_chunks(content))
    there = {_keyword(content, at) for kind, at, _ in chunks if kind in (b"iTXt", b"tEXt", b"zTXt")}
    new = [_text(key, text) for key, text in texts.items() if key not in there - {XMP}]
    if XMP in there and XMP in texts:
        keep = [(at, end) for kind, at, end in chunks[1:] if not _is_xmp(content, kind, at)]
        rest = [content[at:end] for at, end in keep]
    else:
        rest = [content[_HEADER_END:]]
    return b"".join((content[:_HEADER_END], *new, *rest))


def text_of(content: bytes, keyword: str) -> str | None:
    """An international text that is not compressed; None where there is none of this keyword."""
    for kind, at, end in _chunks(content):
        if kind == b"iTXt" and _keyword(content, at) == keyword:
            data = content[at + 8 + len(keyword) : end - 4]
            if data[:2] == b"\0\0":
                return data[3:].split(b"\0", 2)[-1].decode("utf-8", "replace")
    return None


def is_signed(content: bytes) -> bool:
    """Whether it has a manifest of C2PA, which holds only while no byte changes."""
    return any(kind == _SIGNED for kind, _, _ in _chunks(content))


def bare(content: bytes) -> bytes:
    """The pixels and what says how they look."""
    kept = (content[at:end] for kind, at, end in _chunks(content) if kind in _PIXELS)
    return content[:_SIGNATURE_BYTES] + b"".join(kept)


def _chunks(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Type, beginning and end of each chunk; the first is IHDR, the last IEND."""
    at, kind = _SIGNATURE_BYTES, b""
    while kind != b"IEND":
        head = content[at : at + 8]
        kind = head[4:]
        end = at + 12 + int.from_bytes(head[:4], "big")
        if len(head) < 8 or end > len(content):
            raise ValueError("a chunk that is cut")
        if (at == _SIGNATURE_BYTES) is not (kind == b"IHDR" and end == _HEADER_END):
            raise ValueError("no header")
        yield kind, at, end
        at = end


def _keyword(content: bytes, at: int) -> str:
    """Of a text chunk; keywords have at most 79 characters."""
    return content[at + 8 : at + 88].split(b"\0")[0].decode("latin-1")


def _is_xmp(content: bytes, kind: bytes, at: int) -> bool:
    return kind == b"iTXt" and _keyword(content, at) == XMP


def _text(keyword: str, text: str) -> bytes:
    data = keyword.encode("latin-1") + b"\0" + _PLAIN + text.encode("utf-8", "replace")
    return struct.pack(">I", len(data)) + b"iTXt" + data + _checksum(b"iTXt" + data)


def _checksum(covered: bytes) -> bytes:
    return struct.pack(">I", zlib.crc32(covered))
