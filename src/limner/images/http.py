"""Requests to an Images API: where they go, and the key."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

import aiohttp
from yarl import URL

from limner.images.connection import HttpLimits, form_of, parse_base_url
from limner.images.patient import PatientConnection
from limner.wire import json
from limner.wire.images_dialect import EDITS_PATH, GENERATIONS_PATH, Endpoint, ImagesOrder

__all__ = ["HttpLimits", "ImagesHttp"]

GENERATE = Endpoint()


class ImagesHttp(PatientConnection):
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
        response = await self.open_patiently(endpoint.method, url, lambda: _body(order))
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

    def _url(self, path: str) -> URL:
        base = self._base.path
        if not base.strip("/") and path in (GENERATIONS_PATH, EDITS_PATH):
            base = "/v1"  # where every server has it, for those who name only the server
        return self._base.with_path(base.rstrip("/") + path)


def _body(order: ImagesOrder) -> bytes | aiohttp.FormData:
    return form_of(order.fields, order.files) if order.files else json.dump(order.body)
