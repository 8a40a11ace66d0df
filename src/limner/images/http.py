"""Requests to an image server, guarded: time, size, retries and the key.

- The key goes to the configured address only: redirects are not followed, proxies of the
  environment and cookies are not used, and no message repeats it.
- Only 429 is asked again, and only before anything was answered: whether a picture was painted, and
  paid for, is not known after other failures.
- Bytes come as the network brings them (`iter_any`), never compressed, so that a small reply cannot
  become a large one.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

import aiohttp
from yarl import URL

from limner.core.errors import ConfigError, ImageError
from limner.core.image import ImageFailed
from limner.wire.images import as_error
from limner.wire.images_error import read_image_failure

logger = logging.getLogger(__name__)

MAX_ERROR_BYTES = 64 * 1024
TOO_MANY_REQUESTS = 429


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """How long and how much is borne.

    first_byte_s: for the head of the answer, and again for the first piece of its body; without a
    stream, that is a whole picture and the queue before it. idle_s: between two pieces.
    retries: further attempts after 429, when its Retry-After says, which is waited for up to
    max_retry_wait_s, or after retry_wait_s, twice that and so on.
    """

    connect_s: float = 10
    first_byte_s: float = 900
    idle_s: float = 120
    response_bytes: int = 512 * 1024 * 1024
    retries: int = 2
    retry_wait_s: float = 1
    max_retry_wait_s: float = 60


class ImagesHttp:
    """The connections to one image server; `async with` opens and closes them.

    base_url: with or without `/v1`, such as `http://localhost:8034` or `https://host/openai/v1`.
    socket: path of a Unix domain socket to reach it by; the host of base_url is then only a name.
    Raises ConfigError for an address that cannot be one.
    """

    def __init__(
        self,
        base_url: str,
        *,
        socket: str | None = None,
        key: str | None = None,
        limits: HttpLimits | None = None,
    ) -> None:
        self._endpoint = _endpoint(base_url)
        self._socket = socket
        self._key = key
        self._limits = limits or HttpLimits()
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        headers = {
            "Content-Type": "application/json",
            "Accept": "text/event-stream, application/json",
            "Accept-Encoding": "identity",
        }
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        self._session = aiohttp.ClientSession(
            headers=headers,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            # How many requests run at a time is the server's to bound, not the connector's.
            connector=(
                aiohttp.UnixConnector(self._socket, limit=0)
                if self._socket
                else aiohttp.TCPConnector(limit=0)
            ),
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

    async def post(self, body: bytes) -> AsyncGenerator[bytes, None]:
        """Yield the body of a 200 as it arrives; closing the iterator closes the connection.

        Raises ImageError for everything else that may happen.
        """
        response = await self._open_patiently(body)
        try:
            async with aclosing(self._read(response)) as pieces:
                async for piece in pieces:
                    yield piece
        finally:
            response.close()

    async def _open_patiently(self, body: bytes) -> aiohttp.ClientResponse:
        for attempt in range(self._limits.retries):
            response = await self._open(body)
            if response.status == 200:
                return response
            refusal = await self._refusal(response)
            wait_s = refusal.retry_after_s
            if wait_s is None:
                wait_s = self._limits.retry_wait_s * 2**attempt
            is_busy = response.status == TOO_MANY_REQUESTS and refusal.retryable
            if not is_busy or wait_s > self._limits.max_retry_wait_s:
                raise refusal
            logger.info("image back end is asked again", extra={"wait_s": wait_s})
            await asyncio.sleep(wait_s)
        response = await self._open(body)
        if response.status != 200:
            raise await self._refusal(response)
        return response

    async def _open(self, body: bytes) -> aiohttp.ClientResponse:
        if self._session is None:
            raise RuntimeError("ImagesHttp is used outside of its `async with`")
        try:
            async with asyncio.timeout(self._limits.first_byte_s):
                response = await self._session.post(
                    self._endpoint, data=body, allow_redirects=False
                )
        except TimeoutError:
            raise _too_slow(self._limits.first_byte_s) from None
        except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
            where = self._socket or str(self._endpoint)
            logger.warning(
                "image back end cannot be reached", extra={"at": where, "why": str(error)}
            )
            raise ImageError(
                "The image back end cannot be reached",
                code="image_back_end_unreachable",
                retryable=True,
                status=503,
            ) from error
        except aiohttp.ClientError as error:
            raise _broken(error) from error
        encoding = response.headers.get("Content-Encoding", "identity")
        if encoding != "identity":
            response.close()
            raise ImageError(
                f"The image back end compressed its answer ({encoding}) without being asked",
                status=502,
            )
        return response

    async def _refusal(self, response: aiohttp.ClientResponse) -> ImageError:
        """Say what another status than 200 means; closes the response."""
        body = bytearray()
        try:
            async with aclosing(self._read(response)) as pieces:
                async for piece in pieces:
                    body += piece
                    if len(body) > MAX_ERROR_BYTES:
                        break
        except ImageError:
            pass  # the status says enough
        finally:
            response.close()
        if 300 <= response.status < 400:
            return ImageError(
                f"The image back end answered {response.status}, a redirect, which is not "
                "followed: configure the address that it points to",
                code=f"upstream_{response.status}",
                status=502,
            )
        failed = read_image_failure(
            bytes(body),
            response.status,
            retry_after_s=_seconds(response.headers),
            should_retry=_SHOULD_RETRY.get(response.headers.get("x-should-retry", "")),
        )
        return as_error(self._without_key(failed))

    def _without_key(self, failed: ImageFailed) -> ImageFailed:
        if not self._key:
            return failed
        return replace(failed, message=failed.message.replace(self._key, "[key]"))

    async def _read(self, response: aiohttp.ClientResponse) -> AsyncGenerator[bytes, None]:
        pieces = response.content.iter_any()
        patience_s, total = self._limits.first_byte_s, 0
        while True:
            try:
                async with asyncio.timeout(patience_s):
                    piece = await anext(pieces, b"")
            except TimeoutError:
                raise _too_slow(patience_s) from None
            except aiohttp.ClientError as error:
                raise _broken(error) from error
            if not piece:
                return
            total += len(piece)
            if total > self._limits.response_bytes:
                raise ImageError(
                    f"The image back end sent more than {self._limits.response_bytes} bytes in "
                    "one reply",
                    status=502,
                )
            yield piece
            patience_s = self._limits.idle_s


_SHOULD_RETRY = {"true": True, "false": False}


def _endpoint(base_url: str) -> URL:
    try:
        url = URL(base_url)
    except ValueError:
        url = URL()
    extras = (url.user, url.password, url.query_string, url.fragment)
    if url.scheme not in ("http", "https") or not url.host or any(extras):
        shown = str(url.with_user(None).with_query(None)) if url.host else base_url
        raise ConfigError(
            "the image back end's address must be http(s)://host[:port][/path] without user, query "
            f"or fragment, got {shown!r}"
        )
    path = url.path.rstrip("/").removesuffix("/images/generations")
    return url.with_path(path or "/v1") / "images/generations"


def _seconds(headers: Mapping[str, str]) -> float | None:
    """How long to wait, as the reply says; a date is not worth a clock here."""
    for name, unit_s in (
        ("retry-after-ms", 0.001),
        ("x-ms-retry-after-ms", 0.001),
        ("retry-after", 1),
    ):
        try:
            seconds = float(headers.get(name, "")) * unit_s
        except ValueError:
            continue
        if math.isfinite(seconds) and seconds >= 0:
            return seconds
    return None


def _too_slow(seconds: float) -> ImageError:
    return ImageError(
        f"The image back end was silent for {seconds:g} s",
        code="image_back_end_timeout",
        retryable=True,
        status=504,
    )


def _broken(error: aiohttp.ClientError) -> ImageError:
    logger.warning("image back end broke off", extra={"why": str(error)})
    return ImageError("The image back end broke off its reply", retryable=True, status=502)
