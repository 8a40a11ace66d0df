"""An image back end whose pictures say in their files how they were made.

What another has said stays: a picture that is marked as made by AI already, by our engine or by
anybody, is not marked again, and one that is signed is not touched at all.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace

from limner.core.image import ImageCapabilities, ImageCompleted, ImageEvent, ImageRequest
from limner.core.picture_facts import PictureFacts
from limner.core.ports import ImageBackend
from limner.wire.picture_metadata import is_signed, says_made_by_ai, strip, write
from limner.wire.picture_size import measure


class MarkedPictures:
    """The port `ImageBackend` over another. Previews stay as they come."""

    def __init__(
        self,
        backend: ImageBackend,
        *,
        version: str,
        tells_all: bool = True,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """version: ours. clock: epoch seconds.

        tells_all: whether files say how they were made; else they say that a model made them and
        nothing more, whatever the back end has put in.
        """
        self._backend = backend
        self._version = version
        self._tells_all = tells_all
        self._clock = clock

    @property
    def capabilities(self) -> ImageCapabilities:
        return self._backend.capabilities

    async def generate(self, request: ImageRequest) -> AsyncGenerator[ImageEvent, None]:
        """Yield what the other back end does, its finished pictures marked."""
        async with aclosing(self._backend.generate(request)) as events:
            async for event in events:
                if isinstance(event, ImageCompleted):
                    event = self._marked(event, request)
                yield event

    def _marked(self, event: ImageCompleted, request: ImageRequest) -> ImageCompleted:
        image = event.image
        if is_signed(image):
            return event
        if not self._tells_all:
            image = write(strip(image), None)
        elif not says_made_by_ai(image):
            image = write(image, self._facts(event, request))
        return replace(event, image=image)

    def _facts(self, event: ImageCompleted, request: ImageRequest) -> PictureFacts:
        used = event.resolved
        size = measure(event.image) or used.size
        guidance = request.guidance_scale if used.guidance is None else used.guidance
        strength = request.strength if used.strength is None else used.strength
        return PictureFacts(
            request.prompt,
            seed=used.seed,
            size=str(size) if size else None,
            model=used.model or request.model,
            steps=used.steps,
            guidance=guidance,
            strength=strength if request.is_edit else None,
            action="edit" if request.is_edit else "generate",
            version=self._version,
            created_at=int(self._clock()),
        )
