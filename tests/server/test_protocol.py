"""Slow, silent, greedy and broken connections over real sockets, with limits made short."""

from __future__ import annotations

import asyncio
import gc
import socket
from dataclasses import replace

import pytest
from starlette.types import Receive, Scope, Send

from limner.server.access import Access
from limner.server.origins import Origins, place
from limner.server.protocol import ConnectionLimits, HardenedProtocol
from tests.serving import connection, post, rest, serving

SHORT = ConnectionLimits(
    head_s=0.2, window_s=0.3, window_bytes=1024, linger_s=0.2, keep_alive_s=1, head_bytes=2048
)
PATIENT = ConnectionLimits()
GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
CHUNK = b"x" * 65536


class App:
    """Reads the whole body, then answers `chunks` of them; notes how requests end."""

    def __init__(self, chunks: int = 0, *, reads: bool = True) -> None:
        self.chunks = chunks
        self.reads = reads
        self.received = 0
        self.left = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        more = self.reads
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.left.set()
                return
            self.received += len(message["body"])
            more = message["more_body"]
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(self.chunks):
            await send({"type": "http.response.body", "body": CHUNK, "more_body": True})
        await send({"type": "http.response.body", "body": b"done"})
        self.left.set()


async def test_a_silent_connection_is_closed() -> None:
    async with serving(App(), SHORT) as url, connection(url) as (reader, _):
        assert await rest(reader) == b""


async def test_a_reply_does_not_wait_for_the_client_to_acknowledge_its_headers() -> None:
    """Nagle's algorithm is off, which asyncio only sees to for some sockets."""
    async with serving(App()) as url, connection(url) as (reader, writer):
        writer.write(GET)
        await reader.readuntil(b"done\r\n0\r\n\r\n")
        own = writer.get_extra_info("sockname")
        (there,) = [
            thing.transport.get_extra_info("socket")
            for thing in gc.get_objects()
            # By `type`, for to ask a foreign object's `__class__` may run its code.
            if issubclass(type(thing), HardenedProtocol) and thing.client == own
        ]
        assert there.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


async def test_headers_that_never_end_are_refused_in_time() -> None:
    async with serving(App(), SHORT) as url, connection(url) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow")
        assert (await rest(reader)).startswith(b"HTTP/1.1 408 Request Timeout\r\n")


async def test_a_second_request_has_to_arrive_in_time_too() -> None:
    async with serving(App(), SHORT) as url, connection(url) as (reader, writer):
        writer.write(GET)
        await reader.readuntil(b"done\r\n0\r\n\r\n")
        writer.write(b"\r\n")
        assert (await rest(reader)).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\n" + b"X-Line: 1\r\n" * 101 + b"\r\n",
        b"GET / HTTP/1.1\r\nX-Long: " + b"x" * 4096 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nX-Endless: " + b"x" * 4096,
        b"GET /" + b"x" * 4096,
    ],
    ids=["many lines", "one long line", "an endless line", "an endless path"],
)
async def test_large_heads_are_refused(head: bytes) -> None:
    limits = replace(PATIENT, head_bytes=2048)
    async with serving(App(), limits) as url, connection(url) as (reader, writer):
        writer.write(head)
        reply = await rest(reader)
    assert reply.startswith(b"HTTP/1.1 431 ")
    assert b'"code":"headers_too_large"' in reply
    assert b"\r\nx-request-id: req_" in reply


async def test_what_is_not_http_is_refused_in_the_envelope() -> None:
    async with serving(App(), PATIENT) as url, connection(url) as (reader, writer):
        writer.write(b"\x16\x03\x01 this is TLS\r\n\r\n")
        reply = await rest(reader)
    assert reply.startswith(b"HTTP/1.1 400 ")
    assert b'"code":"invalid_http"' in reply


@pytest.mark.parametrize("part", [b"", b"{"], ids=["silent", "begun"])
async def test_a_body_that_stops_is_refused(part: bytes) -> None:
    app = App()
    async with serving(app, SHORT) as url, connection(url) as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n" + part)
        reply = await rest(reader)
        await app.left.wait()
    assert reply.startswith(b"HTTP/1.1 408 ")


