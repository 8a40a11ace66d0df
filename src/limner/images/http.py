"""Requests to an Images API: the key, and patience with a busy server.

Only 429 is asked again, and only before anything was answered: whether a picture was painted, and
paid for, is not known after other failures.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing

import aiohttp
from yarl import URL

from limner.images.connection import Connection, HttpLimits, parse_base_url

__all__ = ["HttpLimits", "ImagesHttp"]

logger = logging.getLogger(__name__)

TOO_MANY_REQUESTS = 429


class ImagesHttp(Connection):
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
        headers = {
            "Content-Type": "application/json",
            "Accept": "text/event-stream, application/json",
        }
        if key:
            headers["Authorization"] = f"Bearer {key}"
        super().__init__(socket=socket, headers=headers, secret=key, limits=limits)
        self._endpoint = _endpoint(base_url)

    async def post(self, body: bytes) -> AsyncGenerator[bytes, None]:
        """Yield the body of a 200 as it arrives; closing the iterator closes the connection.

        Raises ImageError for everything else that may happen.
        """
        response = await self._open_patiently(body)
        try:
            async with aclosing(self.read(response)) as pieces:
                async for piece in pieces:
                    yield piece
        finally:
            response.close()

    async def _open_patiently(self, body: bytes) -> aiohttp.ClientResponse:
        for attempt in range(self._limits.retries):
            response = await self.open("POST", self._endpoint, body)
            if response.status == 200:
                return response
            refusal = await self.refusal(response)
            wait_s = refusal.retry_after_s
            if wait_s is None:
                wait_s = self._limits.retry_wait_s * 2**attempt
            is_busy = response.status == TOO_MANY_REQUESTS and refusal.retryable
            if not is_busy or wait_s > self._limits.max_retry_wait_s:
                raise refusal
            logger.info("image back end is asked again", extra={"wait_s": wait_s})
            await asyncio.sleep(wait_s)
        response = await self.open("POST", self._endpoint, body)
        if response.status != 200:
            raise await self.refusal(response)
        return response


def _endpoint(base_url: str) -> URL:
    url = parse_base_url(base_url)
    path = url.path.rstrip("/").removesuffix("/images/generations")
    return url.with_path(path or "/v1") / "images/generations"
