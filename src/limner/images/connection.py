"""The connections to one image server, guarded: time, size and the key.

- The key goes to the configured address only: redirects are not followed, proxies of the
  environment and cookies are not used, and no message repeats it.
- Bytes come as the network brings them (`iter_any`), never compressed, so that a small reply cannot
  become a large one.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from io import BytesIO
from types import TracebackType
from typing import Self

import aiohttp
from yarl import URL

from limner.core.errors import ConfigError, ImageError
from limner.core.image import ImageData, ImageFailed
from limner.wire.images import as_error
from limner.wire.images_error import read_image_failure

logger = logging.getLogger(__name__)

MAX_ERROR_BYTES = 64 * 1024

FailureReader = Callable[..., ImageFailed]
"""`read_image_failure`, or what reads another server's errors and takes the same arguments."""


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


class Connection:
    """`async with` opens and closes it.

    socket: path of a Unix domain socket to reach the server by; the host of a URL is then only a
    name. secret: what no message may repeat. read_failure: reads any answer but 200.
    """

    def __init__(
        self,
        *,
        socket: str | None = None,
        headers: Mapping[str, str] | None = None,
        secret: str | None = None,
        limits: HttpLimits | None = None,
        read_failure: FailureReader = read_image_failure,
    ) -> None:
        self._socket = socket
        self._headers = headers or {}
        self._secret = secret
        self._limits = limits or HttpLimits()
        self._read_failure = read_failure
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            headers={"Accept-Encoding": "identity", **self._headers},
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

    @property
    def session(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError(f"{type(self).__name__} is used outside of its `async with`")
        return self._session

    async def open(
        self,
        method: str,
        url: URL,
        body: bytes | aiohttp.FormData | None = None,
        *,
        patience_s: float | None = None,
    ) -> aiohttp.ClientResponse:
        """Send a request and wait for the head of its answer, of any status.

        body: JSON, or a form, which can be sent once. patience_s: instead of `first_byte_s`. Raises
        ImageError when there is no answer, or a compressed one.
        """
        patience_s = patience_s or self._limits.first_byte_s
        headers = {"Content-Type": "application/json"} if isinstance(body, bytes) else None
        data = BytesIO(body) if isinstance(body, bytes) else body
        try:
            async with asyncio.timeout(patience_s):
                response = await self.session.request(
                    method, url, data=data, headers=headers, allow_redirects=False
                )
        except (aiohttp.ConnectionTimeoutError, aiohttp.ClientConnectorError) as error:
            # Nothing was sent. What is asked for with GET, though, was ordered before.
            was_taken = method == "GET"
            raise unreachable(self._socket or str(url), error, was_taken=was_taken) from error
        except TimeoutError:
            raise too_slow(patience_s) from None
        except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
            raise unreachable(self._socket or str(url), error) from error
        except aiohttp.ClientError as error:
            raise broken_off(error) from error
        encoding = response.headers.get("Content-Encoding", "identity")
        if encoding != "identity":
            response.close()
            raise ImageError(
                f"The image back end compressed its answer ({encoding}) without being asked",
                status=502,
            )
        return response

    async def read(self, response: aiohttp.ClientResponse) -> AsyncGenerator[bytes, None]:
        """Yield the body as it arrives; raises ImageError when it stalls, breaks or is too long."""
        pieces = response.content.iter_any()
        patience_s, total = self._limits.first_byte_s, 0
        while True:
            try:
                async with asyncio.timeout(patience_s):
                    piece = await anext(pieces, b"")
            except TimeoutError:
                raise too_slow(patience_s) from None
            except aiohttp.ClientError as error:
                raise broken_off(error) from error
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

    async def refusal(self, response: aiohttp.ClientResponse) -> ImageError:
        """Say what another status than 200 means; closes the response."""
        body = bytearray()
        try:
            async with aclosing(self.read(response)) as pieces:
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
        failed = self._read_failure(
            bytes(body),
            response.status,
            retry_after_s=_seconds(response.headers),
            should_retry=_SHOULD_RETRY.get(response.headers.get("x-should-retry", "")),
        )
        was_taken = response.method == "GET" or response.status not in _NOT_TAKEN
        return as_error(replace(self._without_secret(failed), was_taken=was_taken))

    def _without_secret(self, failed: ImageFailed) -> ImageFailed:
        if not self._secret:
            return failed
        return replace(failed, message=failed.message.replace(self._secret, "[key]"))


def form_of(
    fields: Iterable[tuple[str, str]], files: Iterable[tuple[str, str, ImageData]]
) -> aiohttp.FormData:
    """A form of several parts (RFC 7578). files: by the name of their part, with a file name."""
    form = aiohttp.FormData(quote_fields=False, default_to_multipart=True)
    for name, text in fields:
        form.add_field(name, text)
    for name, filename, image in files:
        content = BytesIO(image.content)
        form.add_field(name, content, filename=filename, content_type=image.media_type)
    return form


_NOT_TAKEN = frozenset({429, 503})
_SHOULD_RETRY = {"true": True, "false": False}


def parse_base_url(base_url: str) -> URL:
    """The address of a server, as its operator wrote it; raises ConfigError if it cannot be one."""
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
    return url


def as_failed(error: ImageError) -> ImageFailed:
    """The event that ends a call with this error."""
    return ImageFailed(
        error.message,
        code=error.code,
        type=error.type,
        retryable=error.retryable,
        status=error.status,
        param=error.param,
        retry_after_s=error.retry_after_s,
        was_taken=error.was_taken,
    )


def too_slow(seconds: float) -> ImageError:
    return ImageError(
        f"The image back end was silent for {seconds:g} s",
        code="image_back_end_timeout",
        retryable=True,
        status=504,
    )


def unreachable(where: str, error: aiohttp.ClientError, *, was_taken: bool = True) -> ImageError:
    logger.warning("image back end cannot be reached", extra={"at": where, "why": str(error)})
    return ImageError(
        "The image back end cannot be reached",
        code="image_back_end_unreachable",
        retryable=True,
        status=503,
        was_taken=was_taken,
    )


def broken_off(error: aiohttp.ClientError) -> ImageError:
    logger.warning("image back end broke off", extra={"why": str(error)})
    return ImageError(
        "The image back end broke off its reply",
        code="image_back_end_lost",
        retryable=True,
        status=502,
    )


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
