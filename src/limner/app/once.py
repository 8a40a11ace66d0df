"""An image back end for one command: in this process, or a server that runs already."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

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
    """An engine of our own, loaded for one request. Raises ConfigError when it cannot be.

    Nothing is compiled unprompted, and no passes are timed, since neither pays for itself here.
    """
    from limner.engine.scheduler import NATIVE_TOKENS

    compile = "off" if settings.compile == "auto" else settings.compile
    easel = Easel(replace(settings, compile=compile, token_budget=NATIVE_TOKENS), on_readiness)
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
