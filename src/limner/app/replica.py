"""One engine of a cluster: what runs in the process of a replica, wherever Ray puts it.

Ray is not imported here: it makes the object in a process of its own, takes the application and
asks how it is.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette

from limner import logs
from limner.app.engine import build_engine, tcp_rules
from limner.app.painting import Easel
from limner.app.process import settle_garbage
from limner.config import Settings
from limner.core.errors import LimnerError
from limner.images.codec import SandboxedCodec


class Replica:
    """Loads when its application starts, and paints until that stops."""

    def __init__(self, settings: Settings) -> None:
        logs.configure(settings.log_format, settings.log_level)
        self._settings = settings
        self._easel = Easel(settings)

    def __serve_build_asgi_app__(self) -> Starlette:
        """The name under which Ray Serve asks for the application."""
        codec = SandboxedCodec()

        @asynccontextmanager
        async def lifespan(app: Starlette) -> AsyncIterator[None]:
            async with codec:
                try:
                    await self._easel.painter.start()
                    settle_garbage()
                    yield
                finally:
                    await self._easel.painter.close()

        return build_engine(self._easel, tcp_rules(self._settings), codec, lifespan=lifespan)

    async def check_health(self) -> None:
        """Raises LimnerError where this replica paints no more, upon which Ray makes another."""
        status = self._easel.status
        if status.readiness.state != "ready":
            raise LimnerError(status.readiness.message)
        limit_s = self._settings.step_timeout_s or status.call_limit_s
        if status.call_s > limit_s:
            raise LimnerError(f"the model is in one call for more than {limit_s:.0f} s")
