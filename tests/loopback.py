"""An aiohttp application on a free port of loopback, while its `async with` lasts."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from aiohttp import web


class OnLoopback:
    """For doubles to be made of. host: its root. url: the same with the path where it stands."""

    def __init__(
        self, app: web.Application, path: str = "", *, handler_cancellation: bool = True
    ) -> None:
        self.host = self.url = ""
        self._stands_at = path
        self._runner = web.AppRunner(
            app, handler_cancellation=handler_cancellation, shutdown_timeout=0.1
        )

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.host = f"http://{host}:{port}"
        self.url = self.host + self._stands_at
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._runner.cleanup()
