"""Responses with an Idempotency-Key: asked for twice, made once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from limner.core.turn import TextDelta, TurnFailed, TurnRequest
from limner.server.application import Rules
from tests.scripted_images import HANG, ScriptedImages, done, preview
from tests.scripted_upstream import Script, ScriptedUpstream, draws, says
from tests.server.keeping import Kept, keeping

PATH = "/v1/responses"
TOOL: Any = {"type": "image_generation", "partial_images": 2}
DRAW: dict[str, Any] = {"model": "any", "input": "a circle", "tools": [TOOL]}
KEY = {"Idempotency-Key": "order 66"}
BUSY = TurnFailed("the model is busy", "rate_limit_exceeded", 429, True, 3.0)


async def post(kept: Kept, body: Any, headers: Any = KEY) -> httpx.Response:
    async with httpx.AsyncClient(base_url=kept.url, timeout=30) as client:
        return await client.post(PATH, json=body, headers=headers)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_repeat_gets_the_same_bytes_and_paints_nothing(
    tmp_path: Path, stream: bool
) -> None:
    images = ScriptedImages(preview(0), done())
    async with keeping(tmp_path, ScriptedUpstream(draws), images) as kept:
        first = await post(kept, {**DRAW, "stream": stream})
        again = await post(kept, {**DRAW, "stream": stream})
    assert first.status_code == 200
    assert first.content == again.content
    assert len(images.requests) == 1
    if stream:
        assert first.content.startswith(b"event: response.created\n")
        assert first.content.endswith(b"data: [DONE]\n\n")
        assert b"response.queued" not in first.content
    else:
        assert first.json()["status"] == "completed"


async def test_a_repeat_attaches_to_what_is_under_way(tmp_path: Path) -> None:
    images = ScriptedImages(preview(0), HANG, done())
    async with keeping(tmp_path, ScriptedUpstream(draws), images) as kept:
        first = asyncio.create_task(post(kept, {**DRAW, "stream": True}))
        await images.hangs()
        second = asyncio.create_task(post(kept, {**DRAW, "stream": True}))
        images.go()
        assert (await first).content == (await second).content
    assert len(images.requests) == 1


async def test_the_client_may_leave_and_ask_again(tmp_path: Path) -> None:
    images = ScriptedImages(preview(0), HANG, done())
    async with keeping(tmp_path, ScriptedUpstream(draws), images) as kept:
        stream = await kept.client.responses.create(**DRAW, stream=True, extra_headers=KEY)
        await anext(stream)
        await images.hangs()
        await stream.close()
        images.go()
        again = await kept.client.responses.create(**DRAW, stream=True, extra_headers=KEY)
        last = [event async for event in again][-1]
    assert last.type == "response.completed"
    assert len(images.requests) == 1


async def test_a_key_outlives_the_server(tmp_path: Path) -> None:
    images = ScriptedImages(preview(0), done())
    async with keeping(tmp_path, ScriptedUpstream(draws), images) as kept:
        first = await post(kept, DRAW)
    async with keeping(tmp_path, ScriptedUpstream([]), images) as kept:
        again = await post(kept, DRAW)
    assert first.content == again.content


async def test_a_key_with_another_request_is_refused(tmp_path: Path) -> None:
    async with keeping(tmp_path, ScriptedUpstream(says("Hello"))) as kept:
        await post(kept, {"model": "any", "input": "hi"})
        reply = await post(kept, {"model": "any", "input": "ho"})
        same = await post(kept, {"input": "hi", "model": "any"})
    assert (reply.status_code, reply.json()["error"]["code"]) == (422, "idempotency_key_reused")
    assert same.status_code == 200


async def test_keys_of_two_owners_are_two_keys(tmp_path: Path) -> None:
    rules = Rules(api_keys=frozenset({"ann", "bob"}))
    async with keeping(tmp_path, ScriptedUpstream(says("Hello")), rules=rules) as kept:
        replies = [
            await post(
                kept,
                {"model": "any", "input": name},
                {**KEY, "Authorization": f"Bearer {name}"},
            )
            for name in ("ann", "bob")
        ]
    assert [reply.status_code for reply in replies] == [200, 200]


@pytest.mark.parametrize("stream", [False, True])
async def test_a_failure_before_a_word_frees_the_key(tmp_path: Path, stream: bool) -> None:
    replies: Iterator[Script] = iter([[BUSY], says("Hello")])

    def script(request: TurnRequest) -> Script:
        return next(replies)

    body = {"model": "any", "input": "hi", "stream": stream}
    async with keeping(tmp_path, ScriptedUpstream(script)) as kept:
        busy = await post(kept, body)
        well = await post(kept, body)
    assert (busy.status_code, busy.headers["retry-after"]) == (429, "3")
    assert well.status_code == 200


async def test_a_failure_after_a_word_keeps_it(tmp_path: Path) -> None:
    upstream = ScriptedUpstream([TextDelta("Hel"), TurnFailed("gone")])
    async with keeping(tmp_path, upstream) as kept:
        first = await post(kept, {"model": "any", "input": "hi"})
        again = await post(kept, {"model": "any", "input": "hi"})
    assert first.json()["status"] == "failed"
    assert first.content == again.content


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb"])
async def test_what_is_no_key_is_refused(tmp_path: Path, key: str) -> None:
    async with keeping(tmp_path, ScriptedUpstream([])) as kept:
        reply = await post(kept, {"model": "any", "input": "hi"}, {"Idempotency-Key": key})
    assert reply.json()["error"]["code"] == "invalid_idempotency_key"


async def test_a_background_response_is_begun_once(tmp_path: Path) -> None:
    images = ScriptedImages(HANG, done())
    async with keeping(tmp_path, ScriptedUpstream(draws), images) as kept:
        body = {**DRAW, "background": True}
        first, again = [(await post(kept, body)).json() for _ in range(2)]
        await images.hangs()
        assert first["id"] == again["id"]
        assert first["status"] == "queued"
        images.go()
        await kept.background.readers.ended(first["id"])
        last = (await post(kept, body)).json()
    assert (last["id"], last["status"]) == (first["id"], "completed")
    assert len(images.requests) == 1


async def test_many_at_once_make_one(tmp_path: Path) -> None:
    images = ScriptedImages(preview(0), done())
    async with keeping(tmp_path, ScriptedUpstream(draws), images) as kept:
        replies = await asyncio.gather(*(post(kept, DRAW) for _ in range(10)))
    assert len({reply.content for reply in replies}) == 1
    assert len(images.requests) == 1


async def test_a_server_that_stops_says_that_the_response_goes_on(tmp_path: Path) -> None:
    images = ScriptedImages(preview(0), HANG, done())
    async with keeping(tmp_path, ScriptedUpstream(draws), images) as kept:
        stream = await kept.client.responses.create(**DRAW, stream=True, extra_headers=KEY)
        seen: list[Any] = [await anext(stream)]
        await images.hangs()
        kept.drain.end()
        seen += [event async for event in stream]
        with pytest.raises(openai.InternalServerError):
            await kept.client.responses.create(**DRAW, extra_headers={"Idempotency-Key": "other"})
    assert seen[-1].type == "error"
    assert seen[-1].sequence_number == seen[-2].sequence_number
    again = ScriptedImages(done())
    async with keeping(tmp_path, ScriptedUpstream(draws), again) as kept:
        stream = await kept.client.responses.create(**DRAW, stream=True, extra_headers=KEY)
        last = [event async for event in stream][-1]
    assert last.type == "response.completed"
