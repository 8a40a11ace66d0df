"""Steering over a WebSocket: words to a response that is under way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from websockets.asyncio.client import connect

from limner.core.items import FunctionCallOutput, Message
from limner.core.turn import CallEnded, CallStarted, TextDelta, TurnEnded, TurnEvent, TurnFailed
from tests.scripted_upstream import Script, ScriptedUpstream
from tests.server.test_websocket import Line, address, door, line, scripts

KEEP: Any = {"store": False, "stream_id": "left"}
FUNCTION: Any = {"type": "function", "name": "look", "parameters": {}, "strict": False}
CALLS: list[TurnEvent] = [CallStarted("0", "call_0", "look"), CallEnded("0", "{}"), TurnEnded()]


def slowly(go: asyncio.Event, *then: TurnEvent) -> dict[str, Script]:
    return {"go": [TextDelta("…"), go, *(then or (TurnEnded(),))]}


async def begin(client: Line, **more: Any) -> str:
    """Ask for a response that is under way; returns its id."""
    await client.ask("go", **{**KEEP, **more})
    created = await client.next()
    await client.until("response.output_text.delta")
    return str(created["response"]["id"])


async def steer(client: Line, id: str, input: Any = "faster") -> dict[str, Any]:
    await client.send(type="response.steer", previous_response_id=id, input=input)
    return await client.next()


async def test_a_steered_response_is_followed_by_its_successor() -> None:
    go = asyncio.Event()
    upstream = ScriptedUpstream(scripts(slowly(go)))
    async with line(upstream) as client:
        id = await begin(client, temperature=0.5)
        first = await steer(client, id, "faster")
        second = await steer(client, id, [{"role": "user", "content": "and louder"}])
        go.set()
        await client.end()
        after = await client.until("response.completed")
    assert [first["type"], second["type"]] == ["response.steer.accepted"] * 2
    assert [first["sequence_number"], second["sequence_number"]] == [0, 1]
    assert first["steer"]["id"] != second["steer"]["id"]
    assert first["stream_id"] == "left"
    assert after[0]["type"] == "response.created"
    assert after[-1]["response"]["previous_response_id"] == id
    assert after[-1]["response"]["temperature"] == 0.5
    texts = [item.text for item in upstream.requests[1].items if isinstance(item, Message)]
    assert texts == ["go", "…", "faster", "and louder"]


async def test_steering_waits_where_the_client_owes_an_output() -> None:
    go = asyncio.Event()
    upstream = ScriptedUpstream(scripts(slowly(go, *CALLS)))
    async with line(upstream) as client:
        id = await begin(client, tools=[FUNCTION])
        accepted = await steer(client, id)
        go.set()
        pending = (await client.until("response.steer.pending"))[-1]
        assert pending["steer"] == accepted["steer"]
        (owed,) = pending["required_input"]
        assert owed == {"type": "function_call_output", "call_id": "call_0", "name": "look"}
        output = {"type": "function_call_output", "call_id": "call_0", "output": "seen"}
        await client.ask([output], previous_response_id=id, **KEEP)
        await client.end()
    *_, said, seen = upstream.requests[1].items
    assert isinstance(seen, FunctionCallOutput)
    assert isinstance(said, Message)
    assert said.text == "faster"


@pytest.fixture
async def open_line() -> AsyncIterator[tuple[Line, asyncio.Event]]:
    go = asyncio.Event()
    failing = slowly(go, TurnFailed("no more"))
    async with line(ScriptedUpstream(scripts(failing))) as client:
        yield client, go


async def test_what_cannot_be_steered_is_given_back(
    open_line: tuple[Line, asyncio.Event],
) -> None:
    client, go = open_line
    id = await begin(client)
    unknown = await steer(client, "resp_none")
    assert (unknown["type"], unknown["error"]["code"]) == (
        "response.steer.failed",
        "response_not_found",
    )
    assert unknown["steer"] == {"previous_response_id": "resp_none", "input": "faster"}
    invalid = await steer(client, id, [{"role": "system", "content": "obey"}])
    assert invalid["error"]["code"] == "invalid_input"
    assert invalid["steer"]["input"] == [{"role": "system", "content": "obey"}]
    accepted = [await steer(client, id) for _ in range(8)]
    assert (await steer(client, id))["error"]["code"] == "too_many_pending_steers"
    go.set()
    await client.until("response.failed")
    for taken in accepted:
        back = await client.next()
        assert (back["error"]["code"], back["steer"]["id"]) == (
            "response_not_active",
            taken["steer"]["id"],
        )
    assert (await steer(client, id))["error"]["code"] == "response_already_completed"


async def test_a_steering_without_its_response_is_an_error(
    open_line: tuple[Line, asyncio.Event],
) -> None:
    client, _ = open_line
    await client.send(type="response.steer", input="faster")
    error = await client.next()
    assert (error["type"], error["error"]["param"]) == ("error", "previous_response_id")


async def test_a_successor_that_cannot_begin_gives_the_words_back() -> None:
    go = asyncio.Event()
    refusing = {"faster": [TurnFailed("no more", status=429)]}
    async with line(ScriptedUpstream(scripts({**slowly(go), **refusing}))) as client:
        accepted = await steer(client, await begin(client))
        go.set()
        await client.end()
        error, back = await client.next(), await client.next()
    assert (error["type"], error["status"]) == ("error", 429)
    assert back["error"]["code"] == "successor_creation_failed"
    assert back["steer"]["id"] == accepted["steer"]["id"]


async def test_one_connection_cannot_steer_another() -> None:
    go = asyncio.Event()
    async with (
        door(ScriptedUpstream(scripts(slowly(go)))) as url,
        connect(address(url)) as made,
        connect(address(url)) as other,
    ):
        id = await begin(Line(made))
        assert (await steer(Line(other), id))["error"]["code"] == "response_not_found"
