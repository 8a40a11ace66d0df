"""What the back ends with wires of their own share: short requests, and pictures one by one."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any, Literal, TypeVar

import aiohttp
import pybase64
from yarl import URL

from limner.core.errors import ConfigError
from limner.core.image import ImageEvent, ImageFailed, ImageRequest
from limner.images.connection import FailureReader, HttpLimits, parse_base_url
from limner.images.patient import PatientConnection
from limner.wire import json
from limner.wire.images import as_error
from limner.wire.images_error import read_image_failure
from limner.wire.images_picture import SEEDS

QUICK = HttpLimits(first_byte_s=120)
"""For servers whose answers never wait for a picture."""

T = TypeVar("T")
Paint = Callable[[ImageRequest, int], AsyncGenerator[ImageEvent, None]]


class PlainServer(PatientConnection):
    """The connections to a server at `base_url`, under which its paths begin.

    key: goes into `Authorization`; with the scheme Basic it is `user:password`.
    Raises ConfigError for an address that cannot be one, and for a key without its colon.
    """

    def __init__(
        self,
        base_url: str,
        *,
        key: str | None = None,
        scheme: Literal["Bearer", "Basic"] = "Bearer",
        limits: HttpLimits | None = None,
        read_failure: FailureReader = read_image_failure,
    ) -> None:
        headers = {}
        if key:
            headers["Authorization"] = _authorization(key, scheme)
        super().__init__(headers=headers, secret=key, limits=limits, read_failure=read_failure)
        url = parse_base_url(base_url)
        self._base = url.with_path(url.path.rstrip("/"))

    def url(self, path: str, query: Mapping[str, str] | None = None) -> URL:
        return (self._base / path).with_query(query)

    async def fetch(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | aiohttp.FormData | None = None,
        *,
        query: Mapping[str, str] | None = None,
        patience_s: float | None = None,
    ) -> bytes:
        """The whole body of a 200; raises ImageError for everything else.

        patience_s: for requests that wait for a picture. A form is sent once; all else is sent
        again to a busy server.
        """
        url = self.url(path, query)
        if isinstance(body, aiohttp.FormData):
            response = await self.open(method, url, body, patience_s=patience_s)
        else:
            sent = None if body is None else json.dump(body)
            response = await self.open_patiently(method, url, lambda: sent, patience_s=patience_s)
        try:
            if response.status != 200:
                raise await self.refusal(response)
            async with aclosing(self.read(response)) as pieces:
                return b"".join([piece async for piece in pieces])
        finally:
            response.close()


async def one_by_one(request: ImageRequest, paint: Paint) -> AsyncGenerator[ImageEvent, None]:
    """Paint the `n` pictures of a request after one another; picture k takes seed + k.

    paint: is given a request for one picture and that picture's number.
    """
    for picture in range(request.n):
        seed = None if request.seed is None else (request.seed + picture) % SEEDS
        async with aclosing(paint(replace(request, n=1, seed=seed), picture)) as events:
            async for event in events:
                yield event
                if isinstance(event, ImageFailed):
                    return


def checked(value: T | ImageFailed) -> T:
    """What was read, unless that is a failure, which is raised as ImageError."""
    if isinstance(value, ImageFailed):
        raise as_error(value)
    return value


def _authorization(key: str, scheme: Literal["Bearer", "Basic"]) -> str:
    if scheme == "Bearer":
        return f"Bearer {key}"
    if ":" not in key:
        raise ConfigError("the image back end's key must be user:password, it has no colon")
    return f"Basic {pybase64.b64encode(key.encode()).decode()}"
