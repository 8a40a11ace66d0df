"""URLs of clients reach the internet and nothing else."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from ipaddress import IPv4Address
from itertools import cycle

import pytest

from limner.core.errors import InvalidRequest
from limner.core.image import ImageData
from limner.images.codec import SandboxedCodec
from limner.images.fetch import (
    MAX_PICTURES,
    FetchRules,
    GuardedFetch,
    fetch_all,
    refuse_urls,
    resolve,
)
from tests.images.test_addresses import forms
from tests.pictures import picture

PNG = picture(8, 8)
INSIDE = ["127.0.0.1", "10.0.0.1", "172.16.5.4", "192.168.1.1", "169.254.169.254"]
INSIDE += ["100.100.100.200", "168.63.129.16", "0.0.0.0", "224.0.0.1", "255.255.255.255"]
CIRCLED, WIDE = "⓪①②③④⑤⑥⑦⑧⑨", "０１２３４５６７８９"

connected: list[object] = []


def _note(event: str, arguments: tuple[object, ...]) -> None:
    if event == "socket.connect":
        connected.append(arguments[1])


sys.addaudithook(_note)


@pytest.fixture
def connects() -> list[object]:
    """The addresses that this process connects to from here on."""
    connected.clear()
    return connected


@pytest.fixture
async def codec() -> AsyncIterator[SandboxedCodec]:
    async with SandboxedCodec() as codec:
        yield codec


async def numeric(host: str, port: int) -> list[str]:
    """What the system makes of numbers, however they are spelled, and of names nothing."""
    if host == "localhost":
        return ["127.0.0.1", "::1"]
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    return [str(address[0]) for *_, address in found]


def known_as(**addresses: Iterable[str]) -> Callable[[str, int], Awaitable[list[str]]]:
    """Resolves the names given, as hosts of `.example`, and numbers."""

    async def resolve(host: str, port: int) -> list[str]:
        name = host.removesuffix(".example")
        return list(addresses[name]) if name in addresses else await numeric(host, port)

    return resolve


def written(address: str) -> Iterator[str]:
    """Many ways to write an IPv4 address as the host of a URL."""
    a, b, c, d = map(int, address.split("."))
    number = int(IPv4Address(address))
    yield from (address, str(number), f"{number:#x}", f"0{number:o}", f"{number + 2**32}")
    yield from (f"{a}.{b}.{c * 256 + d}", f"{a}.{(b << 16) + (c << 8) + d}")
    yield from (f"{a:#x}.{b:#x}.{c:#x}.{d:#x}", f"0{a:o}.0{b:o}.0{c:o}.0{d:o}")
    yield from (f"{a:#x}.{b}.0{c:o}.{d}", f"{a}.{b}.{c:05o}.{d:05o}", f"{address}.")
    yield from (address.replace(".", dot) for dot in ("。", "．", "｡", "%2e", "%2E"))
    yield from (address.translate(str.maketrans("0123456789", to)) for to in (CIRCLED, WIDE))
    yield "".join(f"%{ord(each):02x}" for each in address)
    yield from (f"[{form}]" for form in (*forms(address), f"::{address}", f"::ffff:0:{address}"))
    yield from (f"[0:0:0:0:0:ffff:{address}]", f"[::FFFF:{address}]")
    yield from (f"user@{address}", f"user:word@{address}", f"1.1.1.1@{address}")
    yield from (f"1.1.1.1\\@{address}", f"{address}\\.example.com")
    yield from (f"{address}:22", f"{address}:8034", f"{address}:080", f"{address}:443")


OTHER_HOSTS = ["localhost", "LOCALHOST", "localhost.", "[::1]", "[::]", "[fe80::1%25eth0]"]
OTHER_HOSTS += [
    "[fd00:ec2::254]",
    "[fec0::1]",
    "[ff02::1]",
    "metadata",
    "",
    ":80",
    "@",
    "[",
    "[::1",
]
SPELLINGS = [
    f"{scheme}://{host}/a.png"
    for scheme in ("http", "https")
    for address in INSIDE
    for host in (*written(address), *OTHER_HOSTS)
]
SCHEMES = [
    "file:///etc/passwd",
    "ftp://1.1.1.1/a",
    "gopher://1.1.1.1/_",
    "data:image/png;base64,AA",
]
SCHEMES += [
    "//127.0.0.1/a",
    "/etc/passwd",
    "unix:/run/x.sock",
    "http:/127.0.0.1/",
    "http:127.0.0.1",
]
SCHEMES += [
    "http://1.1.1.1:65536/",
    "http://1.1.1.1:-1/",
    "http://\x00/",
    "http://a b/",
    "javascript:1",
]


async def test_no_spelling_of_an_inner_address_is_reached(
    codec: SandboxedCodec, connects: list[object]
) -> None:
    fetch = GuardedFetch(codec, resolve=numeric)
    assert len(set(SPELLINGS)) >= 500
    for url in {*SPELLINGS, *SCHEMES}:
        with pytest.raises(InvalidRequest) as raised:
            await fetch(url)
        assert raised.value.status == 400, url
        assert raised.value.param == "url", url
        assert raised.value.code == "invalid_image_url", url
    assert connects == []


async def test_the_systems_own_names_are_looked_at_as_well(
    codec: SandboxedCodec, connects: list[object]
) -> None:
    assert "127.0.0.1" in await resolve("localhost", 80)
    with pytest.raises(InvalidRequest, match="not public"):
        await GuardedFetch(codec)("http://localhost/a.png")
    assert connects == []


@asynccontextmanager
async def server(
    answer: Callable[[str], bytes | AsyncIterator[bytes]], host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server that answers each path with bytes as they are; its port, and what it was sent."""
    asked: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            asked.append(head)
            reply = answer(head.split(b" ")[1].decode())
            if isinstance(reply, bytes):
                writer.write(reply)
            else:
                async for piece in reply:
                    writer.write(piece)
                    await writer.drain()
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    running = await asyncio.start_server(talk, host, port)
    async with running:
        yield running.sockets[0].getsockname()[1], asked


