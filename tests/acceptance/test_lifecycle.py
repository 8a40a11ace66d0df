"""Clients that leave, come back, and look again."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import openai
import pytest

from tests.acceptance.rig import KIND, Rig
from tests.conformance.scenario import TOOL
from tests.conformance.scenarios import HERE, draws
from tests.e2e.processes import PATIENCE_S

PREVIEW = "response.image_generation_call.partial_image"
KEPT: Any = {"background": True, "stream": True, "tools": [TOOL]}


@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_that_leaves_stops_the_painter(rig: Rig, stream: bool) -> None:
    rig.play(KIND["chat"], (draws("a slow circle"), HERE))
    body = {"model": "chat", "input": "draw", "tools": [TOOL], "stream": stream}
    async with httpx.AsyncClient(base_url=rig.url) as client:
        leaving = asyncio.create_task(client.post("/responses", json=body))
        await asyncio.wait_for(rig.painter.has_begun.wait(), PATIENCE_S)
        leaving.cancel()
        await asyncio.wait([leaving])
    await asyncio.wait_for(rig.painter.has_left.wait(), PATIENCE_S)
    assert len(rig.models["chat"].requests) == 1


async def test_a_stream_is_taken_up_at_every_cut_byte_for_byte(rig: Rig) -> None:
    rig.play(KIND["chat"], (draws("a circle", "a square", action="generate"), HERE))
    async with rig.sdk() as client:
        stream = await client.responses.create(model="chat", input="draw", **KEPT)
        events = [event async for event in stream]
    id = events[0].response.id
    types = [event.type for event in events]
    assert types[:3] == ["response.created", "response.queued", "response.in_progress"]
    whole = await frames(rig, id)
    assert len(whole) == len(events) + 1
    for number in range(len(events)):
        assert await frames(rig, id, number) == whole[number + 1 :]


async def frames(rig: Rig, id: str, after: int | None = None) -> list[bytes]:
    """The frames of a stream that ends with `[DONE]`, comments left out."""
    query = {"stream": "true"} | ({} if after is None else {"starting_after": str(after)})
    async with httpx.AsyncClient(base_url=rig.url) as client:
        reply = await client.get(f"/responses/{id}", params=query)
    assert reply.status_code == 200, reply.text
    *found, rest = reply.content.split(b"\n\n")
    assert (found[-1], rest) == (b"data: [DONE]", b"")
    return [frame for frame in found if not frame.startswith(b":")]


async def test_the_helper_of_the_sdk_takes_up_a_stream_that_it_left(rig: Rig) -> None:
    rig.play(KIND["chat"], (draws("a circle"), HERE))
    async with rig.sdk() as client:
        stream = await client.responses.create(model="chat", input="draw", **KEPT)
        seen = []
        async for event in stream:
            seen.append(event)
            if event.type == PREVIEW:
                break
        await stream.close()
        id, last = seen[0].response.id, seen[-1].sequence_number
        async with client.responses.stream(response_id=id, starting_after=last) as again:
            rest = [event async for event in again]
            found = await again.get_final_response()
    assert [event.sequence_number for event in rest] == list(range(last + 1, last + 1 + len(rest)))
    assert [item.type for item in found.output] == ["image_generation_call", "message"]


async def test_a_response_in_the_background_is_cancelled_for_good(rig: Rig) -> None:
    rig.play(KIND["chat"], (draws("a slow circle"), HERE))
    async with rig.sdk() as client:
        stream = await client.responses.create(model="chat", input="draw", **KEPT)
        await asyncio.wait_for(rig.painter.has_begun.wait(), PATIENCE_S)
        async for event in stream:
            if event.type == "response.created":
                id = event.response.id
                break
        for _ in range(2):
            cancelled = await client.responses.cancel(id)
            assert cancelled.status == "cancelled"
        types = [event.type async for event in stream]
        assert types[-1] == "response.incomplete"
        assert (await client.responses.retrieve(id)).status == "cancelled"
    await asyncio.wait_for(rig.painter.has_left.wait(), PATIENCE_S)


async def test_what_lives_with_its_client_cannot_be_cancelled_nor_streamed_again(rig: Rig) -> None:
    async with rig.sdk() as client:
        response = await client.responses.create(model="intent", input="hello")
        with pytest.raises(openai.BadRequestError, match="synchronous"):
            await client.responses.cancel(response.id)
        with pytest.raises(openai.BadRequestError):
            await client.responses.retrieve(response.id, stream=True)