async def test_a_body_that_moves_may_take_many_windows() -> None:
    app = App()
    async with serving(app, SHORT) as url, connection(url) as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 40960\r\n\r\n")
        for _ in range(20):
            writer.write(b"x" * 2048)
            await asyncio.sleep(0.02)
        await reader.readuntil(b"done")
    assert app.received == 40960


async def test_a_body_may_wait_while_the_application_does_not_read_it() -> None:
    may_read = asyncio.Event()
    app = App()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await may_read.wait()
        await app(scope, receive, send)

    async with serving(slow, SHORT) as url, connection(url) as (reader, writer):
        writer.write(post("/", CHUNK * 4))
        await asyncio.sleep(0.3)
        may_read.set()
        await reader.readuntil(b"done")
    assert app.received == 4 * len(CHUNK)


async def test_a_reader_that_stalls_is_dropped() -> None:
    app = App(chunks=1000)
    async with serving(app, SHORT) as url, connection(url) as (reader, writer):
        writer.write(GET)
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        async with asyncio.timeout(30):
            await app.left.wait()
        writer.transport.resume_reading()  # type: ignore[attr-defined]
        received = await rest(reader)
    assert received.endswith(b"reset")
    assert len(received) < 1000 * len(CHUNK)


async def test_a_reader_that_is_slow_but_reads_gets_everything() -> None:
    app = App(chunks=64)
    async with serving(app, SHORT) as url, connection(url) as (reader, writer):
        writer.write(GET)
        size = 0
        while piece := await reader.read(256 * 1024):
            size += len(piece)
            if piece.endswith(b"0\r\n\r\n"):
                break
            await asyncio.sleep(0.02)
    assert size > 64 * len(CHUNK)


async def test_a_client_answered_early_may_not_send_for_ever() -> None:
    async with serving(App(reads=False), SHORT) as url, connection(url) as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999999\r\n\r\n")
        received = await rest(reader)
    assert received.startswith(b"HTTP/1.1 200 OK")


async def test_a_client_answered_early_may_finish_and_ask_again() -> None:
    async with serving(App(reads=False), PATIENT) as url, connection(url) as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\n")
        await reader.readuntil(b"done\r\n0\r\n\r\n")
        writer.write(b"abc" + GET)
        await reader.readuntil(b"done\r\n0\r\n\r\n")


async def test_connections_beyond_the_limit_are_told_to_come_back() -> None:
    limits = replace(PATIENT, connections=1)
    async with serving(App(), limits) as url, connection(url) as (reader, writer):
        writer.write(GET)
        await reader.readuntil(b"done\r\n0\r\n\r\n")
        async with connection(url) as (other, _):
            reply = await rest(other)
    assert reply.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nretry-after: 1\r\n" in reply


async def test_pipelined_requests_are_all_answered() -> None:
    async with serving(Access(App()), SHORT) as url, connection(url) as (reader, writer):
        writer.write(GET * 3)
        for _ in range(3):
            await reader.readuntil(b"done\r\n0\r\n\r\n")


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("127.0.0.1", None),
        ("::1", None),
        ("::ffff:127.0.0.9", None),
        ("203.0.113.9", "203.0.113.9/32"),
        ("::ffff:203.0.113.9", "203.0.113.9/32"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
    ],
)
def test_connections_count_for_the_place_they_come_from(address: str, counted: str | None) -> None:
    assert place(address) == counted


def test_places_are_forgotten_when_nobody_is_there() -> None:
    origins = Origins()
    assert [origins.enter("a"), origins.enter("b"), origins.enter("a")] == [1, 1, 2]
    for each in "aba":
        origins.leave(each)
    assert origins.enter("a") == 1


async def test_one_address_has_so_many_connections_and_no_more() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no address but its loopback")
        address = probe.getsockname()[0]
    limits = replace(PATIENT, connections_per_address=2)
    async with (
        serving(App(), limits, host=address) as url,
        connection(url) as (reader, writer),
        connection(url),
    ):
        async with connection(url) as (third, _):
            assert (await rest(third)).startswith(b"HTTP/1.1 429 Too Many Requests\r\n")
        writer.write(GET)
        assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
