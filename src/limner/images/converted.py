"""An image back end whose pictures are written anew where it cannot write the format asked.

A picture was painted, and maybe paid for: one that cannot be written anew is given as it came, and
says so.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from limner.core.errors import InvalidRequest
from limner.core.image import (
    FORMATS,
    ImageCapabilities,
    ImageCompleted,
    ImageEvent,
    ImageFormat,
    ImageRequest,
)
from limner.core.ports import Codec, ImageBackend

_SETTLED = ("output_format", "output_compression")
"""Adjustments about these are no longer true of a picture that was written here."""


class ConvertedFormats:
    """The port `ImageBackend` over another, with all formats. Previews stay as they come."""

    def __init__(self, backend: ImageBackend, codec: Codec) -> None:
        self._backend = backend
        self._codec = codec

    @property
    def capabilities(self) -> ImageCapabilities:
        return replace(self._backend.capabilities, formats=FORMATS)

    async def generate(self, request: ImageRequest) -> AsyncGenerator[ImageEvent, None]:
        """Yield what the other back end does, its pictures in the format that was asked for."""
        async with aclosing(self._backend.generate(self._order(request))) as events:
            async for event in events:
                if isinstance(event, ImageCompleted):
                    event = await self._converted(event, request)
                yield event

    def _order(self, request: ImageRequest) -> ImageRequest:
        """What the back end is asked for: a picture that loses nothing, where it can."""
        can = self._backend.capabilities.formats
        if request.output_format is None or can is None or request.output_format in can:
            return request
        own: ImageFormat = "png" if "png" in can else can[0]
        return replace(request, output_format=own, output_compression=None)

    async def _converted(self, event: ImageCompleted, request: ImageRequest) -> ImageCompleted:
        asked, came = request.output_format, event.image.format
        if asked in (None, came):
            return event
        look = event.resolved
        said = tuple(text for text in look.adjustments if not text.startswith(_SETTLED))
        try:
            image = await self._codec.encode(event.image, asked, request.output_compression)
        except InvalidRequest as error:
            why = f"output_format: it is {came}, and could not be written as {asked}. "
            look = replace(look, adjustments=(*said, why + error.message))
            return replace(event, resolved=look)
        look = replace(look, output_format=asked, adjustments=said)
        return replace(event, image=image, resolved=look)