def ok(body: bytes, *headers: str) -> bytes:
    lines = ["HTTP/1.1 200 OK", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def moved(to: str, status: int = 302) -> bytes:
    return f"HTTP/1.1 {status} Moved\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n".encode()


def rules(port: int, **options: float) -> FetchRules:
    """What lets a test reach its own server on loopback."""
    return FetchRules(also=frozenset({f"127.0.0.1:{port}"}), **options)  # type: ignore[arg-type]


async def test_a_picture_is_fetched_by_name_and_known_by_its_bytes(codec: SandboxedCodec) -> None:
    async with server(lambda path: ok(PNG.content, "Content-Type: text/html")) as (port, asked):
        fetch = GuardedFetch(codec, rules(port), resolve=known_as(pictures=["127.0.0.1"]))
        url = f"http://pictures.example:{port}/a.png?b=c"
        assert await fetch(url) == PNG
    (head,) = asked
    assert head.startswith(b"GET /a.png?b=c HTTP/1.1\r\n")
    names = {line.split(b":")[0].lower() for line in head.strip().split(b"\r\n")[1:]}
    assert names == {
        b"host",
        b"accept",
        b"accept-encoding",
        b"user-agent",
        b"connection",
    }
    assert b"Accept-Encoding: identity" in head


async def test_other_formats_become_png(codec: SandboxedCodec) -> None:
    gif = b"GIF89a\x01\0\1\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\1\0\1\0\0\2\2D\1\0;"
    async with server(lambda path: ok(gif)) as (port, _):
        found = await GuardedFetch(codec, rules(port))(f"http://127.0.0.1:{port}/")
    assert found.format == "png"


async def test_redirects_are_followed_to_public_places(codec: SandboxedCodec) -> None:
    ways = {"/1": moved("/2", 301), "/2": moved("3?x=1", 307), "/3?x=1": moved("/4", 308)}
    async with server(lambda path: ways.get(path) or ok(PNG.content)) as (port, asked):
        assert await GuardedFetch(codec, rules(port))(f"http://127.0.0.1:{port}/1") == PNG
    assert len(asked) == 4


INNER = [
    f"http://{host}/"
    for host in ("127.0.0.1", "[::1]", "10.0.0.1", "169.254.169.254", "2130706433")
]
INNER += ["//127.0.0.1/", "http://inner.example/", "http://mixed.example/", "file:///etc/passwd"]
INNER += [
    "ftp://1.1.1.1/",
    "data:image/png;base64,AA",
    "http://user@1.1.1.1/",
    "http://1.1.1.1:22/",
]


@pytest.mark.parametrize("hops", [1, 2, 3])
@pytest.mark.parametrize("target", INNER)
async def test_no_redirect_leads_inside(
    codec: SandboxedCodec, connects: list[object], hops: int, target: str
) -> None:
    def answer(path: str) -> bytes:
        hop = int(path[1:])
        return moved(f"/{hop + 1}" if hop < hops else target)

    names = known_as(inner=["10.1.2.3"], mixed=["93.184.216.34", "10.1.2.3"])
    async with server(answer) as (port, asked):
        fetch = GuardedFetch(codec, rules(port), resolve=names)
        with pytest.raises(InvalidRequest) as raised:
            await fetch(f"http://127.0.0.1:{port}/1")
        assert raised.value.code == "invalid_image_url"
        assert len(asked) == hops
        assert set(connects) == {("127.0.0.1", port)}


async def test_redirects_come_to_an_end(codec: SandboxedCodec) -> None:
    async with server(lambda path: moved("/")) as (port, asked):
        with pytest.raises(InvalidRequest, match="redirected more than 3 times"):
            await GuardedFetch(codec, rules(port))(f"http://127.0.0.1:{port}/")
    assert len(asked) == 4


async def test_a_name_that_changes_its_mind_gains_nothing(codec: SandboxedCodec) -> None:
    answers = cycle([["127.0.0.1"], ["127.0.0.2"], ["127.0.0.1", "127.0.0.2"]])

    async def rebinding(host: str, port: int) -> list[str]:
        return next(answers)

    async with (
        server(lambda path: ok(PNG.content)) as (port, asked),
        server(lambda path: ok(PNG.content), "127.0.0.2", port) as (_, inside),
    ):
        fetch = GuardedFetch(codec, rules(port), resolve=rebinding)
        outcomes = []
        for _ in range(30):
            try:
                outcomes.append(await fetch(f"http://rebind.example:{port}/") == PNG)
            except InvalidRequest:
                outcomes.append(False)
    assert outcomes == [True, False, False] * 10
    assert len(asked) == 10
    assert inside == []


async def endless(head: bytes, piece: bytes) -> AsyncIterator[bytes]:
    yield head
    while True:
        yield piece
        await asyncio.sleep(0.001)


HOSTILE: dict[str, tuple[Callable[[], bytes | AsyncIterator[bytes]], str]] = {
    "too large by its own word": (
        lambda: b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
        "image_file_too_large",
    ),
    "too large without a word": (
        lambda: endless(b"HTTP/1.1 200 OK\r\n\r\n", bytes(65536)),
        "image_file_too_large",
    ),
    "silent": (lambda: endless(b"", b""), "failed_to_download_image"),
    "slow": (
        lambda: endless(b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n", b"x"),
        "failed_to_download_image",
    ),
    "of endless headers": (
        lambda: endless(b"HTTP/1.1 200 OK\r\n", b"a: b\r\n" * 100),
        "failed_to_download_image",
    ),
    "compressed": (lambda: ok(PNG.content, "Content-Encoding: gzip"), "failed_to_download_image"),
    "no HTTP": (lambda: b"SSH-2.0-OpenSSH_9.2\r\n", "failed_to_download_image"),
    "gone early": (
        lambda: b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx",
        "failed_to_download_image",
    ),
    "gone at once": (lambda: b"", "failed_to_download_image"),
    "no picture": (lambda: ok(b"<html>"), "unsupported_image_media_type"),
    "empty": (lambda: ok(b""), "empty_image_file"),
    "no such file": (lambda: b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", "invalid_value"),
    "moved nowhere": (lambda: b"HTTP/1.1 302 No\r\nContent-Length: 0\r\n\r\n", "invalid_value"),
    "moved to no URL": (lambda: moved("http://[/"), "invalid_image_url"),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_servers_are_refused_by_name(codec: SandboxedCodec, name: str) -> None:
    answer, code = HOSTILE[name]
    async with server(lambda path: answer()) as (port, _):
        fetch = GuardedFetch(codec, rules(port, max_bytes=200_000, total_s=2, silence_s=1))
        with pytest.raises(InvalidRequest) as raised:
            await fetch(f"http://127.0.0.1:{port}/")
    assert (raised.value.status, raised.value.code) == (400, code)
    assert "127.0.0.1" not in raised.value.message


async def test_the_status_of_a_failed_download_is_told_as_openai_does(
    codec: SandboxedCodec,
) -> None:
    async with server(lambda path: b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n") as (port, _):
        with pytest.raises(InvalidRequest) as raised:
            await GuardedFetch(codec, rules(port))(f"http://127.0.0.1:{port}/")
    assert raised.value.message == "Error while downloading file. Upstream status code: 403."
    assert (raised.value.param, raised.value.code) == ("url", "invalid_value")


async def test_a_port_where_nobody_listens_is_not_told_from_a_broken_server(
    codec: SandboxedCodec,
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(InvalidRequest, match="cannot be reached"):
            await GuardedFetch(codec, rules(port))(f"http://127.0.0.1:{port}/")


@pytest.mark.parametrize(
    ("host", "reached"),
    [("one.example", True), ("two.example", False), ("one.example.two.example", False)],
)
async def test_hosts_can_be_limited_to_some(
    codec: SandboxedCodec, host: str, reached: bool
) -> None:
    async def anywhere(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    async with server(lambda path: ok(PNG.content)) as (port, asked):
        hosts = frozenset({f"one.example:{port}"})
        limited = FetchRules(hosts=hosts, also=frozenset({f"127.0.0.1:{port}"}))
        fetch = GuardedFetch(codec, limited, resolve=anywhere)
        url = f"http://{host}:{port}/"
        if reached:
            assert await fetch(url) == PNG
        else:
            with pytest.raises(InvalidRequest, match="allows other hosts only"):
                await fetch(url)
    assert len(asked) == int(reached)


async def test_one_request_may_name_so_many_pictures_and_bytes() -> None:
    fetched: list[str] = []

    async def large(url: str) -> ImageData:
        fetched.append(url)
        return ImageData(bytes(20 * 1024 * 1024), "png")

    assert len(await fetch_all(large, ["a", "b", "a"])) == 2
    assert fetched == ["a", "b"]
    with pytest.raises(InvalidRequest, match="at most 16 pictures"):
        await fetch_all(large, map(str, range(MAX_PICTURES + 1)))
    with pytest.raises(InvalidRequest) as raised:
        await fetch_all(large, ["a", "b", "c", "d"])
    assert raised.value.code == "image_file_too_large"
    assert len(fetched) == 5


async def test_urls_can_be_switched_off() -> None:
    with pytest.raises(InvalidRequest, match="switched off"):
        await refuse_urls("https://example.com/a.png")
