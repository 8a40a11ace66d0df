"""Patience with busy servers, over the connections of back ends with wires of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import aiohttp
import pytest
from aiohttp import web

from limner.core.errors import ImageError
from limner.images.connection import HttpLimits
from limner.images.plain import PlainServer
from tests.scripted_painters import ScriptedPainter

AT_ONCE = HttpLimits(retry_wait_s=0)


class Busy(ScriptedPainter):
    """Answers 429 so many times, then well. headers: of the refusals."""

    def __init__(self, times: int, **headers: str) -> None:
        super().__init__()
        self.was_asked = asyncio.Event()
        self._times = times
        self._headers = {name.replace("_", "-"): value for name, value in headers.items()}

    async def answer(self, request: web.Request, path: str) -> web.StreamResponse:
        self.was_asked.set()
        if len(self.asked) <= self._times:
            return web.json_response({"detail": "busy"}, status=429, headers=self._headers)
        return web.json_response({})


async def fetched(
    busy: Busy, body: Mapping[str, int] | aiohttp.FormData | None = None
) -> tuple[bytes | ImageError, int]:
    """What a fetch comes to, and how often the server was asked."""
    async with busy, PlainServer(busy.url, limits=AT_ONCE) as server:
        sent = dict(body) if isinstance(body, Mapping) else body
        try:
            said: bytes | ImageError = await server.fetch("POST", "paint", sent)
        except ImageError as error:
            said = error
    return said, len(busy.asked)


@pytest.mark.parametrize("body", [{"a": 1}, None])
async def test_a_busy_server_is_asked_again_with_the_same(body: Mapping[str, int] | None) -> None:
    busy = Busy(2, retry_after="0")
    assert await fetched(busy, body) == (b"{}", 3)
    assert busy.bodies("/paint") == [body] * 3


async def test_patience_ends_with_the_third_refusal() -> None:
    refused, asked = await fetched(Busy(3))
    assert isinstance(refused, ImageError)
    assert (refused.status, asked) == (429, 3)


async def test_a_server_that_asks_for_too_long_a_wait_is_left() -> None:
    refused, asked = await fetched(Busy(1, retry_after="61"))
    assert isinstance(refused, ImageError)
    assert (refused.retry_after_s, asked) == (61, 1)


async def test_a_form_is_sent_once() -> None:
    form = aiohttp.FormData({"a": "1"}, default_to_multipart=True)
    refused, asked = await fetched(Busy(1), form)
    assert isinstance(refused, ImageError)
    assert (refused.status, asked) == (429, 1)


async def test_who_gives_up_waiting_stops_it() -> None:
    busy = Busy(9, retry_after="60")
    async with busy, PlainServer(busy.url) as server:
        task = asyncio.create_task(server.fetch("GET", "paint"))
        await busy.was_asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert len(busy.asked) == 1
