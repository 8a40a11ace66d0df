"""The files that a kept picture is handed out as: its own, a thumbnail, another format.

Thumbnails are made once and kept. Other formats are made anew each time, for they are downloads;
what the file said of itself is said in the new one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from limner.core.gallery import KeptPicture
from limner.core.image import ImageData, ImageFormat
from limner.core.ports import Codec
from limner.store.gallery import Gallery
from limner.wire.gallery import Showing
from limner.wire.picture_metadata import read, says_made_by_ai, strip, write

QUALITY = 95


@dataclass(frozen=True, slots=True)
class PictureFile:
    """digest: what the bytes are known by in caches. load: gets them."""

    digest: str
    format: ImageFormat
    load: Callable[[], Awaitable[bytes]]


class PictureFiles:
    """codec: makes what is not there yet."""

    def __init__(self, gallery: Gallery, codec: Codec) -> None:
        self._gallery = gallery
        self._codec = codec

    async def shown(self, picture: KeptPicture, showing: Showing) -> PictureFile:
        """The file that is wanted; raises InvalidRequest for a picture that nobody can decode."""
        if showing.width is not None:
            digest = await self._thumbnail(picture, showing.width)
            return PictureFile(digest, "webp", lambda: self._gallery.small_content(digest))
        format = showing.format or picture.format
        if format == picture.format and showing.metadata:
            return PictureFile(picture.digest, format, lambda: self._gallery.content(picture))
        kind = format if showing.metadata else f"{format}-bare"
        return PictureFile(
            f"{picture.digest}-{kind}", format, lambda: self._written(picture, showing)
        )

    async def _thumbnail(self, picture: KeptPicture, width: int) -> str:
        digest = await self._gallery.thumbnail(picture, width)
        if digest is not None:
            return digest
        whole = ImageData(await self._gallery.content(picture), picture.format)
        small = await self._codec.thumbnail(whole, width_px=width)
        if says_made_by_ai(whole):
            small = write(small, None)
        return await self._gallery.keep_thumbnail(picture, width, small.content)

    async def _written(self, picture: KeptPicture, showing: Showing) -> bytes:
        whole = ImageData(await self._gallery.content(picture), picture.format)
        format = showing.format or picture.format
        image = whole
        if format != whole.format:
            image = await self._codec.encode(whole, format, QUALITY)
        if not showing.metadata:
            return strip(image).content
        if says_made_by_ai(whole) and image is not whole:
            image = write(image, read(whole))
        return image.content
