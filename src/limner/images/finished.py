"""An image back end whose finished pictures leave as `core.ports.Finish` makes them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from limner.core.image import ImageCapabilities, ImageCompleted, ImageEvent, ImageRequest
from limner.core.picture_facts import PictureFacts
from limner.core.ports import Finish, ImageBackend


class FinishedPictures:
    """The port `ImageBackend` over another. Previews stay as they come."""

    def __init__(self, backend: ImageBackend, finish: Finish) -> None:
        self._backend = backend
        self._finish = finish

    @property
    def capabilities(self) -> ImageCapabilities:
        return self._backend.capabilities

    async def generate(self, request: ImageRequest) -> AsyncGenerator[ImageEvent, None]:
        """Yield what the other back end does, its pictures finished."""
        async with aclosing(self._backend.generate(request)) as events:
            async for event in events:
                if isinstance(event, ImageCompleted):
                    event = await self._finish(event, _asked(request))
                yield event


def _asked(request: ImageRequest) -> PictureFacts:
    return PictureFacts(
        request.prompt,
        model=request.model,
        guidance=request.guidance_scale,
        strength=request.strength if request.is_edit else None,
        loras=request.loras,
        action="edit" if request.is_edit else "generate",
    )
