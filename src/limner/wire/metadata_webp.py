"""Exif and XMP in WebP files, put in and taken out without touching a pixel.

Source: RFC 9649, section 2: a file with metadata has a chunk `VP8X` first, which says so.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

from limner.core.image import ImageData
from limner.wire.picture_size import has_alpha, measure

_XMP_FLAG, _EXIF_FLAG, _ALPHA_FLAG = 0x04, 0x08, 0x10
_METADATA = _XMP_FLAG | _EXIF_FLAG
_PIXELS = frozenset((b"VP8X", b"ICCP", b"ANIM", b"ANMF", b"ALPH", b"VP8 ", b"VP8L"))

_Chunk = tuple[bytes, bytes]


def with_chunks(content: bytes, *, exif: bytes | None, xmp: bytes) -> bytes:
    """The file with both; Exif that is there stays, XMP is replaced.

    Raises ValueError for a broken file, as everything here does.
    """
    chunks = [chunk for chunk in _chunks(content) if chunk[0] != b"XMP "]
    if chunks[0][0] != b"VP8X":
        chunks.insert(0, (b"VP8X", _extension(content)))
    has_exif = any(kind == b"EXIF" for kind, _ in chunks)
    if exif is not None and not has_exif:
        chunks.append((b"EXIF", exif))
        has_exif = True
    flags = _XMP_FLAG | (_EXIF_FLAG if has_exif else 0)
    return _file([*_flagged(chunks, flags), (b"XMP ", xmp)])


def xmp_of(content: bytes) -> bytes | None:
    return next((data for kind, data in _chunks(content) if kind == b"XMP "), None)


def is_signed(content: bytes) -> bool:
    """Whether it has a manifest of C2PA, which holds only while no byte changes."""
    return any(kind == b"C2PA" for kind, _ in _chunks(content))


def bare(content: bytes) -> bytes:
    """The pixels and what says how they look."""
    return _file(_flagged([chunk for chunk in _chunks(content) if chunk[0] in _PIXELS], 0))


def _chunks(content: bytes) -> Iterator[_Chunk]:
    """Type and data of each chunk; there is at least one."""
    end = 8 + int.from_bytes(content[4:8], "little")
    at = 12
    if end > len(content) or at >= end:
        raise ValueError("a file that is cut")
    while at < end:
        length = int.from_bytes(content[at + 4 : at + 8], "little")
        if at + 8 + length > end:
            raise ValueError("a chunk that is cut")
        yield content[at : at + 4], content[at + 8 : at + 8 + length]
        at += 8 + length + length % 2


def _extension(content: bytes) -> bytes:
    """The data of `VP8X` for a file that has none."""
    image = ImageData(content, "webp")
    if not (size := measure(image)):
        raise ValueError("no picture")
    flags = _ALPHA_FLAG if has_alpha(image) else 0
    edges = ((edge - 1).to_bytes(3, "little") for edge in (size.width, size.height))
    return bytes((flags, 0, 0, 0)) + b"".join(edges)


def _flagged(chunks: Iterable[_Chunk], metadata: int) -> Iterator[_Chunk]:
    """The same chunks, the first of which says that there is this metadata."""
    for kind, data in chunks:
        if kind == b"VP8X" and data:
            data = bytes((data[0] & ~_METADATA | metadata,)) + data[1:]
        yield kind, data


def _file(chunks: Iterable[_Chunk]) -> bytes:
    body = b"".join(
        kind + struct.pack("<I", len(data)) + data + bytes(len(data) % 2) for kind, data in chunks
    )
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body
