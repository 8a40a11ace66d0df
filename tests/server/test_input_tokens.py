"""Counting the tokens of an input, asked by the official SDK."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import openai
import pytest

from limner.core.image import ImageData
from limner.core.turn import TurnRequest
from limner.gateway.several import always
from limner.server.application import Rules, ServerParts, create, enclose
from limner.server.input_tokens import input_tokens_routes
from limner.wire.known import Known, References
from tests.scripted_images import ScriptedImages, done
from tests.scripted_upstream import ScriptedUpstream, says
from tests.serving import serving

TOOL: Any = {"type": "image_generation"}


class Counting(ScriptedUpstream):
    async def count(self, request: TurnRequest) -> int | None:
        self.requests.append(request)
        return 42


@asynccontextmanager
async def sdk(
    upstream: ScriptedUpstream, images: ScriptedImages | None = None
) -> AsyncIterator[openai.AsyncOpenAI]:
    parts = ServerParts(always(upstream), images, models=lambda: [])
    async with (
        serving(create(parts)) as url,
        openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client,
    ):
        yield client


async def test_an_estimate_says_that_it_is_one() -> None:
    upstream = ScriptedUpstream(says("never"))
    async with sdk(upstream) as client:
        count = await client.responses.input_tokens.count(model="m", input="hello there")
    assert (count.object, count.input_tokens) == ("response.input_tokens", 4 + 3)
    assert count.model_extra == {"limner": {"estimated": True}}
    assert upstream.requests == []


async def test_the_image_tool_costs_what_the_model_reads_of_it() -> None:
    async with sdk(ScriptedUpstream(says("never")), ScriptedImages(done())) as client:
        bare = await client.responses.input_tokens.count(model="m", input="hi")
        with_tool = await client.responses.input_tokens.count(model="m", input="hi", tools=[TOOL])
    assert 40 < with_tool.input_tokens - bare.input_tokens < 250


async def test_a_model_server_that_counts_is_believed() -> None:
    upstream = Counting(says("never"))
    async with sdk(upstream, ScriptedImages(done())) as client:
        count = await client.responses.input_tokens.count(model="m", input="hi", tools=[TOOL])
    assert count.input_tokens == 42
    assert not count.model_extra
    assert [tool.name for tool in upstream.requests[0].tools] == ["image_generation"]


async def test_no_model_need_be_named() -> None:
    upstream = Counting(says("never"))
    tools: Any = [{"type": "web_search"}]
    async with sdk(upstream) as client:
        count = await client.responses.input_tokens.count(input="hi", tools=tools)
    assert count.input_tokens == 4 + 1 + 4 + 6
    assert upstream.requests == []


async def test_what_the_model_is_not_shown_costs_nothing_and_is_told() -> None:
    tools: Any = [{"type": "web_search"}]
    async with sdk(ScriptedUpstream(says("never"))) as client:
        count = await client.responses.input_tokens.count(model="m", input="hi", tools=tools)
    assert count.input_tokens == 4 + 1
    assert count.model_extra is not None
    assert "left out" in count.model_extra["limner"]["adjustments"][0]


async def test_a_request_that_could_not_be_served_is_not_counted() -> None:
    unknown: Any = [{"type": "nothing"}]
    async with sdk(ScriptedUpstream(says("never"))) as client:
        with pytest.raises(openai.BadRequestError) as caught:
            await client.responses.input_tokens.count(model="m", input=unknown)
    assert caught.value.param == "input[0].type"


async def test_what_is_only_named_is_looked_up_for_its_owner() -> None:
    asked: list[tuple[str, References]] = []

    async def look_up(owner: str, names: References) -> Known:
        asked.append((owner, names))
        return Known(files={"file_1": ImageData(b"", "png")})

    routes = input_tokens_routes(always(ScriptedUpstream(says("never"))), None, look_up=look_up)
    image: Any = {"type": "input_image", "file_id": "file_1", "detail": "low"}
    async with (
        serving(enclose(routes, rules=Rules())) as url,
        openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client,
    ):
        count = await client.responses.input_tokens.count(
            model="m", input=[{"role": "user", "content": [image]}]
        )
    assert count.input_tokens == 4 + 85
    assert [names.files for _, names in asked] == [frozenset({"file_1"})]
