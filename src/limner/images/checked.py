"""An image back end in front of which every source picture is read and written anew.

What an edit starts from was chosen by a stranger. Whoever paints, our engine or somebody's server,
gets what our own codec has written: upright, without metadata, and no larger than it may be. That
is PNG, which keeps every pixel; photographs that it makes too large stay JPEG, or WebP.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from limner.core.errors import InvalidRequest
from limner.core.image import (
    ImageCapabilities,
    ImageData,
    ImageEvent,
    ImageFailed,
    ImageRequest,
)
from limner.core.ports import Codec, ImageBackend
from limner.wire.picture_size import has_alpha
from limner.wire.pictures import MAX_IMAGE_BYTES

USER_ERROR = "image_generation_user_error"
LOSSY = 95


class CheckedSources:
    """The port `ImageBackend` over another; pictures without sources pass as they are."""

    def __init__(
        self, backend: ImageBackend, codec: Codec, *, max_bytes: int = MAX_IMAGE_BYTES
    ) -> None:
        """max_bytes: of one picture, as back ends take it."""
        self._backend = backend
        self._codec = codec
        self._max_bytes = max_bytes

    @property
    def capabilities(self) -> ImageCapabilities:
        return self._backend.capabilities

    async def generate(self, request: ImageRequest) -> AsyncGenerator[ImageEvent, None]:
        """Yield what the other back end does, or `invalid_image` for a source that is none."""
        try:
            request = await self._checked(request)
        except InvalidRequest as error:
            yield ImageFailed(
                error.message, code="invalid_image", type=USER_ERROR, status=400, was_taken=False
            )
            return
        async with aclosing(self._backend.generate(request)) as events:
            async for event in events:
                yield event

    async def _checked(self, request: ImageRequest) -> ImageRequest:
        images = [await self._written(image) for image in request.images]
        mask = request.mask and await self._written(request.mask)
        return replace(request, images=tuple(images), mask=mask)

    async def _written(self, image: ImageData) -> ImageData:
        whole = await self._codec.readable(image.content)
        if len(whole.content) <= self._max_bytes:
            return whole
        return await self._codec.encode(image, "webp" if has_alpha(whole) else "jpeg", LOSSY)
