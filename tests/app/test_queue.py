"""One queue behind all doors of the server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from limner.app.server import open_server
from limner.config import Settings
from tests.scripted_painters import ScriptedAutomatic1111
from tests.serving import serving

ORDER = {"model": "limner", "input": "draw a cat", "tools": [{"type": "image_generation"}]}
CAT = {"prompt": "a cat"}


@asynccontextmanager
async def busy(painter: ScriptedAutomatic1111, **settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A server whose painter paints for ever, one picture at a time."""
    wanted = Settings(
        store="memory", image_backend=f"a1111+{painter.url}", max_concurrent=1, **settings
    )
    async with (
        open_server(wanted) as app,
        serving(app) as url,
        httpx.AsyncClient(base_url=url, timeout=60) as client,
    ):
        yield client


async def order(client: httpx.AsyncClient, key: str = "") -> str:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    reply = await client.post("/generate/async", json=CAT, headers=headers)
    assert reply.status_code == 200, reply.text
    return str(reply.json()["job_id"])


@pytest.fixture
async def painter() -> AsyncIterator[ScriptedAutomatic1111]:
    async with ScriptedAutomatic1111(then="hang") as painter:
        yield painter


async def test_a_full_queue_is_full_for_every_door(painter: ScriptedAutomatic1111) -> None:
    async with busy(painter, max_queue=1) as client:
        first = await order(client)
        await painter.started.wait()
        second = await order(client)
        job = await client.post("/generate/async", json=CAT)
        images = await client.post("/v1/images/generations", json=CAT)
        response = await client.post("/v1/responses", json=ORDER)
        health = await client.get("/health")
        assert [reply.status_code for reply in (job, images, response)] == [503, 503, 200]
        assert images.json()["error"]["code"] == "queue_full"
        assert int(job.headers["Retry-After"]) == int(images.headers["Retry-After"]) > 0
        [failed] = [
            item for item in response.json()["output"] if item["type"] == "image_generation_call"
        ]
        assert failed["error"]["code"] == "queue_full"
        assert (health.json()["queue_size"], health.json()["max_queue"]) == (1, 1)
        for id in (second, first):
            assert (await client.delete(f"/job/{id}")).json()["status"] == "cancelled"
        assert painter.interrupted.is_set()


async def test_one_key_leaves_room_for_the_others(painter: ScriptedAutomatic1111) -> None:
    bearer: Mapping[str, str] = {"Authorization": "Bearer sk-one"}
    async with busy(painter, max_queue=4, api_keys=("sk-one", "sk-two")) as client:
        ids = [await order(client, "sk-one") for _ in range(3)]
        refused = await client.post("/v1/images/generations", json=CAT, headers=bearer)
        assert (refused.status_code, refused.json()["error"]["code"]) == (
            429,
            "rate_limit_exceeded",
        )
        assert int(refused.headers["Retry-After"]) > 0
        theirs = await order(client, "sk-two")
        status = await client.get(f"/job/{theirs}", headers={"Authorization": "Bearer sk-two"})
        assert status.json()["queue_position"] == 2
        foreign = await client.get(f"/job/{theirs}", headers=bearer)
        assert (foreign.status_code, foreign.json()) == (404, {"detail": "Job not found"})
        assert (await client.delete(f"/job/{theirs}", headers=bearer)).status_code == 404
        for id in reversed(ids):
            await client.delete(f"/job/{id}", headers=bearer)


async def test_a_key_sees_its_own_places_and_takes_them_back_by_their_ids(
    painter: ScriptedAutomatic1111,
) -> None:
    one, two = ({"Authorization": f"Bearer sk-{name}"} for name in ("one", "two"))
    async with busy(painter, api_keys=("sk-one", "sk-two")) as client:

        async def queue(headers: Mapping[str, str]) -> dict[str, Any]:
            reply = await client.get("/v1/queue", headers=headers)
            found: dict[str, Any] = reply.json()
            return found

        job = await order(client, "sk-one")
        await painter.started.wait()
        begun = await client.post("/v1/responses", json={**ORDER, "background": True}, headers=one)
        response = begun.json()["id"]
        async with asyncio.timeout(30):
            while (mine := await queue(one))["total"] < 2:
                pass
        assert [
            (place["status"], place["position"], place["job_id"], place["response_id"])
            for place in mine["mine"]
        ] == [("in_progress", None, job, None), ("queued", 1, None, response)]
        assert await queue(two) == {**mine, "mine": []}
        await client.post(f"/v1/responses/{response}/cancel", headers=one)
        assert [place["job_id"] for place in (await queue(one))["mine"]] == [job]
        await client.delete(f"/job/{job}", headers=one)
        assert (await queue(two))["total"] == 0
