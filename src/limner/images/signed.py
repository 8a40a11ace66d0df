"""An image back end whose finished pictures are signed: others can see who vouches for them.

It comes last, since any later change would break the signature. A picture that somebody has signed
already is theirs.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import Protocol

from limner.core.errors import LimnerError
from limner.core.image import (
    ImageCapabilities,
    ImageCompleted,
    ImageData,
    ImageEvent,
    ImageRequest,
)
from limner.core.ports import ImageBackend
from limner.wire.picture_metadata import is_signed

logger = logging.getLogger(__name__)


class Signs(Protocol):
    def sign(self, image: ImageData, *, is_edit: bool) -> ImageData:
        """The picture, signed. Blocks; is called once at a time. Raises LimnerError."""
        ...


class SignedPictures:
    """The port `ImageBackend` over another. Previews stay as they come."""

    def __init__(self, backend: ImageBackend, signer: Signs) -> None:
        self._backend = backend
        self._signer = signer
        self._turn = asyncio.Lock()

    @property
    def capabilities(self) -> ImageCapabilities:
        return self._backend.capabilities

    async def generate(self, request: ImageRequest) -> AsyncGenerator[ImageEvent, None]:
        """Yield what the other back end does, its finished pictures signed."""
        async with aclosing(self._backend.generate(request)) as events:
            async for event in events:
                if isinstance(event, ImageCompleted) and not is_signed(event.image):
                    event = await self._signed(event, request)
                yield event

    async def _signed(self, event: ImageCompleted, request: ImageRequest) -> ImageCompleted:
        """A picture was painted, and maybe paid for: unsigned is better than none."""
        try:
            async with self._turn:
                image = await asyncio.to_thread(
                    self._signer.sign, event.image, is_edit=request.is_edit
                )
        except LimnerError as error:
            logger.warning("picture not signed", extra={"why": error.message})
            said = (*event.resolved.adjustments, f"signature: {error.message}")
            return replace(event, resolved=replace(event.resolved, adjustments=said))
        return replace(event, image=image)
