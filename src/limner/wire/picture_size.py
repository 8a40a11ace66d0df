"""How large a picture is and whether it has an alpha channel, read from its file's headers.

What a server or a client says of it may be wrong.

Sources: PNG specification 11.2.2; ITU-T T.81 B.2.2 (JPEG); RFC 9649, sections 2.5 to 2.7 (WebP).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, assert_never

from limner.core.image import ImageData, Size

_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_BARE = frozenset({0x01, *range(0xD0, 0xD9)})
_JPEG_FILL, _JPEG_SCAN = 0xFF, 0xDA


def measure(image: ImageData) -> Size | None:
    """Width and height as the file's header has them; None where it is broken or cut."""
    match image.format:
        case "png":
            size = _edges(image.content[16:24], "big", 4)
        case "jpeg":
            size = _jpeg(image.content)
        case "webp":
            size = _webp(image.content)
        case _:
            assert_never(image.format)
    return size if size and size.width and size.height else None


def has_alpha(image: ImageData) -> bool:
    """Whether a pixel of the file may be transparent; False where it is broken or cut."""
    content = image.content
    match image.format:
        case "png":
            return content[25:26] in (b"\x04", b"\x06") or b"tRNS" in _png_chunks(content)
        case "jpeg":
            return False
        case "webp":
            if content[12:16] == b"VP8X":
                return bool(content[20] & 0x10) if len(content) > 20 else False
            return content[12:16] == b"VP8L" and bool(content[24:25] and content[24] & 0x10)
        case _:
            assert_never(image.format)


def _png_chunks(content: bytes) -> Iterator[bytes]:
    """The types of the chunks before the pixels."""
    at = 8
    while (kind := content[at + 4 : at + 8]) not in (b"", b"IDAT"):
        yield kind
        at += 12 + int.from_bytes(content[at : at + 4], "big")


def _edges(field: bytes, order: Literal["big", "little"], length: int) -> Size | None:
    """Two numbers of `length` bytes, width first."""
    if len(field) != 2 * length:
        return None
    first, second = (int.from_bytes(half, order) for half in (field[:length], field[length:]))
    return Size(first, second)


def _jpeg(content: bytes) -> Size | None:
    at = 2
    while at + 4 <= len(content) and content[at] == _JPEG_FILL:
        marker = content[at + 1]
        if marker == _JPEG_FILL:
            at += 1
        elif marker in _JPEG_BARE:
            at += 2
        elif marker in _JPEG_FRAMES:
            size = _edges(content[at + 5 : at + 9], "big", 2)
            return Size(size.height, size.width) if size else None
        elif marker == _JPEG_SCAN:
            return None
        else:
            at += 2 + max(2, int.from_bytes(content[at + 2 : at + 4], "big"))
    return None


def _webp(content: bytes) -> Size | None:
    kind = content[12:16]
    if kind == b"VP8 " and content[23:26] == b"\x9d\x01\x2a":
        size = _edges(content[26:30], "little", 2)
        return Size(size.width & 0x3FFF, size.height & 0x3FFF) if size else None
    if kind == b"VP8L" and len(content) >= 25 and content[20] == 0x2F:
        bits = int.from_bytes(content[21:25], "little")
        return Size((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if kind == b"VP8X":
        size = _edges(content[24:30], "little", 3)
        return Size(size.width + 1, size.height + 1) if size else None
    return None
