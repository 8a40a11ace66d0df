"""What a server says it has, and how long that is waited for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import pytest
from aiohttp import web

from limner.core.turn import TurnRequest, UpstreamCapabilities
from limner.upstreams.http import HttpLimits, UpstreamHttp
from limner.upstreams.listed import ListedModels, NamedByServer
from tests.loopback import OnLoopback
from tests.scripted_upstream import ScriptedUpstream, says

LONG_S = 30.0


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Lists(OnLoopback):
    """A server that lists `names`; None refuses. goes_on: it answers while that is set."""

    def __init__(self, *names: str) -> None:
        self.names: tuple[str, ...] | None = names
        self.asked = 0
        self.goes_on = asyncio.Event()
        self.goes_on.set()
        app = web.Application()
        app.router.add_get("/v1/models", self._answer)
        super().__init__(app)

    async def _answer(self, request: web.Request) -> web.Response:
        self.asked += 1
        await self.goes_on.wait()
        if self.names is None:
            return web.json_response({"error": {"message": "not now"}}, status=500)
        return web.json_response({"data": [{"id": name} for name in self.names]})


@asynccontextmanager
async def listed(
    url: str, clock: Clock | None = None, wait_s: float = LONG_S
) -> AsyncIterator[ListedModels]:
    limits = HttpLimits(first_byte_s=LONG_S, retries=0)
    async with (
        UpstreamHttp(url, limits=limits) as http,
        ListedModels(http, clock or Clock(), fresh_s=60, again_s=5, wait_s=wait_s) as models,
    ):
        yield models


async def test_the_server_is_asked_when_somebody_wants_to_know_and_its_answer_is_kept() -> None:
    clock = Clock()
    async with Lists("a", "b") as server, listed(server.host, clock) as models:
        assert (models.names, server.asked) == ((), 0)
        await models.refresh()
        assert models.names == ("a", "b")
        server.names = ("c",)
        clock.now += 59
        await models.refresh()
        assert (models.names, server.asked) == (("a", "b"), 1)
        clock.now += 1
        await models.refresh()
        assert [*models.names] == ["c"]


async def test_a_long_list_is_read_to_its_end() -> None:
    names = tuple(f"model-{number}-{'x' * 100}" for number in range(2000))
    async with Lists(*names) as server, listed(server.host) as models:
        await models.refresh()
        assert models.names == names


async def test_it_can_be_asked_again_at_once() -> None:
    async with Lists("a") as server, listed(server.host) as models:
        await models.refresh()
        server.names = ("a", "b")
        await models.refresh(now=True)
        assert models.names == ("a", "b")


async def test_many_who_want_to_know_are_one_question() -> None:
    async with Lists("a") as server, listed(server.host) as models:
        await asyncio.gather(*(models.refresh(now=True) for _ in range(9)))
        assert server.asked == 1


async def test_what_was_known_stays_when_the_server_fails_and_it_is_asked_again_soon() -> None:
    clock = Clock()
    async with Lists("a") as server, listed(server.host, clock) as models:
        await models.refresh()
        server.names = None
        clock.now += 60
        await models.refresh()
        server.names = ("b",)
        await models.refresh()
        assert (models.names, server.asked) == (("a",), 2)
        clock.now += 5
        await models.refresh()
        assert models.names == ("b",)


async def test_a_server_that_is_not_there_lists_nothing() -> None:
    async with listed("http://127.0.0.1:1") as models:
        await models.refresh()
        assert models.names == ()


async def test_a_slow_server_is_waited_for_once_and_then_answers_in_the_background() -> None:
    async with Lists("a") as server, listed(server.host, wait_s=0.05) as models:
        server.goes_on.clear()
        await models.refresh()  # gives up after its wait
        with pytest.raises(StopIteration):  # at its first step: it waits for nothing
            models.refresh(now=True).send(None)
        assert (models.names, server.asked) == ((), 1)
        server.goes_on.set()
        async with asyncio.timeout(LONG_S):
            while not models.names:  # noqa: ASYNC110 - it is the background that is waited for
                await asyncio.sleep(0.005)
        server.names = ("b",)
        await models.refresh(now=True)  # quick again, so waited for again
        assert models.names == ("b",)


async def asked(upstream: NamedByServer, model: str) -> None:
    async with aclosing(upstream.stream(TurnRequest(model, ()))) as events:
        assert [event async for event in events]


async def test_a_model_that_the_server_lists_is_asked_for_by_its_name() -> None:
    behind = ScriptedUpstream(says("hi"))
    behind.capabilities = UpstreamCapabilities("chat", vision=True)
    async with Lists("base", "lora") as server, listed(server.host) as models:
        upstream = NamedByServer(behind, models, "base")
        assert upstream.capabilities == UpstreamCapabilities("base", vision=True)
        for model in ("base", "lora", "other"):
            await asked(upstream, model)
        server.names = ("base", "lora", "other")
        await asked(upstream, "other")
        assert await upstream.count(TurnRequest("other", ())) is None
    assert [request.model for request in behind.requests] == ["base", "lora", "base", "other"]


class Counting(ScriptedUpstream):
    async def count(self, request: TurnRequest) -> int | None:
        return len(request.model)


async def test_it_is_counted_by_that_name_too() -> None:
    async with Lists("base") as server, listed(server.host) as models:
        upstream = NamedByServer(Counting(says("hi")), models, "base")
        assert await upstream.count(TurnRequest("another", ())) == len("base")
