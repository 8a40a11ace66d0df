"""Pictures for Anthropic's models: as many of the latest as a request may hold, the rest in words.

Limits (Anthropic docs, "Vision", and the API's own refusals): media types that match the bytes;
5 MiB of base64 a picture; 100 pictures; 8000 px an edge, or 2000 px where there are more than 20
pictures; 32 MB for the whole request. Pictures inside tool results count. One that breaks a limit
would make the API refuse the conversation for ever. The upstream has made too large ones smaller
before; of what does not fit even so, the model reads a line in its place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from limner.core.image import ImageData, Size
from limner.core.items import ImagePart
from limner.wire.picture_size import measure
from limner.wire.picture_words import words_of
from limner.wire.pictures import picture as picture_of
from limner.wire.pictures import to_base64

Json = dict[str, Any]

MAX_PICTURES = 100
MAX_EDGE_PX = 8000
FEW_PICTURES = 20
MAX_EDGE_OF_MANY_PX = 2000
MAX_PICTURE_CHARS = 5 * 1024 * 1024
MAX_CHARS = 30_000_000
"""Base64 of all pictures; leaves 2 MB of the request for words, more than any model reads."""


@dataclass(frozen=True, slots=True)
class _Picture:
    """A picture before it is sent. size: None where it cannot be known here."""

    image: ImageData
    size: Size | None

    @property
    def name(self) -> str:
        extent = f"{self.size} px" if self.size else f"{len(self.image.content)} bytes"
        return f"a {self.image.format} picture of {extent}"

    @property
    def chars(self) -> int:
        return (len(self.image.content) + 2) // 3 * 4

    @property
    def source(self) -> Json:
        data = to_base64(self.image)
        return {"type": "base64", "media_type": self.image.media_type, "data": data}


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
    """The bytes say what a picture is; those that nobody knows keep their label."""
    image = picture_of(part.source.content) or part.source
    return _Picture(image, measure(image))
