"""The Images API over scripted back ends, asked by the official SDK and by bare sockets."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import openai
import pytest
from openai.types import ImageGenCompletedEvent, ImageGenPartialImageEvent

from limner.core.image import ImageFailed, ImageRequest, Size
from limner.core.ports import ImageBackend
from limner.server.application import Rules, enclose
from limner.server.images_api import images_routes
from limner.wire.pictures import to_base64
from tests.pictures import picture
from tests.scripted_images import HANG, BrokenError, ScriptedImages, Step, done, preview, progress
from tests.serving import connection, post, serving

PATH = "/v1/images/generations"
FULL = ImageFailed("full", "queue_full", retryable=True, status=503, retry_after_s=1.5)
BLOCKED = ImageFailed(
    "no", "moderation_blocked", "image_generation_user_error", status=400, param="prompt"
)


@asynccontextmanager
async def door(backend: ImageBackend | None, heartbeat_s: float = 15) -> AsyncIterator[str]:
    routes = images_routes(backend, heartbeat_s=heartbeat_s)
    async with serving(enclose(routes, rules=Rules())) as url:
        yield url


@asynccontextmanager
async def sdk(backend: ImageBackend | None) -> AsyncIterator[openai.AsyncOpenAI]:
    async with (
        door(backend) as url,
        openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client,
    ):
        yield client


async def lines(url: str, body: dict[str, Any]) -> tuple[int, list[str]]:
    """The status, and the names of the events of a stream with its comments."""
    async with aiohttp.ClientSession() as session, session.post(url + PATH, json=body) as reply:
        text = await reply.text()
        return reply.status, [
            line for line in text.splitlines() if line.startswith(("event: ", ": "))
        ]


async def test_the_sdk_gets_a_picture() -> None:
    backend = ScriptedImages(progress(3), done())
    async with sdk(backend) as client:
        reply = await client.images.generate(
            prompt="a cat", model="tiny", size="256x256", extra_body={"seed": 7}
        )
    assert backend.requests == [ImageRequest("a cat", model="tiny", size=Size(256, 256), seed=7)]
    assert reply.data is not None
    assert reply.data[0].b64_json == to_base64(picture())
    assert (reply.size, reply.usage and reply.usage.output_tokens) == ("8x8", 64)
    assert reply.to_dict()["limner"] == {
        "model": "tiny",
        "seed": 7,
        "steps": 8,
        "adjustments": ["rounded"],
    }


async def test_the_sdk_gets_previews_and_a_picture() -> None:
    backend = ScriptedImages(progress(3), preview(0), progress(6), preview(1), done())
    async with sdk(backend) as client:
        stream = await client.images.generate(prompt="a cat", stream=True, partial_images=2)
        events = [event async for event in stream]
    assert backend.requests[0].partial_images == 2
    assert [type(event) for event in events] == [
        ImageGenPartialImageEvent,
        ImageGenPartialImageEvent,
        ImageGenCompletedEvent,
    ]
    assert [event.b64_json for event in events] == [to_base64(picture())] * 3


async def test_several_pictures_come_in_their_order() -> None:
    async with sdk(ScriptedImages(done(1, is_last=False), done(0))) as client:
        reply = await client.images.generate(prompt="a cat", n=2)
        assert reply.data is not None
        assert len(reply.data) == 2
        stream = await client.images.generate(prompt="a cat", n=2, stream=True)
        extras = [event.to_dict()["limner"] async for event in stream]
    assert [extra["picture"] for extra in extras if isinstance(extra, dict)] == [1, 0]


async def test_progress_is_told_to_those_who_ask() -> None:
    backend = ScriptedImages(progress(0, queue_position=1), progress(3), done())
    async with door(backend) as url:
        body = {"prompt": "a cat", "stream": True}
        assert await lines(url, body) == (200, ["event: image_generation.completed"])
        assert await lines(url, body | {"progress": True}) == (
            200,
            ["event: image_generation.progress"] * 2 + ["event: image_generation.completed"],
        )


@pytest.mark.parametrize("stream", [True, False])
async def test_a_failure_before_anything_is_an_http_error(stream: bool) -> None:
    async with sdk(ScriptedImages(progress(0), FULL)) as client:
        with pytest.raises(openai.InternalServerError) as caught:
            await client.images.generate(prompt="a cat", stream=stream)
    assert (caught.value.status_code, caught.value.code) == (503, "queue_full")
    assert caught.value.response.headers["Retry-After"] == "2"
    assert "x-should-retry" not in caught.value.response.headers


async def test_a_prompt_that_is_refused_is_the_clients_fault() -> None:
    async with sdk(ScriptedImages(BLOCKED)) as client:
        with pytest.raises(openai.BadRequestError) as caught:
            await client.images.generate(prompt="a cat")
    assert (caught.value.code, caught.value.param) == ("moderation_blocked", "prompt")
    assert caught.value.response.headers["x-should-retry"] == "false"


@pytest.mark.parametrize("end", [(FULL,), (), (BrokenError,)])
async def test_a_failure_after_a_preview_ends_the_stream(end: tuple[Step, ...]) -> None:
    async with sdk(ScriptedImages(preview(), *end)) as client:
        stream = await client.images.generate(prompt="a cat", stream=True, partial_images=1)
        assert isinstance(await anext(stream), ImageGenPartialImageEvent)
        with pytest.raises(openai.APIError) as caught:
            await anext(stream)
        assert caught.value.code == ("queue_full" if end == (FULL,) else "server_error")


@pytest.mark.parametrize("script", [(), (BrokenError,), (done(),)])
async def test_a_whole_reply_is_whole_or_an_error(script: tuple[Step, ...]) -> None:
    async with sdk(ScriptedImages(*script)) as client:
        with pytest.raises(openai.InternalServerError):
            await client.images.generate(prompt="a cat", n=2)


@pytest.mark.parametrize("stream", [True, False])
async def test_a_wrong_request_is_refused_before_the_back_end_hears_of_it(stream: bool) -> None:
    backend = ScriptedImages(done())
    async with sdk(backend) as client:
        with pytest.raises(openai.BadRequestError) as caught:
            await client.images.generate(prompt="", stream=stream)
    assert caught.value.param == "prompt"
    assert backend.requests == []


@pytest.mark.parametrize(("shares_by_user", "client"), [(False, ""), (True, " ann")])
async def test_users_share_a_door_where_it_is_made_for_a_server(
    shares_by_user: bool, client: str
) -> None:
    backend = ScriptedImages(done())
    routes = images_routes(backend, shares_by_user=shares_by_user)
    async with serving(enclose(routes, rules=Rules())) as url:
        asked = {"prompt": "a cat", "user": "ann", "service_tier": "flex"}
        assert (await lines(url, asked))[0] == 200
    assert backend.requests == [ImageRequest("a cat", client=client, priority="background")]


async def test_without_a_back_end_it_says_so() -> None:
    async with sdk(None) as client:
        with pytest.raises(openai.BadRequestError) as caught:
            await client.images.generate(prompt="a cat")
    assert caught.value.code == "image_generation_disabled"


async def test_a_long_body_is_refused() -> None:
    async with door(ScriptedImages(done())) as url, connection(url) as (reader, writer):
        writer.write(post(PATH, {"prompt": "x" * 2**20}))
        assert b" 413 " in await reader.readline()


async def test_the_longest_prompt_fits_however_it_is_escaped() -> None:
    async with sdk(ScriptedImages(done())) as client:
        assert await client.images.generate(prompt="\x01" * 32_000)


async def test_silence_is_broken_by_comments() -> None:
    backend = ScriptedImages(HANG, done())
    async with (
        door(backend, heartbeat_s=0.01) as url,
        aiohttp.ClientSession() as session,
        session.post(url + PATH, json={"prompt": "a cat", "stream": True}) as reply,
    ):
        assert await reply.content.readline() == b": keepalive\n"
        backend.go()
        assert b"event: image_generation.completed" in await reply.read()


@pytest.mark.parametrize("stream", [True, False])
async def test_a_client_that_leaves_stops_the_back_end(stream: bool) -> None:
    backend = ScriptedImages(preview(), HANG)
    async with door(backend) as url, connection(url) as (_, writer):
        writer.write(post(PATH, {"prompt": "a cat", "stream": stream, "partial_images": 1}))
        await backend.hangs()
        writer.transport.abort()
        await backend.has_stopped.wait()
    assert backend.running == 0


async def test_the_log_has_a_line_for_a_call_and_not_its_prompt(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "limner")
    async with sdk(ScriptedImages(done())) as client:
        await client.images.generate(prompt="a secret cat")
    [record] = [r for r in caplog.records if getattr(r, "action", "") == "image_call"]
    assert (record.__dict__["outcome"], record.__dict__["pictures"]) == ("completed", 1)
    assert "secret" not in str([r.__dict__ for r in caplog.records])
