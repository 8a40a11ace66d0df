"""The Responses API over scripted parts, asked by the official SDK and by bare sockets."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import openai
import pytest
from openai.types.responses import ResponseCompletedEvent, ResponseTextDeltaEvent

from limner.core.image import ImageFailed
from limner.core.ports import ImageBackend, Upstream
from limner.core.turn import TextDelta, TurnFailed
from limner.gateway.several import always
from limner.server.application import ServerParts, create
from limner.wire.pictures import to_base64
from tests.pictures import picture
from tests.scripted_images import HANG, ScriptedImages, done, preview, progress
from tests.scripted_upstream import ScriptedUpstream, draws, says
from tests.serving import connection, post, rest, serving

PATH = "/v1/responses"
TOOL: Any = {"type": "image_generation", "partial_images": 2}
ASK: dict[str, Any] = {"model": "any", "input": "a red circle", "tools": [TOOL]}
BUSY = TurnFailed("the model is busy", "rate_limit_exceeded", 429, True, 3.0)


@asynccontextmanager
async def door(
    upstream: Upstream, images: ImageBackend | None = None, heartbeat_s: float = 15
) -> AsyncIterator[str]:
    parts = ServerParts(always(upstream), images, models=lambda: [], heartbeat_s=heartbeat_s)
    async with serving(create(parts)) as url:
        yield url


@asynccontextmanager
async def sdk(
    upstream: Upstream, images: ImageBackend | None = None
) -> AsyncIterator[openai.AsyncOpenAI]:
    async with (
        door(upstream, images) as url,
        openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client,
    ):
        yield client


def painter() -> ScriptedImages:
    return ScriptedImages(progress(3), preview(0), progress(6), preview(1), done())


async def test_the_sdk_gets_words() -> None:
    async with sdk(ScriptedUpstream(says("Hello", " there"))) as client:
        response = await client.responses.create(model="any", input="hi")
    assert (response.status, response.output_text) == ("completed", "Hello there")
    assert response.usage is not None
    assert response.usage.total_tokens == 12
    assert response._request_id is not None
    assert response._request_id.startswith("req_")


async def test_the_sdk_gets_words_as_they_are_written() -> None:
    async with sdk(ScriptedUpstream(says("Hello", " there"))) as client:
        stream = await client.responses.create(model="any", input="hi", stream=True)
        events = [event async for event in stream]
    deltas = [event.delta for event in events if isinstance(event, ResponseTextDeltaEvent)]
    assert deltas == ["Hello", " there"]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert isinstance(events[-1], ResponseCompletedEvent)


async def test_the_sdk_gets_a_picture() -> None:
    images = painter()
    async with sdk(ScriptedUpstream(draws), images) as client:
        response = await client.responses.create(model="any", input="a red circle", tools=[TOOL])
    call, message = response.output
    assert call.type == "image_generation_call"
    assert (call.status, call.result) == ("completed", to_base64(picture()))
    assert (message.type, response.output_text) == ("message", "Here it is.")
    assert [request.prompt for request in images.requests] == ["a red circle"]
    assert images.requests[0].partial_images == 0


async def test_the_helper_of_the_sdk_gets_previews_and_the_final_response() -> None:
    async with sdk(ScriptedUpstream(draws), painter()) as client:
        async with client.responses.stream(
            model="any", input="a red circle", tools=[TOOL]
        ) as stream:
            types = [event.type async for event in stream]
        response = await stream.get_final_response()
    assert types.count("response.image_generation_call.partial_image") == 2
    assert response.output[0].type == "image_generation_call"
    assert response.output[0].result == to_base64(picture())


async def test_twenty_clients_at_once_each_get_their_own() -> None:
    async with sdk(ScriptedUpstream(draws), painter()) as client:

        async def ask(number: int) -> tuple[str | None, str]:
            async with client.responses.stream(
                model="any", input=f"circle {number}", tools=[TOOL]
            ) as stream:
                response = await stream.get_final_response()
            call = response.output[0]
            assert call.type == "image_generation_call"
            assert call.result is not None
            return getattr(call, "revised_prompt", None), response.id

        answers = await asyncio.gather(*(ask(number) for number in range(20)))
    assert [prompt for prompt, _ in answers] == [f"circle {number}" for number in range(20)]
    assert len({id for _, id in answers}) == 20


@pytest.mark.parametrize("stream", [False, True])
async def test_a_model_that_refuses_before_a_word_is_an_http_error(stream: bool) -> None:
    async with sdk(ScriptedUpstream([BUSY])) as client:
        with pytest.raises(openai.RateLimitError) as caught:
            await client.responses.create(model="any", input="hi", stream=stream)
    error = caught.value
    assert error.code == "rate_limit_exceeded"
    assert error.response.headers["retry-after"] == "3"
    assert "x-should-retry" not in error.response.headers


@pytest.mark.parametrize("stream", [False, True])
async def test_a_failure_for_good_tells_clients_not_to_repeat_it(stream: bool) -> None:
    broken = TurnFailed("no such model", "model_error", 502)
    async with sdk(ScriptedUpstream([broken])) as client:
        with pytest.raises(openai.InternalServerError) as caught:
            await client.responses.create(model="any", input="hi", stream=stream)
    assert caught.value.response.headers["x-should-retry"] == "false"


async def test_a_model_that_fails_after_a_heartbeat_ends_the_stream_as_failed() -> None:
    go = asyncio.Event()
    body = {"model": "any", "input": "hi", "stream": True}
    async with (
        door(ScriptedUpstream([go, BUSY]), heartbeat_s=0.02) as url,
        connection(url) as (reader, writer),
    ):
        writer.write(post(PATH, body, "Connection: close"))
        await reader.readuntil(b": keepalive\n\n")
        go.set()
        last = await rest(reader)
    names = [line for line in last.splitlines() if line.startswith(b"event: ")]
    assert names == [
        b"event: response.created",
        b"event: response.in_progress",
        b"event: response.failed",
    ]
    assert b'"sequence_number":2' in last
    assert b'"code":"rate_limit_exceeded","message":"the model is busy"' in last


async def test_a_model_that_fails_after_words_keeps_them_in_a_failed_response() -> None:
    async with sdk(ScriptedUpstream([TextDelta("Hel"), BUSY])) as client:
        whole = await client.responses.create(model="any", input="hi")
        stream = await client.responses.create(model="any", input="hi", stream=True)
        events = [event async for event in stream]
    assert whole.status == "failed"
    assert whole.error is not None
    assert whole.error.message == "the model is busy"
    assert whole.output_text == "Hel"
    assert events[-1].type == "response.failed"


async def test_a_bug_in_the_model_server_ends_the_stream_as_failed() -> None:
    async with sdk(ScriptedUpstream([TextDelta("Hel"), KeyError])) as client:
        stream = await client.responses.create(model="any", input="hi", stream=True)
        events = [event async for event in stream]
    assert events[-1].type == "response.failed"


async def test_a_picture_that_fails_is_told_to_the_model() -> None:
    images = ScriptedImages(ImageFailed("out of paint", "server_error", retryable=True))
    upstream = ScriptedUpstream(draws)
    async with sdk(upstream, images) as client:
        response = await client.responses.create(model="any", input="a cat", tools=[TOOL])
    assert response.status == "completed"
    assert response.output[0].type == "image_generation_call"
    assert response.output[0].status == "failed"
    assert "out of paint" in str(upstream.requests[1].items)


@pytest.mark.parametrize("stream", [False, True])
async def test_without_a_painter_the_tool_is_refused_before_the_model_is_asked(
    stream: bool,
) -> None:
    upstream = ScriptedUpstream(draws)
    async with sdk(upstream) as client:
        with pytest.raises(openai.BadRequestError) as caught:
            await client.responses.create(model="any", input="hi", tools=[TOOL], stream=stream)
    assert caught.value.code == "image_generation_disabled"
    assert caught.value.param == "tools[0]"
    assert "--image-service-config" in caught.value.message
    assert upstream.requests == []


@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_that_leaves_stops_the_model(stream: bool) -> None:
    upstream = ScriptedUpstream([asyncio.Event()])
    body = {"model": "any", "input": "hi", "stream": stream}
    async with door(upstream) as url, asyncio.timeout(30):
        async with connection(url) as (_, writer):
            writer.write(post(PATH, body))
            await upstream.has_begun.wait()
        await upstream.has_stopped.wait()


@pytest.mark.parametrize("stream", [False, True])
async def test_clients_that_leave_stop_their_pictures(stream: bool) -> None:
    images = ScriptedImages(progress(1), HANG)
    async with door(ScriptedUpstream(draws), images) as url, asyncio.timeout(30):
        async with connection(url) as (_, writer), connection(url) as (_, other):
            for client in (writer, other):
                client.write(post(PATH, {**ASK, "stream": stream}))
            for _ in range(2):
                await images.hangs()
        while images.running:
            images.has_stopped.clear()
            await images.has_stopped.wait()
    assert images.running == 0


async def test_progress_and_silence_are_comments() -> None:
    images = ScriptedImages(progress(1), HANG, done())
    async with (
        door(ScriptedUpstream(draws), images, heartbeat_s=0.02) as url,
        connection(url) as (reader, writer),
    ):
        writer.write(post(PATH, {**ASK, "stream": True}, "Connection: close"))
        seen = await reader.readuntil(b": keepalive\n\n")
        images.go()
        await rest(reader)
    assert b'\n: progress {"item_id":"ig_' in seen


async def test_one_line_is_logged_for_each_response(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "limner")
    async with door(ScriptedUpstream(draws), painter()) as url, aiohttp.ClientSession() as session:
        headers = {"X-Request-Id": "mine-1"}
        async with session.post(url + PATH, json=ASK, headers=headers) as reply:
            assert reply.headers["x-request-id"] == "mine-1"
            body = await reply.json()
    [record] = [record for record in caplog.records if record.message == "response ended"]
    facts = vars(record)
    assert facts["response_id"] == body["id"]
    assert facts["request_id"] == "mine-1"
    assert (facts["status"], facts["pictures"], facts["stream"]) == ("completed", 1, False)
    assert "red circle" not in caplog.text


async def test_an_invalid_request_is_refused_in_the_envelope() -> None:
    tool: Any = {**TOOL, "partial_images": 9}
    async with sdk(ScriptedUpstream(says("hi"))) as client:
        with pytest.raises(openai.BadRequestError) as caught:
            await client.responses.create(model="any", input="hi", tools=[tool])
    assert caught.value.param == "tools[0].partial_images"


async def test_contexts_are_not_compacted_and_it_says_so() -> None:
    async with sdk(ScriptedUpstream(says("hi"))) as client:
        with pytest.raises(openai.BadRequestError, match="send the items themselves") as caught:
            await client.responses.compact(model="any", input="hi")
    assert caught.value.code == "not_supported"
