"""WebSockets passed on to another server, as `relay` passes on requests.

- Messages pass as they come, texts as texts, bytes as bytes; each side is read only as fast as the
  other takes. Nothing is parsed or kept.
- Whoever closes, the other side hears the code and the reason. The server hears of a client that
  breaks off as going away (1001), the client of a server that does so as a bad gateway (1014).
- A handshake that the other server refuses is refused with its status.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

import aiohttp
from starlette.responses import Response
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from limner.core.readiness import Readiness
from limner.server.relay import AWAY, OF_CONNECTION, OURS, address_there, not_ready, passed_headers
from limner.server.socket_protocol import STOPPING

NORMAL = 1000
GOING_AWAY = 1001
SERVICE_RESTART = 1012
BAD_GATEWAY = 1014
"""Codes of the IANA WebSocket Close Code Number Registry."""

_UNSENDABLE = frozenset({1005, 1006, 1015})
"""RFC 6455, 7.4.1: what a side notes when no code came; never in a close frame."""

_OF_HANDSHAKE = frozenset(
    {
        "sec-websocket-accept",
        "sec-websocket-extensions",
        "sec-websocket-key",
        "sec-websocket-protocol",
        "sec-websocket-version",
    }
)


def relay_socket_route(
    session: aiohttp.ClientSession, there: str, readiness: Callable[[], Readiness]
) -> WebSocketRoute:
    """Every path that no route before this one has; parameters as of `relay.relay_route`."""

    async def relay(client: WebSocket) -> None:
        if (state := readiness()).state != "ready":
            await client.send_denial_response(not_ready(state))
            return
        try:
            server = await _connected(session, there, client)
        except aiohttp.WSServerHandshakeError as refused:
            status = refused.status if refused.status >= 400 else 502
            await client.send_denial_response(Response(status_code=status))
            return
        except aiohttp.ClientError:
            await client.send_denial_response(not_ready(AWAY))
            return
        async with server:
            await client.accept(server.protocol)
            await _Relayed(client, server).run()

    return WebSocketRoute("/{path:path}", relay)


async def _connected(
    session: aiohttp.ClientSession, there: str, client: WebSocket
) -> aiohttp.ClientWebSocketResponse:
    without = OF_CONNECTION | OURS | _OF_HANDSHAKE
    return await session.ws_connect(
        address_there(there, client),
        protocols=client.scope["subprotocols"],
        headers=passed_headers(client.headers.items(), without),
        max_msg_size=0,  # The other server is trusted; it bounds what it says.
    )


class _Relayed:
    """One connection on both sides."""

    def __init__(self, client: WebSocket, server: aiohttp.ClientWebSocketResponse) -> None:
        self._client = client
        self._server = server
        self._has_left = False
        self._is_stopping = False

    async def run(self) -> None:
        """Until both sides are closed."""
        hearing = asyncio.create_task(self._hear())
        try:
            code, reason = await self._speak()
            if self._is_stopping or not self._has_left:
                with suppress(WebSocketDisconnect):
                    await self._client.close(code, reason)
        finally:
            if not self._has_left:
                hearing.cancel()
            await asyncio.wait([hearing])

    async def _hear(self) -> None:
        """Pass on what the client says, until it leaves; then close the server's side."""
        try:
            while (message := await self._client.receive())["type"] == "websocket.receive":
                if (text := message.get("text")) is not None:
                    await self._server.send_str(text)
                else:
                    await self._server.send_bytes(message["bytes"])
        except ConnectionError:
            return  # It is the server that has gone; `_speak` learns how.
        self._has_left = True
        self._is_stopping = STOPPING in message
        code = GOING_AWAY if message["code"] in _UNSENDABLE else message["code"]
        await self._server.close(code=code, message=(message.get("reason") or "").encode())

    async def _speak(self) -> tuple[int, str]:
        """Pass back what the server says, until either side ends; the client's code and reason."""
        while True:
            message = await self._server.receive()
            with suppress(WebSocketDisconnect):  # `_hear` learns of it as well.
                match message.type:
                    case aiohttp.WSMsgType.TEXT:
                        await self._client.send_text(message.data)
                    case aiohttp.WSMsgType.BINARY:
                        await self._client.send_bytes(message.data)
                    case aiohttp.WSMsgType.CLOSE:
                        return message.data or NORMAL, message.extra or ""
                    case _:
                        return SERVICE_RESTART if self._is_stopping else BAD_GATEWAY, ""
