"""The Exif block with a comment of the user's, where programs look for how a picture was made.

Big-endian with UTF-16 in that order, since readers differ in what `UNICODE` means otherwise.

Source: CIPA DC-008 (Exif 2.32), sections 4.6.2 and 4.6.6.
"""

from __future__ import annotations

import struct

_ASCII, _LONG, _UNDEFINED = 2, 4, 7
_SOFTWARE, _EXIF_IFD, _EXIF_VERSION, _USER_COMMENT = 0x0131, 0x8769, 0x9000, 0x9286
_HEADER = b"MM\0*" + struct.pack(">I", 8)
_IFD_BYTES = 2 + 2 * 12 + 4


def exif(software: str, comment: str) -> bytes:
    """A TIFF structure with both. software: ASCII, at least four letters."""
    named = software.encode("ascii") + b"\0"
    named += b"\0" * (len(named) % 2)
    said = b"UNICODE\0" + comment.encode("utf-16-be", "replace")
    inner_at = len(_HEADER) + _IFD_BYTES + len(named)
    outer = _ifd(
        (_SOFTWARE, _ASCII, len(named), struct.pack(">I", len(_HEADER) + _IFD_BYTES)),
        (_EXIF_IFD, _LONG, 1, struct.pack(">I", inner_at)),
    )
    inner = _ifd(
        (_EXIF_VERSION, _UNDEFINED, 4, b"0232"),
        (_USER_COMMENT, _UNDEFINED, len(said), struct.pack(">I", inner_at + _IFD_BYTES)),
    )
    return _HEADER + outer + named + inner + said


def _ifd(*entries: tuple[int, int, int, bytes]) -> bytes:
    """A directory: tag, type, count, and a value or its offset in four bytes; none follows it."""
    rows = (struct.pack(">HHI", tag, kind, count) + value for tag, kind, count, value in entries)
    return struct.pack(">H", len(entries)) + b"".join(rows) + bytes(4)
