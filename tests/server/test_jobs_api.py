"""The job API over a scripted back end, asked by an HTTP client and by bare sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from limner.core.image import ImageCapabilities, ImageFailed, Size
from limner.core.readiness import Readiness
from limner.gateway.jobs import Jobs
from limner.server.application import Rules, enclose
from limner.server.jobs_api import jobs_routes
from limner.wire.jobs import Engine, Painter
from limner.wire.jobs_request import JobDefaults
from limner.wire.pictures import to_base64
from tests.kept_jobs import open_jobs
from tests.pictures import picture
from tests.scripted_images import HANG, ScriptedImages, Step, done, progress
from tests.serving import connection, post, serving

CAT = {"prompt": "a cat"}
READY = Readiness("ready", "Ready.")
LOADING = Readiness("loading", "Loading.", 0.5)
FULL = ImageFailed("full", "queue_full", retryable=True, status=503, retry_after_s=1.5)
REFUSED = ImageFailed("prompt is odd", status=400)


class Client:
    """What a client of the job API does."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session = session

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        async with self.session.request(method, path, json=body) as reply:
            return reply.status, await reply.json()

    async def get(self, path: str) -> tuple[int, Any]:
        return await self.ask("GET", path)

    async def submit(self, **fields: Any) -> str:
        status, body = await self.ask("POST", "/generate/async", CAT | fields)
        assert status == 200
        return str(body["job_id"])


@asynccontextmanager
async def door(
    backend: ScriptedImages, readiness: Readiness = READY, **options: Any
) -> AsyncIterator[tuple[str, Jobs]]:
    painter = Painter("tiny", readiness, (Engine("engine", readiness, "cpu"),))
    defaults = JobDefaults(Size(1024, 1024), inference_steps=9, guidance_scale=0.0)
    async with open_jobs(backend, **options) as jobs:
        routes = jobs_routes(jobs, lambda: painter, defaults)
        async with serving(enclose(routes, rules=Rules())) as url:
            yield url, jobs


@asynccontextmanager
async def client(backend: ScriptedImages, **options: Any) -> AsyncIterator[Client]:
    async with door(backend, **options) as (url, _), aiohttp.ClientSession(url) as session:
        yield Client(session)


async def test_generate_answers_with_the_picture() -> None:
    backend = ScriptedImages(progress(3), done())
    async with client(backend) as it:
        status, body = await it.ask("POST", "/generate", CAT | {"width": 1280, "height": 720})
        assert status == 200
        assert body["success"]
        assert body["image_base64"] == to_base64(picture())
        assert (body["width"], body["height"], body["seed"]) == (8, 8, 7)
        assert backend.requests[0].size == Size(1280, 720)
        assert (await it.get(f"/job/{body['job_id']}"))[1]["status"] == "completed"


async def test_a_job_is_followed_and_fetched() -> None:
    backend = ScriptedImages(HANG, done())
    async with client(backend) as it:
        status, accepted = await it.ask("POST", "/generate/async", CAT | {"seed": 42})
        path = f"/job/{accepted['job_id']}"
        assert (status, accepted["status"], accepted["queue_position"]) == (200, "queued", 1)
        assert (accepted["seed"], accepted["width"], accepted["height"]) == (42, 1024, 1024)
        await backend.hangs()
        second = await it.submit()
        assert (await it.get(path))[1]["status"] == "processing"
        assert (await it.get(f"/job/{second}"))[1]["queue_position"] == 1
        for part, job, word in (("result", second, "queued"), ("image", second, "queued")):
            status, body = await it.get(f"/job/{job}/{part}")
            assert (status, body["detail"], body["status"]) == (202, f"Job is {word}", word)
        assert (await it.get(f"{path}/result"))[1]["detail"] == "Job is processing"
        for _ in range(3):
            backend.go()
        assert (await it.ask("POST", "/generate", CAT))[0] == 200
        status, result = await it.get(f"{path}/result")
        assert (status, result["image_base64"]) == (200, to_base64(picture()))
        async with it.session.get(result["image_url"]) as image:
            assert (image.status, image.content_type) == (200, "image/png")
            assert await image.read() == picture().content
            assert (image.headers["X-Seed"], image.headers["X-Prompt"]) == ("7", "a cat")


EDITOR = ImageCapabilities("scripted", seed=True, edits=True, strength=True)
EDIT = {"prompt": "a blue cat", "image_base64": to_base64(picture()), "denoise": 0.5}


async def test_an_edit_is_a_job_like_any_other() -> None:
    backend = ScriptedImages(done(), done(), capabilities=EDITOR)
    async with client(backend) as it:
        status, body = await it.ask("POST", "/modify", EDIT)
        assert (status, body["image_base64"]) == (200, to_base64(picture()))
        status, accepted = await it.ask("POST", "/modify/async", EDIT | {"seed": 3})
        assert (status, accepted["status"], accepted["seed"]) == (200, "queued", 3)
        assert (accepted["width"], accepted["height"]) == (8, 8)
        assert (await it.ask("POST", "/modify", {"prompt": "a"}))[0] == 422
        status, body = await it.ask("POST", "/modify/async", EDIT | {"strength": 0.5})
        assert (status, body["detail"][0]["loc"]) == (422, ["body", "strength"])
    asked = backend.requests[0]
    assert (asked.images, asked.strength, asked.size) == ((picture(),), 0.5, None)


