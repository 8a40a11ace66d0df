"""WebSockets that stalled readers cannot hold on to; `server.protocol` has all that precedes."""

from __future__ import annotations

import asyncio
from asyncio.transports import BaseTransport
from typing import Any, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from limner.server.slow_readers import SlowReader

STOPPING = "limner.stopping"
"""In a message `websocket.disconnect`: the client is still there, but the server is to stop."""


class HardenedWebSocket(WebSocketsSansIOProtocol):
    """One connection after its handshake; the windows are class attributes, as of HTTP replies.

    A message is one frame, however large its picture is: only a reader that does not move at all
    is dropped, not one that needs long for a message.
    """

    window_s = 20.0
    window_bytes = 16 * 1024

    _reader: SlowReader | None = None

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)
        self._reader = SlowReader(
            cast(asyncio.Transport, transport), self.window_s, self.window_bytes
        )

    def connection_lost(self, exc: Exception | None) -> None:
        self._rest()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._reader:
            self._reader.watch()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._rest()

    def shutdown(self) -> None:
        """Tell the application, which closes when it is done, instead of cutting it short."""
        if not self.handshake_complete or self.close_sent:
            super().shutdown()
            return
        self.stop_keepalive()
        event: Any = {"type": "websocket.disconnect", "code": 1012, STOPPING: True}
        self.queue.put_nowait(event)

    def _rest(self) -> None:
        if self._reader:
            self._reader.rest()
