"""The one door to URLs that clients name (OWASP "Server-Side Request Forgery Prevention").

- http and https only, on the ports of the web, without user names.
- Names are resolved here. Every answer must be public, and the connection goes to one of the very
  addresses that were looked at; the socket checks once more. A name that answers otherwise a moment
  later (DNS rebinding) changes nothing.
- Redirects are followed by hand, three at most, each checked like the first URL.
- No cookies, no credentials, no proxies, no compression; sizes and times are bounded.

Nothing else in the server opens a client's URL, and no URL is passed on for others to open.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from limner.core.errors import InvalidRequest
from limner.core.image import FORMATS, ImageData
from limner.core.ports import Codec, Fetch
from limner.images.addresses import is_public
from limner.wire.pictures import MAX_IMAGE_BYTES, sniff

MIB = 1024 * 1024
MAX_PICTURES = 16
MAX_ALL_BYTES = 50 * MIB
MAX_REDIRECTS = 3
WEB_PORTS = {"http": 80, "https": 443}
PIECE_BYTES = 64 * 1024
HEADERS = {"Accept": "image/*", "Accept-Encoding": "identity", "User-Agent": "limner"}

Resolve = Callable[[str, int], Awaitable[Iterable[str]]]
"""The addresses of a host, for a port; raises OSError where there are none."""


@dataclass(frozen=True, slots=True)
class FetchRules:
    """Where pictures may come from.

    hosts: None means any; else only these, each `name`, or `name:port` for a port of its own.
    also: addresses that are let through although they are not public, each `address:port`.
    total_s: for the whole way, redirects included. silence_s: to connect, and for each next byte.
    """

    hosts: frozenset[str] | None = None
    also: frozenset[str] = frozenset()
    max_bytes: int = MAX_IMAGE_BYTES
    total_s: float = 30.0
    silence_s: float = 10.0


async def resolve(host: str, port: int) -> list[str]:
    """Ask the system's resolver."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


async def fetch_all(fetch: Fetch, urls: Iterable[str]) -> dict[str, ImageData]:
    """The pictures of one request, each URL once.

    Raises InvalidRequest for one that cannot be had, and beyond 16 pictures or 50 MiB together.
    """
    wanted = list(dict.fromkeys(urls))
    if len(wanted) > MAX_PICTURES:
        raise InvalidRequest(
            f"A request may name at most {MAX_PICTURES} pictures by URL, got {len(wanted)}.",
            param="input",
            code="invalid_value",
        )
    pictures: dict[str, ImageData] = {}
    size = 0
    for url in wanted:
        pictures[url] = await fetch(url)
        size += len(pictures[url].content)
        if size > MAX_ALL_BYTES:
            raise _too_large(f"the pictures of one request may have {MAX_ALL_BYTES} bytes")
    return pictures


async def refuse_urls(url: str) -> ImageData:
    """The port `Fetch` where the operator allows no URLs."""
    raise InvalidRequest(
        "Pictures by URL are switched off on this server; send a data URL or upload a file.",
        param="url",
        code="invalid_image_url",
    )