async def test_an_edit_where_nothing_edits_is_refused_by_name() -> None:
    async with client(ScriptedImages()) as it:
        status, body = await it.ask("POST", "/modify", EDIT)
        assert (status, body["detail"][0]["loc"]) == (422, ["body", "image_base64"])


@pytest.mark.parametrize(
    ("script", "status", "retry_after"),
    [((FULL,), 503, "2"), ((REFUSED,), 400, None), ((), 500, None)],
)
async def test_a_failure_is_an_http_error(
    script: tuple[Step, ...], status: int, retry_after: str | None
) -> None:
    async with client(ScriptedImages(*script)) as it:
        async with it.session.post("/generate", json=CAT) as reply:
            body = await reply.json()
            assert (reply.status, reply.headers.get("Retry-After")) == (status, retry_after)
        assert not body["success"]
        assert body["error"] == body["detail"]
        path = f"/job/{body['job_id']}"
        assert (await it.get(path))[1]["status"] == "failed"
        for part in ("result", "image"):
            assert await it.get(f"{path}/{part}") == (500, body)


async def test_a_full_queue_is_said_so() -> None:
    backend = ScriptedImages(HANG, done())
    async with client(backend, max_queue=1) as it:
        await it.submit()
        await backend.hangs()
        await it.submit()
        for path in ("/generate", "/generate/async"):
            async with it.session.post(path, json=CAT) as reply:
                assert (reply.status, reply.headers["Retry-After"]) == (503, "5")
                assert await reply.json() == {
                    "detail": "The image queue is full (1 waiting). Please try again later."
                }
        assert (await it.get("/health"))[1]["queue_size"] == 1


async def test_a_wrong_body_is_named_as_fastapi_does() -> None:
    async with client(ScriptedImages(done())) as it:
        for path in ("/generate", "/generate/async"):
            status, body = await it.ask("POST", path, {"prompt": "", "width": 100})
            assert status == 422
            assert [(fault["loc"], fault["type"]) for fault in body["detail"]] == [
                (["body", "prompt"], "string_too_short"),
                (["body", "width"], "greater_than_equal"),
            ]


@pytest.mark.parametrize(
    ("data", "content_type", "status"),
    [
        (b"{", "application/json", 422),
        (b"[]", "application/json", 422),
        (b"{}", "text/plain", 415),
        (b" " * (2**20 + 1), "application/json", 413),
    ],
)
async def test_a_body_that_is_no_object_is_refused_in_detail(
    data: bytes, content_type: str, status: int
) -> None:
    async with door(ScriptedImages(done())) as (url, _), connection(url) as (reader, writer):
        head = f"POST /generate HTTP/1.1\r\nHost: localhost\r\nContent-Type: {content_type}\r\n"
        writer.write(f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data)
        assert f" {status} ".encode() in await reader.readline()
        assert b'{"detail":' in await reader.readuntil(b'"detail":')


async def test_an_unknown_job_is_not_found() -> None:
    async with client(ScriptedImages(done())) as it:
        for method, path in (
            ("GET", "/job/x"),
            ("DELETE", "/job/x"),
            ("GET", "/job/x/result"),
            ("GET", "/job/x/image"),
        ):
            assert await it.ask(method, path) == (404, {"detail": "Job not found"})


async def test_a_job_is_cancelled() -> None:
    backend = ScriptedImages(HANG, done())
    async with client(backend) as it:
        id = await it.submit()
        await backend.hangs()
        status, body = await it.ask("DELETE", f"/job/{id}")
        assert (status, body["status"]) == (200, "cancelled")
        assert backend.running == 0
        for part in ("result", "image"):
            status, body = await it.get(f"/job/{id}/{part}")
            assert (status, body["detail"]) == (410, "Job was cancelled")


async def test_a_client_that_leaves_cancels_what_it_waited_for() -> None:
    backend = ScriptedImages(HANG, done())
    async with door(backend) as (url, jobs), connection(url) as (_, writer):
        writer.write(post("/generate", CAT))
        await backend.hangs()
        writer.transport.abort()
        await backend.has_stopped.wait()
        assert (backend.running, jobs.queue.waiting) == (0, 0)


async def test_a_job_cancelled_under_a_waiting_client_is_unavailable() -> None:
    backend = ScriptedImages(HANG, done())
    async with door(backend) as (url, jobs), connection(url) as (reader, writer):
        writer.write(post("/generate", CAT))
        await backend.hangs()
        [id] = jobs._running
        await jobs.cancel("", id)
        assert b" 503 " in await reader.readline()


@pytest.mark.parametrize(
    ("readiness", "status", "word"), [(READY, 200, "healthy"), (LOADING, 503, "loading")]
)
async def test_health_is_an_http_status_too(readiness: Readiness, status: int, word: str) -> None:
    async with client(ScriptedImages(done()), readiness=readiness) as it:
        got, body = await it.get("/health")
        assert (got, body["status"], body["model"], body["max_queue"]) == (status, word, "tiny", 20)


async def test_info_tells_the_defaults() -> None:
    async with client(ScriptedImages(done())) as it:
        status, body = await it.get("/info")
        assert (status, body["default_width"], body["inference_steps"]) == (200, 1024, 9)
        assert len(body["supported_sizes"]) == 7
