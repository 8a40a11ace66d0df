"""Requests to a model server, guarded: time, size, retries and the key.

- The key goes to the configured address only: redirects are not followed, proxies of the
  environment and cookies are not used, and no message repeats it.
- A request is repeated only while nothing has been answered: connection refused or lost, 429,
  503, 529.
- Bytes come as the network brings them (`iter_any`), never compressed, so that a small reply cannot
  become a large one.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import aiohttp
from yarl import URL

from limner.core.errors import ConfigError, UpstreamError
from limner.wire.chat_error import read_chat_error

log = logging.getLogger(__name__)

MAX_ERROR_BYTES = 64 * 1024
ENDPOINTS = ("/chat/completions", "/responses", "/messages")
"""Ends of an address that people paste whole."""
_WORTH_REPEATING = frozenset({429, 503})


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """How long and how much is borne.

    first_byte_s: for the head of the answer, and again for the first piece of its body; long
    prompts on small machines need minutes. idle_s: between two pieces. retries: further attempts,
    after retry_wait_s, twice that and so on, or after the server's Retry-After where that is at
    most max_retry_wait_s.
    """

    connect_s: float = 10
    first_byte_s: float = 300
    idle_s: float = 120
    response_bytes: int = 64 * 1024 * 1024
    retries: int = 2
    retry_wait_s: float = 0.5
    max_retry_wait_s: float = 10


class UpstreamHttp:
    """The connections to one model server; `async with` opens and closes them.

    base_url: with or without `/v1`, such as `http://localhost:11434` or `https://host/openai/v1`.
    key_header: where the key stands, bare; None for `Authorization: Bearer`.
    Raises ConfigError for an address that cannot be one.
    """

    def __init__(
        self,
        base_url: str,
        *,
        key: str | None = None,
        key_header: str | None = None,
        headers: Mapping[str, str] | None = None,
        limits: HttpLimits | None = None,
    ) -> None:
        self._root = _root(base_url)
        self._key = key
        self._headers = dict(headers or {})
        if key and key_header:
            self._headers[key_header] = key
        elif key:
            self._headers["Authorization"] = f"Bearer {key}"
        self._limits = limits or HttpLimits()
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        headers = {
            "Content-Type": "application/json",
            "Accept": "text/event-stream, application/json",
            "Accept-Encoding": "identity",
            **self._headers,
        }
        self._session = aiohttp.ClientSession(
            headers=headers,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            # How many requests run at a time is the server's to bound, not the connector's.
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._limits.connect_s),
        )
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._session:
            await self._session.close()

    async def post(self, path: str, body: bytes) -> AsyncGenerator[bytes, None]:
        """Yield the body of a 200 as it arrives; closing the iterator closes the connection.

        path: under the base URL, such as `chat/completions`.
        Raises UpstreamError for everything else that may happen.
        """
        response = await self._open_patiently(path, body)
        try:
            async with aclosing(self._read(response)) as pieces:
                async for piece in pieces:
                    yield piece
        finally:
            response.close()

    async def probe(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        most_bytes: int = MAX_ERROR_BYTES,
    ) -> tuple[int, bytes]:
        """Ask once, and return the status with the beginning of the body, whatever they are.

        Raises UpstreamError where nothing answers.
        """
        response = await self._send(method, path, body)
        try:
            return response.status, await self._beginning(response, most_bytes)
        finally:
            response.close()

    async def _open_patiently(self, path: str, body: bytes) -> aiohttp.ClientResponse:
        for attempt in range(self._limits.retries):
            try:
                return await self._open(path, body)
            except UpstreamError as error:
                wait_s = error.retry_after_s
                if wait_s is None:
                    wait_s = self._limits.retry_wait_s * 2**attempt
                repeats = error.retryable and error.status in _WORTH_REPEATING
                if not repeats or wait_s > self._limits.max_retry_wait_s:
                    raise
                log.info("upstream is asked again", extra={"wait_s": wait_s, "code": error.code})
                await asyncio.sleep(wait_s)
        return await self._open(path, body)

    async def _open(self, path: str, body: bytes) -> aiohttp.ClientResponse:
        response = await self._send("POST", path, body)
        try:
            await self._check(response)
        except BaseException:
            response.close()
            raise
        return response

    async def _send(self, method: str, path: str, body: bytes | None) -> aiohttp.ClientResponse:
        if self._session is None:
            raise RuntimeError("UpstreamHttp is used outside of its `async with`")
        try:
            async with asyncio.timeout(self._limits.first_byte_s):
                return await self._session.request(
                    method, self._root / path, data=body, allow_redirects=False
                )
        except TimeoutError:
            raise self._too_slow(self._limits.first_byte_s) from None
        except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
            log.warning(
                "upstream cannot be reached", extra={"url": str(self._root), "why": str(error)}
            )
            raise UpstreamError(
                "The language model server cannot be reached",
                code="upstream_unreachable",
                status=503,
                retryable=True,
            ) from error
        except aiohttp.ClientError as error:
            raise _broken(error) from error

    async def _check(self, response: aiohttp.ClientResponse) -> None:
        status = response.status
        if 300 <= status < 400:
            raise UpstreamError(
                f"The language model server answered {status}, a redirect, which is not followed: "
                "configure the address that it points to",
                code=f"upstream_{status}",
            )
        if status != 200:
            raise await self._refusal(response)
        encoding = response.headers.get("Content-Encoding", "identity")
        if encoding != "identity":
            raise UpstreamError(
                f"The language model server compressed its answer ({encoding}) without being asked"
            )

    async def _refusal(self, response: aiohttp.ClientResponse) -> UpstreamError:
        body = await self._beginning(response)
        retry_after_s = _seconds(response.headers.get("Retry-After"))
        failed = read_chat_error(body, response.status, retry_after_s=retry_after_s)
        return UpstreamError(
            failed.message.replace(self._key, "[key]") if self._key else failed.message,
            code=failed.code,
            status=failed.status,
            retryable=failed.retryable,
            retry_after_s=failed.retry_after_s,
        )

    async def _beginning(
        self, response: aiohttp.ClientResponse, most_bytes: int = MAX_ERROR_BYTES
    ) -> bytes:
        body = bytearray()
        try:
            async with aclosing(self._read(response)) as pieces:
                async for piece in pieces:
                    body += piece
                    if len(body) > most_bytes:
                        break
        except UpstreamError:
            pass  # the status says enough
        return bytes(body)

    async def _read(self, response: aiohttp.ClientResponse) -> AsyncGenerator[bytes, None]:
        pieces = response.content.iter_any()
        patience_s, total = self._limits.first_byte_s, 0
        while True:
            try:
                async with asyncio.timeout(patience_s):
                    piece = await anext(pieces, b"")
            except TimeoutError:
                raise self._too_slow(patience_s) from None
            except aiohttp.ClientError as error:
                raise _broken(error) from error
            if not piece:
                return
            total += len(piece)
            if total > self._limits.response_bytes:
                raise UpstreamError(
                    "The language model server sent more than "
                    f"{self._limits.response_bytes} bytes in one reply"
                )
            yield piece
            patience_s = self._limits.idle_s

    def _too_slow(self, seconds: float) -> UpstreamError:
        return UpstreamError(
            f"The language model server was silent for {seconds:g} s",
            code="upstream_timeout",
            status=504,
            retryable=True,
        )


def _root(base_url: str) -> URL:
    try:
        url = URL(base_url)
    except ValueError:
        url = URL()
    extras = (url.user, url.password, url.query_string, url.fragment)
    if url.scheme not in ("http", "https") or not url.host or any(extras):
        raise ConfigError(
            "the language model's address must be http(s)://host[:port][/path] without user, query "
            f"or fragment, got {_shown(url, base_url)!r}"
        )
    path = url.path.rstrip("/")
    for endpoint in ENDPOINTS:
        path = path.removesuffix(endpoint)
    return url.with_path(path or "/v1")


def _shown(url: URL, base_url: str) -> str:
    """An address for a message: what may be secret in it is left out."""
    return str(url.with_user(None).with_query(None)) if url.host else base_url


def _seconds(retry_after: str | None) -> float | None:
    """Retry-After in seconds; its other form, a date, is not worth a clock here."""
    try:
        seconds = float(retry_after or "")
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _broken(error: aiohttp.ClientError) -> UpstreamError:
    log.warning("upstream broke off", extra={"why": str(error)})
    return UpstreamError("The language model server broke off its reply", retryable=True)
