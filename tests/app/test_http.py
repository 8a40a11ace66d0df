"""Listening where one may, and stopping as one is told."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import stat
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from limner.app.http import Patience, listen_tcp, listen_unix, serve
from limner.core.errors import ConfigError
from limner.server.application import Rules, enclose
from limner.server.drain import Drain, Draining
from limner.server.health import health_routes
from limner.server.streaming import EventStream, while_client_waits
from tests.serving import Connection, connection, rest


def test_a_taken_port_is_named_with_what_to_do() -> None:
    with listen_tcp("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError) as raised:
            listen_tcp("127.0.0.1", port)
    assert f"127.0.0.1:{port}" in raised.value.message
    assert "choose another --port" in raised.value.message


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("203.0.113.1", "is no address of this machine"),
        ("nowhere.invalid", "--host must be a name or an address of this machine"),
    ],
)
def test_a_host_that_is_not_ours_is_named(host: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        listen_tcp(host, 0)


def test_ipv6_works_where_there_is_some() -> None:
    if not socket.has_ipv6:
        pytest.skip("this Python has no IPv6")
    with suppress(ConfigError), listen_tcp("::1", 0) as sock:
        assert sock.family == socket.AF_INET6


def test_a_socket_file_is_private_and_replaces_a_stale_one(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = tmp_path_factory.getbasetemp() / "s"
    listen_unix(path).close()
    with listen_unix(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_socket_that_cannot_be_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--socket cannot be"):
        listen_unix(tmp_path / ("x" * 120))


class Slow:
    """An application that answers when it is told to."""

    def __init__(self) -> None:
        self.is_asked = asyncio.Event()
        self.may_answer = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.is_asked.set()
        await self.may_answer.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"done"})


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_lets_what_has_begun_end(end: signal.Signals) -> None:
    app, sock, listening = Slow(), listen_tcp("127.0.0.1", 0), asyncio.Event()
    url = f"http://127.0.0.1:{sock.getsockname()[1]}"
    serving = asyncio.create_task(serve(app, sock, on_listening=listening.set))
    await listening.wait()
    async with httpx.AsyncClient() as client:
        reply = asyncio.create_task(client.get(url))
        await app.is_asked.wait()
        os.kill(os.getpid(), end)
        app.may_answer.set()
        assert (await reply).text == "done"
    await serving


async def test_the_second_interrupt_no_longer_waits() -> None:
    app, sock, listening = Slow(), listen_tcp("127.0.0.1", 0), asyncio.Event()
    url = f"http://127.0.0.1:{sock.getsockname()[1]}"
    serving = asyncio.create_task(serve(app, sock, on_listening=listening.set))
    await listening.wait()
    async with httpx.AsyncClient() as client:
        reply = asyncio.create_task(client.get(url))
        await app.is_asked.wait()
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.sleep(0)
        os.kill(os.getpid(), signal.SIGINT)
        await serving
        app.may_answer.set()
        await asyncio.wait([reply])


async def frames() -> AsyncGenerator[bytes, None]:
    """One, and then none for ever."""
    yield b"data: 1\n\n"
    await asyncio.Event().wait()


async def endless(request: Request) -> Response:
    return EventStream(frames(), last_word=lambda error: f"data: {error.message}\n\n".encode())


async def waiting(request: Request) -> Response:
    async with while_client_waits(request.receive):
        await asyncio.Event().wait()
    raise AssertionError("nothing comes")


async def deaf(request: Request) -> Response:
    await asyncio.Event().wait()
    raise AssertionError("nothing comes")


NOW = Patience(end_s=0, cut_s=30)
CUT = Patience(end_s=0, cut_s=0)


@asynccontextmanager
async def stopping(path: str, patience: Patience) -> AsyncIterator[Connection]:
    """A connection on which a request is under way to a server that is told to stop."""
    routes = [Route(f"/{route.__name__}", route) for route in (endless, waiting, deaf)]
    app = enclose(routes, health_routes({}), rules=Rules())
    entered = asyncio.Event()

    async def noting(scope: Scope, receive: Receive, send: Send) -> None:
        entered.set()
        await app(scope, receive, send)

    sock, listening = listen_tcp("127.0.0.1", 0), asyncio.Event()
    url = f"http://127.0.0.1:{sock.getsockname()[1]}"
    serving = asyncio.create_task(
        serve(noting, sock, on_listening=listening.set, patience=patience)
    )
    await listening.wait()
    async with connection(url) as (reader, writer):
        writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        await entered.wait()
        if path == "/endless":
            await reader.readuntil(b"data: 1\n\n")
        os.kill(os.getpid(), signal.SIGTERM)
        yield reader, writer
    await serving


async def test_a_stream_that_does_not_end_is_ended_with_its_last_word() -> None:
    async with stopping("/endless", NOW) as (reader, _):
        assert b"data: The server is stopping" in (received := await rest(reader))
        assert received.endswith(b"\r\n0\r\n\r\n")


async def test_a_reply_that_is_not_there_in_time_is_a_503() -> None:
    async with stopping("/waiting", NOW) as (reader, _):
        reply = await rest(reader)
    assert reply.startswith(b"HTTP/1.1 503 ")
    assert b'"code":"server_stopping"' in reply
    assert b"retry-after: 5\r\n" in reply


@pytest.mark.parametrize("path", ["/deaf", "/waiting"])
async def test_what_hears_nothing_is_cut_without_a_word_in_the_log(
    path: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with stopping(path, CUT) as (reader, _):
        reply = await rest(reader)
    assert reply.startswith(b"HTTP/1.1 503 ")
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


async def test_a_server_that_stops_is_not_ready() -> None:
    drain = Drain()
    app = Draining(enclose([], health_routes({}), rules=Rules()), drain)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        assert (await client.get("/readyz")).json()["status"] == "ready"
        drain.begin()
        reply = await client.get("/readyz")
        assert (reply.status_code, reply.json()["status"]) == (503, "stopping")
        assert (await client.get("/livez")).status_code == 200


async def test_cancelling_stops_as_a_signal_does() -> None:
    listening = asyncio.Event()
    sock = listen_tcp("127.0.0.1", 0)
    serving = asyncio.create_task(serve(Slow(), sock, on_listening=listening.set))
    await listening.wait()
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
    assert sock.fileno() == -1
