"""Streams over real sockets: what is held back, what breaks silence, who hears of a departure."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from limner.core.errors import LimnerError, UpstreamError
from limner.server.application import Rules, enclose
from limner.server.errors import json_response
from limner.server.streaming import EventStream, while_client_waits
from limner.wire import sse
from tests.serving import connection, post, rest, serving

ASK = post("/", {}, "Connection: close")
Frames = Callable[[], AsyncGenerator[bytes, None]]


def last_word(error: LimnerError) -> bytes:
    return sse.encode("error", error.message.encode())


def streaming(frames: Frames, heartbeat_s: float = 60.0) -> ASGIApp:
    async def answer(request: Request) -> Response:
        await request.body()
        return EventStream(frames(), last_word=last_word, heartbeat_s=heartbeat_s)

    return enclose([Route("/", answer, methods=["POST"])], rules=Rules())


async def ask(app: ASGIApp) -> bytes:
    async with serving(app) as url, connection(url) as (reader, writer):
        writer.write(ASK)
        return await rest(reader)


async def test_each_frame_is_a_chunk_of_its_own() -> None:
    async def frames() -> AsyncGenerator[bytes, None]:
        yield b"data: 1\n\n"
        yield b"data: 2\n\n"

    head, _, body = (await ask(streaming(frames))).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"content-type: text/event-stream" in head
    assert b"cache-control: no-cache" in head
    assert b"x-accel-buffering: no" in head
    assert b"x-request-id: req_" in head
    assert body == b"9\r\ndata: 1\n\n\r\n9\r\ndata: 2\n\n\r\n0\r\n\r\n"


async def test_an_error_before_the_first_frame_is_an_http_error() -> None:
    async def frames() -> AsyncGenerator[bytes, None]:
        raise UpstreamError("too many", status=429, retryable=True, retry_after_s=1.5)
        yield b""

    reply = await ask(streaming(frames))
    assert reply.startswith(b"HTTP/1.1 429 ")
    assert b"retry-after: 2\r\n" in reply
    assert b"x-should-retry" not in reply
    assert b'"message":"too many"' in reply


async def test_a_bug_before_the_first_frame_is_a_500_that_tells_nothing() -> None:
    async def frames() -> AsyncGenerator[bytes, None]:
        raise KeyError("/etc/secret")
        yield b""

    reply = await ask(streaming(frames))
    assert reply.startswith(b"HTTP/1.1 500 ")
    assert b"secret" not in reply


async def test_an_error_after_the_first_frame_is_the_last_frame() -> None:
    async def frames() -> AsyncGenerator[bytes, None]:
        yield b"data: 1\n\n"
        raise UpstreamError("gone")

    reply = await ask(streaming(frames))
    assert reply.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"event: error\ndata: gone\n\n" in reply
    assert reply.endswith(b"0\r\n\r\n")


async def test_a_bug_after_the_first_frame_ends_the_stream_properly() -> None:
    async def frames() -> AsyncGenerator[bytes, None]:
        yield b"data: 1\n\n"
        raise KeyError("/etc/secret")

    reply = await ask(streaming(frames))
    assert b"event: error\ndata: The server failed." in reply
    assert b"secret" not in reply
    assert reply.endswith(b"0\r\n\r\n")


async def test_silence_is_broken_by_comments_and_commits_the_status() -> None:
    heard = asyncio.Event()

    async def frames() -> AsyncGenerator[bytes, None]:
        await heard.wait()
        raise UpstreamError("too late for a status", status=503)
        yield b""

    async with serving(streaming(frames, 0.02)) as url, connection(url) as (reader, writer):
        writer.write(ASK)
        await reader.readuntil(b": keepalive\n\n")
        await reader.readuntil(b": keepalive\n\n")
        heard.set()
        last = await rest(reader)
    assert b"too late for a status" in last


async def test_a_stream_without_frames_ends_at_once() -> None:
    async def frames() -> AsyncGenerator[bytes, None]:
        return
        yield b""

    reply = await ask(streaming(frames))
    assert reply.startswith(b"HTTP/1.1 200 OK\r\n")
    assert reply.endswith(b"\r\n\r\n0\r\n\r\n")


async def test_a_client_that_leaves_closes_the_generator_at_once() -> None:
    closed = asyncio.Event()

    async def frames() -> AsyncGenerator[bytes, None]:
        try:
            yield b"data: 1\n\n"
            await asyncio.Event().wait()
        finally:
            closed.set()

    async with serving(streaming(frames)) as url, asyncio.timeout(30):
        async with connection(url) as (reader, writer):
            writer.write(ASK)
            await reader.readuntil(b"data: 1\n\n")
        await closed.wait()


async def test_a_client_that_leaves_before_the_first_frame_closes_it_too() -> None:
    asked, closed = asyncio.Event(), asyncio.Event()

    async def frames() -> AsyncGenerator[bytes, None]:
        asked.set()
        try:
            await asyncio.Event().wait()
            yield b""
        finally:
            closed.set()

    async with serving(streaming(frames)) as url, asyncio.timeout(30):
        async with connection(url) as (_, writer):
            writer.write(ASK)
            await asked.wait()
        await closed.wait()


async def test_a_client_that_leaves_a_whole_reply_cancels_its_making() -> None:
    asked, cancelled = asyncio.Event(), asyncio.Event()

    async def answer(request: Request) -> Response:
        await request.body()
        try:
            async with while_client_waits(request.receive):
                asked.set()
                await asyncio.Event().wait()
        finally:
            cancelled.set()
        return json_response({})

    app = enclose([Route("/", answer, methods=["POST"])], rules=Rules())
    async with serving(app) as url, asyncio.timeout(30):
        async with connection(url) as (_, writer):
            writer.write(ASK)
            await asked.wait()
        await cancelled.wait()


async def test_a_timeout_inside_is_not_taken_for_a_departure() -> None:
    async def answer(request: Request) -> Response:
        await request.body()
        async with while_client_waits(request.receive):
            raise TimeoutError("mine")
        return json_response({})

    app = enclose([Route("/", answer, methods=["POST"])], rules=Rules())
    assert (await ask(app)).startswith(b"HTTP/1.1 500 ")


async def test_the_next_frame_waits_for_the_reader() -> None:
    made = 0

    async def frames() -> AsyncGenerator[bytes, None]:
        nonlocal made
        while True:
            made += 1
            await asyncio.sleep(0)
            yield b"data: " + b"x" * 1_000_000 + b"\n\n"

    async with serving(streaming(frames)) as url, connection(url) as (reader, writer):
        writer.write(ASK)
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        seen = 0
        while made != seen:
            seen = made
            await asyncio.sleep(0.1)
        assert made < 30
