"""WebSockets through the relay: a scripted server behind it, a bare client before it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from types import TracebackType
from typing import Self

import aiohttp
import pytest
from aiohttp import web
from starlette.applications import Starlette
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from limner.core.readiness import Readiness
from limner.server.drain import Drain, Draining
from limner.server.relay_socket import relay_socket_route
from tests.loopback import OnLoopback
from tests.serving import serving

READY = Readiness("ready", "it serves")
PATIENCE_S = 30
Talk = Callable[[web.WebSocketResponse], Awaitable[None]]


class Behind(OnLoopback):
    """A WebSocket server that talks as a test says. closed: the code that it heard."""

    def __init__(self, talk: Talk, *, protocols: tuple[str, ...] = ()) -> None:
        self.requests: list[web.Request] = []
        self.closed: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        self._talk = talk
        self._protocols = protocols
        app = web.Application()
        app.router.add_get("/refuses", self._refuse)
        app.router.add_get("/{path:.*}", self._answer)
        super().__init__(app)

    async def _refuse(self, request: web.Request) -> web.Response:
        return web.Response(status=418, text="not here")

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        socket = web.WebSocketResponse(protocols=self._protocols)
        await socket.prepare(request)
        await self._talk(socket)
        if not self.closed.done():
            self.closed.set_result(socket.close_code)
        return socket


async def echo(socket: web.WebSocketResponse) -> None:
    async for message in socket:
        if message.type is aiohttp.WSMsgType.TEXT:
            await socket.send_str(message.data)
        else:
            await socket.send_bytes(message.data)


class Relay:
    """The relay before a server at this address; `async with` gives its own as `ws://…`."""

    def __init__(self, there: str, readiness: Readiness = READY) -> None:
        self._there = there
        self._readiness = readiness
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        session = await self._open.enter_async_context(aiohttp.ClientSession())
        route = relay_socket_route(session, self._there, lambda: self._readiness)
        app = Draining(Starlette(routes=[route]), Drain())
        self.url = (await self._open.enter_async_context(serving(app))).replace("http", "ws", 1)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    async def stop(self) -> None:
        await self._open.aclose()


@asynccontextmanager
async def relayed(talk: Talk) -> AsyncIterator[tuple[ClientConnection, Behind]]:
    async with (
        asyncio.timeout(PATIENCE_S),
        Behind(talk) as behind,
        Relay(behind.host) as relay,
        connect(f"{relay.url}/v1/realtime?model=m%20x", max_size=None) as client,
    ):
        yield client, behind


async def ending(client: ClientConnection) -> tuple[int | None, str | None]:
    with pytest.raises(ConnectionClosed):
        await client.recv()
    return client.close_code, client.close_reason


async def test_texts_and_bytes_pass_both_ways_in_their_order() -> None:
    large = bytes(3 << 20)
    async with relayed(echo) as (client, behind):
        for message in ("hi", b"\x00\x01", "", large):
            await client.send(message)
        assert [await client.recv() for _ in range(4)] == ["hi", b"\x00\x01", "", large]
        assert behind.requests[0].path_qs == "/v1/realtime?model=m%20x"


async def test_the_handshake_passes_but_for_keys_and_what_is_of_the_connection() -> None:
    async with (
        asyncio.timeout(PATIENCE_S),
        Behind(echo, protocols=("realtime",)) as behind,
        Relay(behind.host) as relay,
        connect(
            relay.url,
            subprotocols=[Subprotocol("other"), Subprotocol("realtime")],
            additional_headers={"Authorization": "Bearer k", "X-Mine": "1"},
        ) as client,
    ):
        assert client.subprotocol == "realtime"
        (request,) = behind.requests
        assert request.headers["X-Mine"] == "1"
        assert "Authorization" not in request.headers
        assert request.headers["Host"] == behind.host.removeprefix("http://")


async def test_the_server_s_close_reaches_the_client() -> None:
    async def talk(socket: web.WebSocketResponse) -> None:
        await socket.send_str("last words")
        await socket.close(code=4321, message=b"enough")

    async with relayed(talk) as (client, _):
        assert await client.recv() == "last words"
        assert await ending(client) == (4321, "enough")


async def test_a_close_without_a_code_is_a_normal_one() -> None:
    async def talk(socket: web.WebSocketResponse) -> None:
        await socket.send_frame(b"", aiohttp.WSMsgType.CLOSE)
        await socket.receive()

    async with relayed(talk) as (client, _):
        assert await ending(client) == (1000, "")


@pytest.mark.parametrize("code", [1000, 4000])
async def test_the_client_s_close_reaches_the_server(code: int) -> None:
    async with relayed(echo) as (client, behind):
        await client.close(code, "done")
        assert await behind.closed == code


async def test_a_client_that_breaks_off_goes_away_at_the_server() -> None:
    async with relayed(echo) as (client, behind):
        client.transport.abort()
        assert await behind.closed == 1001


async def test_a_server_that_breaks_off_is_a_bad_gateway() -> None:
    async with relayed(echo) as (client, behind):
        transport = behind.requests[0].transport
        assert transport
        transport.abort()
        assert (await ending(client))[0] == 1014


async def test_both_sides_hear_that_this_server_stops() -> None:
    async with (
        asyncio.timeout(PATIENCE_S),
        Behind(echo) as behind,
        Relay(behind.host) as relay,
        connect(relay.url) as client,
    ):
        await client.send("hi")
        await client.recv()
        await relay.stop()
        assert (await ending(client))[0] == 1012
        assert await behind.closed == 1012


async def test_a_server_that_does_not_read_is_not_written_to_without_end() -> None:
    """What it leaves waits with the client, not in the relay."""
    goes_on = asyncio.Event()
    pieces, size = 96, 1 << 20
    heard = 0

    async def talk(socket: web.WebSocketResponse) -> None:
        nonlocal heard
        await goes_on.wait()
        while heard < pieces:
            heard += len(await socket.receive_bytes()) // size
        await socket.send_str("all")

    async def send(client: ClientConnection, sent: list[int]) -> None:
        for number in range(pieces):
            await client.send(bytes(size))
            sent.append(number)

    async with relayed(talk) as (client, _):
        sent: list[int] = []
        sending = asyncio.create_task(send(client, sent))
        before = -1
        while before < len(sent):
            before = len(sent)
            await asyncio.sleep(0.3)
        assert len(sent) < pieces
        goes_on.set()
        await sending
        assert await client.recv() == "all"


async def refused(url: str) -> InvalidStatus:
    with pytest.raises(InvalidStatus) as raised:
        await connect(url)
    return raised.value


async def test_a_handshake_is_refused_as_the_server_refuses_it() -> None:
    async with Behind(echo) as behind, Relay(behind.host) as relay:
        assert (await refused(f"{relay.url}/refuses")).response.status_code == 418


async def test_while_the_server_loads_or_is_away_the_handshake_says_so() -> None:
    loading = Readiness("loading", "it loads")
    async with Behind(echo) as behind, Relay(behind.host, loading) as relay:
        response = (await refused(relay.url)).response
        assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
        assert response.body
        assert b"it loads" in response.body
        assert not behind.requests
    async with Relay("http://127.0.0.1:1") as relay:
        assert (await refused(relay.url)).response.status_code == 503
