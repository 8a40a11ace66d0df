"""An image back end whose pictures are written anew where it cannot write the format asked."""

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
    ImageFailed,
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
                if isinstance(event, ImageFailed):
                    return

    def _order(self, request: ImageRequest) -> ImageRequest:
        """What the back end is asked for: a picture that loses nothing, where it can."""
        can = self._backend.capabilities.formats
        if request.output_format is None or can is None or request.output_format in can:
            return request
        own: ImageFormat = "png" if "png" in can else can[0]
        return replace(request, output_format=own, output_compression=None)

    async def _converted(
        self, event: ImageCompleted, request: ImageRequest
    ) -> ImageCompleted | ImageFailed:
        asked = request.output_format
        if asked in (None, event.image.format):
            return event
        try:
            image = await self._codec.encode(event.image, asked, request.output_compression)
        except InvalidRequest as error:
            message = f"The picture cannot be written as {asked}: {error.message}"
            return ImageFailed(message, retryable=True, status=502)
        said = tuple(a for a in event.resolved.adjustments if not a.startswith(_SETTLED))
        resolved = replace(event.resolved, output_format=asked, adjustments=said)
        return replace(event, image=image, resolved=resolved)
