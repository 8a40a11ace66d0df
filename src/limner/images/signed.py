"""Finished pictures that are signed: others can see who vouches for them.

It comes last, since any later change would break the signature. A picture that somebody has signed
already is theirs.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import Protocol

from limner.core.errors import LimnerError
from limner.core.image import ImageCompleted, ImageData
from limner.core.picture_facts import PictureFacts
from limner.wire.picture_metadata import is_signed

logger = logging.getLogger(__name__)


class Signs(Protocol):
    def sign(self, image: ImageData, *, is_edit: bool) -> ImageData:
        """The picture, signed. Blocks; is called once at a time. Raises LimnerError."""
        ...


class Signing:
    """The port `Finish` that signs."""

    def __init__(self, signer: Signs) -> None:
        self._signer = signer
        self._turn = asyncio.Lock()

    async def __call__(self, picture: ImageCompleted, asked: PictureFacts) -> ImageCompleted:
        """The picture, signed. It was painted, and maybe paid for: unsigned is better than none."""
        if is_signed(picture.image):
            return picture
        try:
            async with self._turn:
                image = await asyncio.to_thread(
                    self._signer.sign, picture.image, is_edit=asked.action == "edit"
                )
        except LimnerError as error:
            logger.warning("picture not signed", extra={"why": error.message})
            said = (*picture.resolved.adjustments, f"signature: {error.message}")
            return replace(picture, resolved=replace(picture.resolved, adjustments=said))
        return replace(picture, image=image)
