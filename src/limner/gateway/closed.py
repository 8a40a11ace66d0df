"""An image back end where nothing paints: it says so."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from limner.core.image import ImageCapabilities, ImageEvent, ImageFailed, ImageRequest


class ClosedBackend:
    """The port `ImageBackend` for doors that need one; `why` is told to every request."""

    def __init__(self, why: str) -> None:
        self._why = why

    @property
    def capabilities(self) -> ImageCapabilities:
        return ImageCapabilities("none", partial_images=False, seed=True)

    async def generate(self, request: ImageRequest) -> AsyncGenerator[ImageEvent, None]:
        """Yield one failure."""
        yield ImageFailed(self._why, code="image_generation_disabled", status=503)
