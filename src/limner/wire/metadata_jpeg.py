"""Exif and XMP in JPEG files, put in and taken out without touching a pixel.

Sources: ITU-T T.81, B.1.1; CIPA DC-008, section 4.7; ISO 16684-3 (XMP in JPEG); C2PA 2.1, A.3.1.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

SEGMENT_BYTES = 65_533
"""The most that one segment holds behind its length."""

EXIF_HEAD, XMP_HEAD = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0"

_ICC_HEAD = b"ICC_PROFILE\0"
_FILL, _TEM, _SCAN, _COMMENT = 0xFF, 0x01, 0xDA, 0xFE
_APP0, _APP1, _APP2, _APP11, _APP14, _APP15 = 0xE0, 0xE1, 0xE2, 0xEB, 0xEE, 0xEF
_BARE = frozenset({_TEM, *range(0xD0, 0xD9)})

_Segment = tuple[int, int, int]
"""Marker, beginning and end in the file; the last is the scan, up to the end of the file."""


def with_segments(content: bytes, *, exif: bytes | None, xmp: bytes) -> bytes:
    """The file with both, behind its JFIF header; Exif that is there stays, XMP is replaced.

    Raises ValueError for a broken file, as everything here does.
    """
    segments = list(_segments(content))
    has_exif = any(_is_exif(content, segment) for segment in segments)
    head = [content[at:end] for marker, at, end in segments if marker == _APP0]
    rest = [
        content[segment[1] : segment[2]]
        for segment in segments
        if segment[0] != _APP0 and not _is_xmp(content, segment)
    ]
    new = [] if exif is None or has_exif else [_written(EXIF_HEAD + exif)]
    return b"".join((content[:2], *head, *new, _written(XMP_HEAD + xmp), *rest))


def xmp_of(content: bytes) -> bytes | None:
    for segment in _segments(content):
        if _is_xmp(content, segment):
            return content[segment[1] + 4 + len(XMP_HEAD) : segment[2]]
    return None


def is_signed(content: bytes) -> bool:
    """Whether it has a manifest of C2PA, which holds only while no byte changes."""
    return any(
        marker == _APP11 and b"c2pa" in content[at : at + 64]
        for marker, at, _ in _segments(content)
    )


def bare(content: bytes) -> bytes:
    """The pixels and what says how they look."""
    kept = (content[seg[1] : seg[2]] for seg in _segments(content) if _shapes(content, seg))
    return content[:2] + b"".join(kept)


def _segments(content: bytes) -> Iterator[_Segment]:
    at, marker = 2, 0
    while marker != _SCAN:
        start = at
        if content[at : at + 1] != b"\xff":
            raise ValueError("no marker")
        while content[at : at + 1] == b"\xff":
            at += 1
        marker = int.from_bytes(content[at : at + 1], "big")
        at += 1
        if marker == _SCAN:
            at = len(content)
        elif marker not in _BARE:
            at += max(2, int.from_bytes(content[at : at + 2], "big"))
        if at > len(content):
            raise ValueError("a segment that is cut")
        yield marker, start, at


def _starts(content: bytes, segment: _Segment, marker: int, head: bytes) -> bool:
    return segment[0] == marker and content.startswith(head, segment[1] + 4)


def _is_exif(content: bytes, segment: _Segment) -> bool:
    return _starts(content, segment, _APP1, EXIF_HEAD)


def _is_xmp(content: bytes, segment: _Segment) -> bool:
    return _starts(content, segment, _APP1, XMP_HEAD)


def _shapes(content: bytes, segment: _Segment) -> bool:
    """Whether the pixels would look otherwise without it."""
    marker = segment[0]
    if marker == _COMMENT:
        return False
    is_application = _APP0 <= marker <= _APP15
    is_profile = _starts(content, segment, _APP2, _ICC_HEAD)
    return not is_application or marker in (_APP0, _APP14) or is_profile


def _written(content: bytes) -> bytes:
    return struct.pack(">BBH", _FILL, _APP1, len(content) + 2) + content
