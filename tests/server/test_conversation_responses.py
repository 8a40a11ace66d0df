"""Responses that read a conversation and add to it, over HTTP and over a WebSocket."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openai
import pytest
from websockets.asyncio.client import connect

from limner.core.items import Message
from limner.core.turn import TurnRequest
from tests.scripted_images import ScriptedImages, done
from tests.scripted_upstream import ScriptedUpstream, draws
from tests.server.keeping import keeping
from tests.server.test_websocket import Line, address, scripts

TOOL: Any = {"type": "image_generation"}


def words(request: TurnRequest) -> list[str]:
    return [item.text for item in request.items if isinstance(item, Message)]


async def test_a_response_reads_a_conversation_and_adds_to_it(tmp_path: Path) -> None:
    upstream = ScriptedUpstream(scripts({}))
    async with keeping(tmp_path, upstream) as kept:
        client = kept.client
        made = await client.conversations.create(items=[{"role": "user", "content": "first"}])
        second = await client.responses.create(model="any", input="second", conversation=made.id)
        assert second.conversation is not None
        assert second.conversation.id == made.id
        await client.responses.create(model="any", input="third", conversation={"id": made.id})
        items = [item async for item in client.conversations.items.list(made.id, order="asc")]
    assert words(upstream.requests[0]) == ["first", "second"]
    assert words(upstream.requests[1]) == ["first", "second", "second", "third"]
    assert [item.role for item in items if item.type == "message"] == [
        *("user", "user", "assistant", "user", "assistant")
    ]


async def test_a_picture_of_a_conversation_is_there_for_the_next_turn(tmp_path: Path) -> None:
    upstream = ScriptedUpstream(draws)
    async with keeping(tmp_path, upstream, ScriptedImages(done())) as kept:
        client = kept.client
        made = await client.conversations.create()
        first = await client.responses.create(
            model="any", input="a fox", conversation=made.id, tools=[TOOL]
        )
        item = await client.conversations.items.retrieve(
            first.output[0].id or "", conversation_id=made.id
        )
        assert item.type == "image_generation_call"
        assert item.result == first.output[0].result  # type: ignore[union-attr]
        await client.responses.create(model="any", input="thanks", conversation=made.id)
        gone = await client.conversations.delete(made.id)
        assert gone.deleted
        with pytest.raises(openai.NotFoundError) as refusal:
            await client.responses.create(model="any", input="hello?", conversation=made.id)
    assert refusal.value.param == "conversation"


async def test_a_response_that_is_not_stored_adds_nothing_and_says_so(tmp_path: Path) -> None:
    async with keeping(tmp_path, ScriptedUpstream(scripts({}))) as kept:
        made = await kept.client.conversations.create()
        response = await kept.client.responses.create(
            model="any", input="psst", conversation=made.id, store=False
        )
        assert response.model_extra is not None
        (said,) = response.model_extra["limner"]["adjustments"]
        assert said.startswith("conversation: nothing is added")
        listed = await kept.client.conversations.items.list(made.id)
        assert listed.data == []


async def test_a_websocket_goes_on_from_what_is_stored(tmp_path: Path) -> None:
    upstream = ScriptedUpstream(scripts({}))
    async with keeping(tmp_path, upstream) as kept, connect(address(kept.url)) as made:
        client = Line(made)
        stored = await kept.client.responses.create(model="any", input="over HTTP")
        await client.ask("stored", previous_response_id=stored.id)
        first = await client.end()
        await client.ask("remembered", previous_response_id=first["id"], store=False)
        second = await client.end()
        await client.ask("stored again", previous_response_id=second["id"])
        third = await client.end()
        await client.ask("on", previous_response_id=third["id"])
        await client.end()
        found = await kept.client.responses.retrieve(first["id"])
        assert found.output_text == "stored"
        with pytest.raises(openai.NotFoundError):
            await kept.client.responses.retrieve(second["id"])
        assert third["status"] == "completed"
    assert words(upstream.requests[-1])[::2] == [
        *("over HTTP", "stored", "remembered", "stored again", "on")
    ]


async def test_a_prepared_request_is_stored_like_any_response(tmp_path: Path) -> None:
    upstream = ScriptedUpstream(scripts({}))
    async with keeping(tmp_path, upstream) as kept, connect(address(kept.url)) as made:
        client = Line(made)
        await client.ask("prepared", generate=False)
        prepared = await client.end()
        await client.ask("go", previous_response_id=prepared["id"])
        await client.end()
        found = await kept.client.responses.retrieve(prepared["id"])
        assert found.output == []
    assert words(upstream.requests[0]) == ["prepared", "go"]
