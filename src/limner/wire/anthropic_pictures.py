"""Pictures for Anthropic's models: as many of the latest as a request may hold, the rest in words.

Limits (Anthropic docs, "Vision", and the API's own refusals): media types that match the bytes;
5 MiB of base64 a picture; 100 pictures; 8000 px an edge, or 2000 px where there are more than 20
pictures; 32 MB for the whole request; URLs with https only. Pictures inside tool results count. One
that breaks a limit would make the API refuse the conversation for ever, and there is nothing here
that could scale it, so the model reads a line about it in its place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pybase64

from limner.core.image import ImageData, Size
from limner.core.items import ImagePart
from limner.wire.picture_size import measure
from limner.wire.picture_words import words_of
from limner.wire.pictures import picture, sniff

Json = dict[str, Any]

MAX_PICTURES = 100
MAX_EDGE_PX = 8000
FEW_PICTURES = 20
MAX_EDGE_OF_MANY_PX = 2000
MAX_PICTURE_CHARS = 5 * 1024 * 1024
MAX_CHARS = 30_000_000
"""Base64 of all pictures; leaves 2 MB of the request for words, more than any model reads."""

_GIF = "data:image/gif;base64,"


@dataclass(frozen=True, slots=True)
class _Picture:
    """A picture before it is sent. size: None where it cannot be known here."""

    name: str
    size: Size | None
    media_type: str = ""
    content: bytes = b""
    base64: str = ""
    url: str = ""

    @property
    def chars(self) -> int:
        return len(self.base64) or (len(self.content) + 2) // 3 * 4

    @property
    def source(self) -> Json:
        if self.url:
            return {"type": "url", "url": self.url}
        data = self.base64 or pybase64.b64encode(self.content).decode("ascii")
        return {"type": "base64", "media_type": self.media_type, "data": data}


class PictureAlbum:
    """Places the pictures of one request. vision: False puts words in the place of each.

    left_out: how many have become words although the model sees.
    """

    def __init__(self, *, vision: bool) -> None:
        self._vision = vision
        self._count = 0
        self._chars = 0
        self._max_edge_px = 0
        self.left_out = 0

    def fill(self, content: list[Any]) -> None:
        """Replace each `ImagePart` among content blocks, in tool results too, the latest first.

        Contents must come in the order from the last to the first as well.
        """
        for place in reversed(range(len(content))):
            block = content[place]
            if isinstance(block, ImagePart):
                content[place] = self._shown(block)
            elif block["type"] == "tool_result":
                self.fill(block["content"])

    def _shown(self, part: ImagePart) -> Json:
        if not self._vision:
            return {"type": "text", "text": words_of(part)}
        picture = _opened(part)
        if why := self._obstacle(picture):
            self.left_out += 1
            return {"type": "text", "text": f"[{picture.name}, left out: {why}]"}
        self._count += 1
        self._chars += picture.chars
        self._max_edge_px = max(self._max_edge_px, _edge_px(picture))
        return {"type": "image", "source": picture.source}

    def _obstacle(self, picture: _Picture) -> str | None:
        """Why this picture cannot join those already placed."""
        edge_px = _edge_px(picture)
        if picture.url and not picture.url.lower().startswith("https://"):
            return "only https addresses can be opened"
        if picture.size and edge_px > MAX_EDGE_PX:
            return f"no edge may exceed {MAX_EDGE_PX} px"
        if picture.chars > MAX_PICTURE_CHARS:
            return f"its file may have {MAX_PICTURE_CHARS // 4 * 3} bytes at most"
        if self._count == MAX_PICTURES:
            return f"only the latest {MAX_PICTURES} pictures can be shown"
        if self._count >= FEW_PICTURES and max(self._max_edge_px, edge_px) > MAX_EDGE_OF_MANY_PX:
            return f"beyond {FEW_PICTURES} pictures no edge may exceed {MAX_EDGE_OF_MANY_PX} px"
        if self._chars + picture.chars > MAX_CHARS:
            return "later pictures have used the room that there is"
        return None


def _edge_px(picture: _Picture) -> int:
    """The longer edge. An unknown one counts as what no picture among many may have."""
    size = picture.size
    return max(size.width, size.height) if size else MAX_EDGE_PX


def _opened(part: ImagePart) -> _Picture:
    match part.source:
        case ImageData(content=content, format=format):
            kind = sniff(content) or format
            readable = picture(content)
            size = measure(readable) if readable else None
            return _Picture(_name(kind, size, len(content)), size, f"image/{kind}", content)
        case str(url) if url.startswith(_GIF):
            data = url.removeprefix(_GIF)
            size = _gif_size(data)
            name = _name("gif", size, len(data) // 4 * 3 - data[-2:].count("="))
            return _Picture(name, size, "image/gif", base64=data)
        case url:
            return _Picture(f"a picture at {url}", None, url=url)


def _name(kind: str, size: Size | None, length: int) -> str:
    return f"a {kind} picture of {f'{size} px' if size else f'{length} bytes'}"


def _gif_size(data: str) -> Size | None:
    """GIF89a specification, section 18: width and height, two bytes each, little-endian."""
    try:
        head = pybase64.b64decode(data[:16])
    except ValueError:
        return None
    width, height = (int.from_bytes(head[at : at + 2], "little") for at in (6, 8))
    return Size(width, height) if width and height else None