class GuardedFetch:
    """The port `Fetch`. codec: makes PNG of formats other than PNG, JPEG and WebP.

    Raises InvalidRequest (400, OpenAI's codes) for whatever stands between the URL and a picture.
    """

    def __init__(
        self,
        codec: Codec,
        rules: FetchRules = FetchRules(),
        *,
        resolve: Resolve = resolve,
    ) -> None:
        self._codec = codec
        self._rules = rules
        self._resolve = resolve

    async def __call__(self, url: str) -> ImageData:
        """The picture at the URL; its bytes say its format, not its headers."""
        try:
            async with asyncio.timeout(self._rules.total_s):
                content = await self._download(url)
        except (TimeoutError, aiohttp.ServerTimeoutError):
            raise _failed("The server did not send it in time") from None
        except (aiohttp.ClientError, OSError):
            # Which of them it was would tell what listens where.
            raise _failed("Its server cannot be reached") from None
        except ValueError:
            raise _forbidden("It cannot be understood") from None
        kind = sniff(content)
        if kind in FORMATS:
            return ImageData(content, kind)
        return await self._codec.readable(content)

    async def _download(self, url: str) -> bytes:
        there = URL(url)
        for _ in range(MAX_REDIRECTS + 1):
            found = await self._ask(there, await self._addresses(there))
            if isinstance(found, bytes):
                return found
            there = there.join(found)
        raise _failed(f"It is redirected more than {MAX_REDIRECTS} times")

    async def _addresses(self, url: URL) -> frozenset[str]:
        """Where the URL's host is; raises InvalidRequest for a URL that is not allowed."""
        host, port, hosts = url.host, url.port, self._rules.hosts
        if url.scheme not in WEB_PORTS or not host or port is None:
            raise _forbidden("Only http and https URLs with a host are fetched")
        if url.user is not None or url.password is not None:
            raise _forbidden("URLs with a user name are not fetched")
        named = {host, f"{host}:{port}"}
        if hosts is not None and not named & hosts:
            raise _forbidden("The operator of this server allows other hosts only")
        try:
            addresses = frozenset(await self._resolve(host, port))
        except OSError:
            addresses = frozenset()
        others = [each for each in addresses if f"{each}:{port}" not in self._rules.also]
        if not addresses or not all(map(is_public, others)):
            raise _forbidden("Its host has no public address, or one that is not public")
        if others and port not in WEB_PORTS.values() and f"{host}:{port}" not in (hosts or ()):
            raise _forbidden(f"Only the ports 80 and 443 are allowed, not {port}")
        return addresses

    async def _ask(self, url: URL, addresses: frozenset[str]) -> bytes | URL:
        """The body, or where else to look."""
        silence_s = self._rules.silence_s
        async with (
            aiohttp.ClientSession(
                connector=_pinned(addresses),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(None, None, silence_s, silence_s),
                trust_env=False,
                auto_decompress=False,
            ) as session,
            session.get(url, headers=HEADERS, allow_redirects=False) as reply,
        ):
            if reply.status in (301, 302, 303, 307, 308) and "Location" in reply.headers:
                return URL(reply.headers["Location"])
            if reply.status != 200:
                raise InvalidRequest(
                    f"Error while downloading file. Upstream status code: {reply.status}.",
                    param="url",
                    code="invalid_value",
                )
            if reply.headers.get("Content-Encoding", "identity").lower() != "identity":
                raise _failed("It is compressed, although nobody asked for that")
            return await self._body(reply)

    async def _body(self, reply: aiohttp.ClientResponse) -> bytes:
        limit = self._rules.max_bytes
        body = bytearray()
        if (reply.content_length or 0) > limit:
            raise _too_large(f"a picture may have {limit} bytes")
        async for piece in reply.content.iter_chunked(PIECE_BYTES):
            body += piece
            if len(body) > limit:
                raise _too_large(f"a picture may have {limit} bytes")
        return bytes(body)


class _Pinned(AbstractResolver):
    """Answers with what was looked at before, whatever it is asked."""

    def __init__(self, addresses: frozenset[str]) -> None:
        self._addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            {
                "hostname": host,
                "host": address,
                "port": port,
                "family": socket.AF_INET6 if ":" in address else socket.AF_INET,
                "proto": 0,
                "flags": socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            }
            for address in sorted(self._addresses)
        ]

    async def close(self) -> None:
        """Nothing is held."""


def _pinned(addresses: frozenset[str]) -> aiohttp.TCPConnector:
    def checked_socket(target: aiohttp.AddrInfoType) -> socket.socket:
        """The last look: at the address that this very socket is about to connect to."""
        family, kind, protocol, _, address = target
        if address[0] not in addresses:
            raise OSError("an address that nobody has looked at")
        return socket.socket(family, kind, protocol)

    return aiohttp.TCPConnector(
        resolver=_Pinned(addresses),
        socket_factory=checked_socket,
        use_dns_cache=False,
        force_close=True,
    )


def _forbidden(why: str) -> InvalidRequest:
    return InvalidRequest(
        f"The URL of the picture is not allowed. {why}.", param="url", code="invalid_image_url"
    )


def _failed(why: str) -> InvalidRequest:
    return InvalidRequest(
        f"Error while downloading file. {why}.", param="url", code="failed_to_download_image"
    )


def _too_large(limit: str) -> InvalidRequest:
    return InvalidRequest(
        f"Error while downloading file. It is too large: {limit} at most.",
        param="url",
        code="image_file_too_large",
    )
