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

from limner.images.connection import Connection, HttpLimits, form_of, parse_base_url
from limner.wire import json
from limner.wire.images_dialect import EDITS_PATH, GENERATIONS_PATH, Endpoint, ImagesOrder

__all__ = ["HttpLimits", "ImagesHttp"]

logger = logging.getLogger(__name__)

TOO_MANY_REQUESTS = 429
GENERATE = Endpoint()


class ImagesHttp(Connection):
    """The connections to one image server; `async with` opens and closes them.

    base_url: with or without `/v1`, such as `http://localhost:8034` or `https://host/openai/v1`.
    socket: path of a Unix domain socket to reach it by; the host of base_url is then only a name.
    key_header: where the key goes; into `Authorization` it goes as a bearer token.
    Raises ConfigError for an address that cannot be one.
    """

    def __init__(
        self,
        base_url: str,
        *,
        socket: str | None = None,
        key: str | None = None,
        key_header: str = "Authorization",
        limits: HttpLimits | None = None,
    ) -> None:
        headers = {"Accept": "text/event-stream, application/json"}
        if key:
            headers[key_header] = f"Bearer {key}" if key_header == "Authorization" else key
        super().__init__(socket=socket, headers=headers, secret=key, limits=limits)
        url = parse_base_url(base_url)
        self._base = url.with_path(url.path.rstrip("/").removesuffix(GENERATE.path))

    async def post(
        self, order: ImagesOrder, endpoint: Endpoint = GENERATE
    ) -> AsyncGenerator[bytes, None]:
        """Yield the body of a 200 as it arrives; closing the iterator closes the connection.

        Raises ImageError for everything else that may happen.
        """
        url = self._url(order.path).with_query(dict(endpoint.query))
        response = await self._open_patiently(endpoint.method, url, order)
        try:
            async with aclosing(self.read(response)) as pieces:
                async for piece in pieces:
                    yield piece
        finally:
            response.close()

    async def fetch(self, link: str) -> bytes | None:
        """The file at an address that a reply named; None where that is another server's.

        Only the server that was configured is asked: it chose the address, and sees our key.
        Raises ImageError when it does not give the file.
        """
        try:
            url = self._base.join(URL(link))
            is_here = url.origin() == self._base.origin() and not url.user
        except ValueError:
            is_here = False
        if not is_here:
            return None
        response = await self.open("GET", url)
        try:
            if response.status != 200:
                raise await self.refusal(response)
            async with aclosing(self.read(response)) as pieces:
                return b"".join([piece async for piece in pieces])
        finally:
            response.close()

    async def _open_patiently(
        self, method: str, url: URL, order: ImagesOrder
    ) -> aiohttp.ClientResponse:
        for attempt in range(self._limits.retries):
            response = await self.open(method, url, _body(order))
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
        response = await self.open(method, url, _body(order))
        if response.status != 200:
            raise await self.refusal(response)
        return response

    def _url(self, path: str) -> URL:
        base = self._base.path
        if not base.strip("/") and path in (GENERATIONS_PATH, EDITS_PATH):
            base = "/v1"  # where every server has it, for those who name only the server
        return self._base.with_path(base.rstrip("/") + path)


def _body(order: ImagesOrder) -> bytes | aiohttp.FormData:
    return form_of(order.fields, order.files) if order.files else json.dump(order.body)
