"""The job API as a back end: the older service's, scripted, and our own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from limner.core.errors import ConfigError
from limner.core.image import (
    ImageCapabilities,
    ImageCompleted,
    ImageEvent,
    ImageFailed,
    ImageProgress,
    ImageRequest,
    Size,
)
from limner.core.readiness import Readiness
from limner.images.image_jobs import ImageJobs, image_jobs_server
from limner.server.application import Rules, enclose
from limner.server.jobs_api import jobs_routes
from limner.wire.jobs import Painter
from limner.wire.jobs_request import JobDefaults
from limner.wire.pictures import to_base64
from tests.kept_jobs import open_jobs
from tests.pictures import picture
from tests.scripted_images import HANG, ScriptedImages, done, progress
from tests.scripted_painters import PNG, ScriptedJobs
from tests.serving import serving

CAT = ImageRequest("a cat")
QUEUED = {"status": "queued", "queue_position": 2}
WORKING = {"status": "processing", "queue_position": None}
DONE = {"status": "completed", "queue_position": None}


@asynccontextmanager
async def back_end(url: str, **options: Any) -> AsyncIterator[ImageJobs]:
    async with image_jobs_server(url) as server:
        yield ImageJobs(server, poll_s=0.01, **options)


async def ask(images: ImageJobs, request: ImageRequest = CAT) -> list[ImageEvent]:
    async with aclosing(images.generate(request)) as events:
        return [event async for event in events]


async def ask_once(jobs: ScriptedJobs, **options: Any) -> ImageFailed:
    """The failure with which a call to this service ends."""
    async with jobs, back_end(jobs.url, **options) as images:
        event = (await ask(images))[-1]
    assert isinstance(event, ImageFailed), event
    return event


async def test_a_job_is_submitted_polled_and_fetched() -> None:
    jobs = ScriptedJobs(QUEUED, QUEUED, WORKING, WORKING, DONE)
    async with jobs, back_end(jobs.url) as images:
        assert images.capabilities.size_multiple == 64
        events = await ask(images, ImageRequest("a cat", size=Size(512, 256), partial_images=3))
    assert events[:2] == [ImageProgress(0, 1, 2), ImageProgress(0, 1)]
    assert len(events) == 3
    last = events[-1]
    assert isinstance(last, ImageCompleted)
    assert (last.image, last.resolved.seed) == (PNG, 5)
    assert jobs.asked[0] == (
        "POST",
        "/generate/async",
        {"prompt": "a cat", "width": 512, "height": 256},
    )
    assert {verb for verb, _, _ in jobs.asked} == {"POST", "GET"}


EDIT = ImageRequest("a cat", images=(PNG,))


async def test_an_edit_is_a_job_like_any_other() -> None:
    request = replace(EDIT, strength=0.5, n=2, seed=7)
    async with ScriptedJobs(DONE) as jobs, back_end(jobs.url) as images:
        events = await ask(images, request)
        bodies = jobs.bodies("/modify/async")
    assert [(body["seed"], body["denoise"]) for body in bodies] == [(7, 0.5), (8, 0.5)]
    assert {body["image_base64"] for body in bodies} == {to_base64(PNG)}
    assert [event.image for event in events if isinstance(event, ImageCompleted)] == [PNG, PNG]


async def test_an_older_service_edits_in_one_request() -> None:
    async with ScriptedJobs(missing=["/modify/async"]) as jobs, back_end(jobs.url) as images:
        [event] = await ask(images, EDIT)
        assert [path for _, path, _ in jobs.asked] == ["/modify/async", "/modify"]
    assert isinstance(event, ImageCompleted)


@pytest.mark.parametrize(
    ("jobs", "code"),
    [
        (ScriptedJobs(missing=["/modify", "/modify/async"]), "not_supported"),
        (
            ScriptedJobs(missing=["/modify/async"], result={"success": False, "error": "oh"}),
            "server_error",
        ),
        (ScriptedJobs(busy=True), "queue_full"),
    ],
)
async def test_an_edit_may_fail(jobs: ScriptedJobs, code: str) -> None:
    async with jobs, back_end(jobs.url) as images:
        [failed] = await ask(images, EDIT)
    assert isinstance(failed, ImageFailed)
    assert failed.code == code


async def test_each_picture_is_a_job() -> None:
    async with ScriptedJobs(DONE) as jobs, back_end(jobs.url) as images:
        events = await ask(images, ImageRequest("a cat", n=2, seed=7))
        assert [body["seed"] for body in jobs.bodies("/generate/async")] == [7, 8]
    assert [event.picture for event in events if isinstance(event, ImageCompleted)] == [0, 1]


@pytest.mark.parametrize(
    ("jobs", "code", "message"),
    [
        (ScriptedJobs(busy=True), "queue_full", "queue is full"),
        (ScriptedJobs({"status": "failed", "error": "oh"}), "server_error", "could not paint: oh"),
        (ScriptedJobs(WORKING, 404), "job_lost", "no longer knows the job"),
        (ScriptedJobs({"status": "expired"}), "server_error", "says that the job is 'expired'"),
        (ScriptedJobs(DONE, result={"success": False, "error": "oh"}), "server_error", "paint: oh"),
    ],
)
async def test_failures_end_the_call(jobs: ScriptedJobs, code: str, message: str) -> None:
    failed = await ask_once(jobs)
    assert failed.code == code
    assert message in failed.message
    assert failed.retryable


async def test_patience_is_bounded() -> None:
    jobs = ScriptedJobs(WORKING)
    failed = await ask_once(jobs, patience_s=0.05)
    assert (failed.code, failed.status) == ("image_back_end_timeout", 504)
    assert jobs.asked[-1][:2] == ("DELETE", "/job/j")


async def test_closing_the_iterator_asks_to_drop_the_job() -> None:
    async with ScriptedJobs(WORKING) as jobs, back_end(jobs.url) as images:
        events = images.generate(CAT)
        assert await anext(events) == ImageProgress(0, 1)
        await events.aclose()
        assert jobs.asked[-1][:2] == ("DELETE", "/job/j")


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({"prompt": "x" * 2001}, "prompt"),
        ({"steps": 4}, "steps"),
        ({"model": "sdxl"}, "model"),
        ({"background": "transparent"}, "background"),
        ({"images": (PNG, PNG)}, "image"),
        ({"images": (PNG,), "mask": picture(alpha=True)}, "mask"),
    ],
)
async def test_what_a_job_cannot_ask_for_is_refused(asked: dict[str, Any], param: str) -> None:
    async with ScriptedJobs() as jobs, back_end(jobs.url) as images:
        [event] = await ask(images, ImageRequest(**{"prompt": "a cat", **asked}))
        assert jobs.asked == []
    assert isinstance(event, ImageFailed)
    assert event.param == param


@asynccontextmanager
async def our_own(backend: ScriptedImages) -> AsyncIterator[str]:
    """The URL of a Limner that paints with this."""
    painter = Painter("tiny", Readiness("ready", "Ready."))
    async with open_jobs(backend) as jobs:
        routes = jobs_routes(jobs, lambda: painter, JobDefaults(Size(1024, 1024)))
        async with serving(enclose(routes, rules=Rules())) as url:
            yield url


async def test_our_own_edits_jobs_and_stops_those_that_nobody_waits_for() -> None:
    can = ImageCapabilities("tiny", edits=True, strength=True, seed=True)
    backend = ScriptedImages(done(), capabilities=can)
    async with our_own(backend) as url, back_end(url) as images:
        last = (await ask(images, replace(EDIT, strength=0.5)))[-1]
    assert isinstance(last, ImageCompleted), last
    assert (backend.requests[0].images, backend.requests[0].strength) == ((PNG,), 0.5)
    backend = ScriptedImages(HANG, capabilities=can)
    async with our_own(backend) as url, back_end(url) as images:
        events = images.generate(EDIT)
        assert isinstance(await anext(events), ImageProgress)
        await events.aclose()
        await backend.has_stopped.wait()


async def test_our_own_job_api_is_such_a_service() -> None:
    backend = ScriptedImages(progress(3), done())
    async with our_own(backend) as url, back_end(url) as images:
        last = (await ask(images, ImageRequest("a cat", seed=3)))[-1]
    assert isinstance(last, ImageCompleted)
    assert (last.image, last.resolved.seed) == (picture(), 7)
    assert backend.requests[0].seed == 3


async def test_our_own_stops_a_job_that_nobody_waits_for() -> None:
    backend = ScriptedImages(HANG)
    async with our_own(backend) as url, back_end(url) as images:
        events = images.generate(CAT)
        assert isinstance(await anext(events), ImageProgress)
        await events.aclose()
        await backend.has_stopped.wait()


@pytest.mark.parametrize("url", ["localhost:8034", "ftp://host", "http://u:p@host"])
def test_an_address_that_cannot_be_one_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="must be http"):
        image_jobs_server(url)
