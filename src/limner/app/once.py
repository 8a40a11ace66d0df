"""An image back end for one command: in this process, or a server that runs already."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from limner.app.painting import Easel
from limner.config import Settings
from limner.core.image import ImageCapabilities
from limner.core.ports import ImageBackend
from limner.core.readiness import Readiness
from limner.images.http import ImagesHttp
from limner.images.openai import OpenAIImages
from limner.wire.images_dialect import ServerFacts


@asynccontextmanager
async def open_here(
    settings: Settings, on_readiness: Callable[[Readiness], None]
) -> AsyncIterator[ImageBackend]:
    """An engine of our own, loaded. Raises ConfigError when it cannot be."""
    easel = Easel(settings, on_readiness)
    try:
        await easel.painter.start()
        yield easel.backend
    finally:
        await easel.painter.close()


@asynccontextmanager
async def open_there(url: str, key: str | None) -> AsyncIterator[ImageBackend]:
    """The Limner that runs at this address."""
    async with ImagesHttp(url, key=key) as http:
        can = ImageCapabilities(url, progress=True, seed=True)
        yield OpenAIImages(http, ServerFacts(can))
