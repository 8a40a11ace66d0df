"""A gpt-oss model calls the image tool unasked: what clients see, over real HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import openai
import orjson
import pytest

from limner.core.image_tool import GATE_MESSAGE, Denial
from limner.gateway.several import always
from limner.server.application import ServerParts, create
from limner.upstreams.harmony import HarmonyUpstream
from limner.upstreams.http import UpstreamHttp
from tests.scripted_completions import ScriptedCompletions, calls, says
from tests.serving import serving

ASK: dict[str, Any] = {"model": "gpt-oss", "input": "a red circle"}
PAINTS = calls("image_generation.generate", {"prompt": "a red circle"})


@asynccontextmanager
async def door(denial: Denial) -> AsyncIterator[str]:
    """A server over a model that paints, although nothing can, and then says so."""
    async with (
        ScriptedCompletions([PAINTS, says("I cannot.")]) as model,
        UpstreamHttp(model.url) as http,
    ):
        parts = ServerParts(always(HarmonyUpstream(http)), None, lambda: [], denial=denial)
        async with serving(create(parts)) as url:
            yield url


async def ask(url: str, *, stream: bool) -> tuple[int, bytes]:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{url}/v1/responses", json=ASK | {"stream": stream}) as reply,
    ):
        return reply.status, await reply.read()


def events_of(body: bytes) -> list[dict[str, Any]]:
    frames = body.decode().removesuffix("data: [DONE]\n\n").split("\n\n")[:-1]
    return [orjson.loads(frame.partition("\ndata: ")[2]) for frame in frames]


async def test_the_stream_ends_with_the_error_the_failure_and_done() -> None:
    async with door("error") as url:
        status, body = await ask(url, stream=True)
    events = events_of(body)
    assert status == 200
    assert [event["type"] for event in events] == [
        "response.created",
        "response.in_progress",
        "response.error",
        "response.failed",
    ]
    assert events[2] == {
        "type": "response.error",
        "sequence_number": 2,
        "response": {"id": events[0]["response"]["id"], "status": "failed"},
        "error": {
            "message": "Image generation tools are disabled. Start vLLM with a multimodal model or "
            "pass --image-service-config pointing to an external image API.",
            "type": "invalid_request_error",
            "param": None,
            "code": 400,
        },
    }
    assert events[3]["response"]["status"] == "failed"
    assert events[3]["response"]["error"] == {
        "code": "image_generation_disabled",
        "message": GATE_MESSAGE,
    }
    assert body.endswith(b"data: [DONE]\n\n")


async def test_the_official_client_raises_at_the_error() -> None:
    async with (
        door("error") as url,
        openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client,
    ):
        stream = await client.responses.create(model="gpt-oss", input="paint", stream=True)
        with pytest.raises(openai.APIError, match="Image generation tools are disabled") as raised:
            async for _ in stream:
                pass
    assert raised.value.code == "400"


async def test_without_a_stream_it_is_a_refusal() -> None:
    async with door("error") as url:
        status, body = await ask(url, stream=False)
    assert status == 400
    error = orjson.loads(body)["error"]
    assert (error["message"], error["code"]) == (GATE_MESSAGE, "image_generation_disabled")


async def test_the_response_may_go_on_instead() -> None:
    async with door("recover") as url:
        status, body = await ask(url, stream=False)
    assert status == 200
    response = orjson.loads(body)
    assert response["status"] == "completed"
    assert [item["type"] for item in response["output"]] == [
        "image_generation_call",
        "reasoning",
        "message",
    ]
    picture = response["output"][0]
    assert picture["status"] == "failed"
    assert picture["error"]["message"] == GATE_MESSAGE
