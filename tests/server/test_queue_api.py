"""`GET /v1/queue` over HTTP: one's own pictures, wherever they were asked for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import orjson

from limner.core.image import ImageRequest
from limner.gateway.queue import QueuedBackend
from limner.server.application import Rules, enclose
from limner.server.drain import Drain, Draining
from limner.server.images_api import images_routes
from limner.server.queue_api import queue_routes
from tests.scripted_images import HANG, ScriptedImages, done, progress
from tests.serving import serving

PATH = "/v1/queue"
ANN, BOB = ({"Authorization": f"Bearer {key}"} for key in ("ann", "bob"))


@asynccontextmanager
async def door(
    queue: QueuedBackend, *keys: str, drain: Drain | None = None
) -> AsyncIterator[httpx.AsyncClient]:
    routes = [*queue_routes(queue, pause_s=0), *images_routes(queue)]
    app = enclose(routes, rules=Rules(api_keys=frozenset(keys)))
    async with (
        serving(Draining(app, drain or Drain())) as url,
        httpx.AsyncClient(base_url=url, timeout=30) as client,
    ):
        yield client


async def told(lines: AsyncIterator[str]) -> dict[str, Any]:
    """The next frame of a stream."""
    assert await anext(lines) == "event: queue"
    frame: dict[str, Any] = orjson.loads((await anext(lines)).removeprefix("data: "))
    assert await anext(lines) == ""
    return frame


async def test_nobody_sees_anothers_prompts() -> None:
    backend = ScriptedImages(progress(2), HANG, done())
    queue = QueuedBackend(backend)
    async with door(queue, "ann", "bob") as client:
        asking = asyncio.create_task(
            client.post("/v1/images/generations", json={"prompt": "a cat"}, headers=ANN)
        )
        await backend.hangs()
        mine = (await client.get(PATH, headers=ANN)).json()
        foreign = (await client.get(PATH, headers=BOB)).json()
        backend.go()
        await asking
        empty = (await client.get(PATH, headers=ANN)).json()
    (place,) = mine["mine"]
    assert (place["prompt"], place["status"], place["step"]) == ("a cat", "in_progress", 2)
    assert (place["response_id"], place["job_id"], place["position"]) == (None, None, None)
    assert place["age_s"] >= 0
    nothing = {"object": "queue", "total": 1, "waiting": 0, "running": 1, "mine": []}
    assert foreign == nothing
    assert empty == {**nothing, "total": 0, "running": 0}


async def test_a_stream_tells_every_change_until_the_server_stops() -> None:
    backend, drain = ScriptedImages(progress(2), HANG, progress(3), HANG, done()), Drain()
    queue = QueuedBackend(backend)
    async with (
        door(queue, drain=drain) as client,
        client.stream("GET", PATH, params={"stream": "true"}) as reply,
    ):
        assert reply.headers["content-type"].startswith("text/event-stream")
        lines = reply.aiter_lines()
        assert (await told(lines))["total"] == 0
        asking = asyncio.create_task(
            client.post("/v1/images/generations", json={"prompt": "a cat"})
        )
        await backend.hangs()
        while (frame := await told(lines))["mine"] == [] or frame["mine"][0]["step"] < 2:
            pass
        backend.go()
        assert (await told(lines))["mine"][0]["step"] == 3
        backend.go()
        while (await told(lines))["total"]:
            pass
        await asking
        drain.begin()
        assert [line async for line in lines if line and line[0] != ":"] == ["data: [DONE]"]


async def test_changes_that_one_does_not_see_are_not_told() -> None:
    queue = QueuedBackend(ScriptedImages(HANG))
    async with door(queue) as client, client.stream("GET", f"{PATH}?stream=true") as reply:
        lines = reply.aiter_lines()
        assert (await told(lines))["waiting"] == 0
        place = queue.enter(ImageRequest("a cat", client="ann"))
        assert (await told(lines))["running"] == 1
        queue.leave(place)  # type: ignore[arg-type]
        queue.enter(ImageRequest("a dog", client="ann"))
        queue.enter(ImageRequest("a fox"))
        frame = await told(lines)
    assert (frame["running"], [place["prompt"] for place in frame["mine"]]) == (1, ["a fox"])


async def test_other_parameters_are_refused() -> None:
    async with door(QueuedBackend(ScriptedImages())) as client:
        for query, param in (("stream=1", "stream"), ("all=true", "all")):
            reply = await client.get(f"{PATH}?{query}")
            assert (reply.status_code, reply.json()["error"]["param"]) == (400, param)
