"""Streams and WebSockets through a real nginx with the configuration that we ship."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from limner.app.vllm import free_port
from limner.server.streaming import EventStream
from limner.wire import sse
from tests.serving import serving

CONFIG = Path(__file__).parents[2] / "deploy" / "nginx.conf"


@contextmanager
def nginx(behind: str, folder: Path) -> Iterator[str]:
    """The shipped configuration, moved to free ports. behind: the server's URL."""
    program = shutil.which("nginx")
    if program is None:
        pytest.skip("nginx is not installed")
    port = free_port()
    ours = CONFIG.read_text()
    moved = ours.replace("listen 8080;", f"listen 127.0.0.1:{port};").replace(
        "127.0.0.1:8034", urlsplit(behind).netloc
    )
    assert moved.count(str(port)) == 1
    whole = folder / "nginx.conf"
    whole.write_text(
        f"daemon off; pid {folder}/pid; error_log {folder}/error.log;\n"
        "events {}\n"
        f"http {{ access_log off; client_body_temp_path {folder}/body;\n{moved}\n}}\n"
    )
    running = subprocess.Popen([program, "-e", str(folder / "error.log"), "-c", str(whole)])
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        running.terminate()
        running.wait(10)


async def begin(session: aiohttp.ClientSession, url: str) -> aiohttp.ClientResponse:
    """Ask as soon as nginx listens."""
    while True:
        try:
            return await session.get(url)
        except aiohttp.ClientConnectorError:
            await asyncio.sleep(0.05)


async def test_each_event_arrives_before_the_next_is_made(tmp_path: Path) -> None:
    went_on = asyncio.Event()

    async def stream(request: Request) -> Response:
        async def frames() -> AsyncIterator[bytes]:
            yield sse.encode("first", b"{}")
            await went_on.wait()
            yield sse.encode("second", b"{}")

        return EventStream(frames(), last_word=lambda error: b"")  # type: ignore[arg-type]

    app = Starlette(routes=[Route("/stream", stream)])
    async with serving(app) as url, aiohttp.ClientSession() as session, asyncio.timeout(60):
        with nginx(url, tmp_path) as proxy:
            reply = await begin(session, f"{proxy}/stream")
            first = await reply.content.readuntil(b"\n\n")
            assert first == sse.encode("first", b"{}")
            went_on.set()
            assert await reply.content.read() == sse.encode("second", b"{}")


async def test_a_websocket_passes(tmp_path: Path) -> None:
    async def echo(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text(await socket.receive_text())
        await socket.close()

    async def alive(request: Request) -> Response:
        return Response("yes")

    app = Starlette(routes=[WebSocketRoute("/socket", echo), Route("/alive", alive)])
    async with serving(app) as url, aiohttp.ClientSession() as session, asyncio.timeout(60):
        with nginx(url, tmp_path) as proxy:
            await begin(session, f"{proxy}/alive")
            async with session.ws_connect(f"{proxy}/socket") as socket:
                await socket.send_str("hello")
                assert await socket.receive_str() == "hello"
