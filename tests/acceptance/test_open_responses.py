"""The cases of the Open Responses compliance tester on text paths, over every kind of upstream.

As there, all of them are asked at once. A case says what it asks and what must come; that each
reply keeps the schemas is checked for all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import orjson
import pytest
from websockets.asyncio.client import connect

from limner.wire.pictures import to_base64
from tests.acceptance.open_responses import Seen, faults, read_stream
from tests.acceptance.rig import KIND, Rig
from tests.conformance.dialects import KINDS, Calls, Kind, Says
from tests.pictures import picture
from tests.scripted_chat import Reply

Json = dict[str, Any]
Check = Callable[[Json, list[Json]], bool]
"""Of the response, and the events that it came with."""

WEATHER = "What's the weather like in San Francisco?"
TOOL: Json = {
    "type": "function",
    "name": "get_weather",
    "description": "Get the current weather for a location",
    "parameters": {"type": "object", "properties": {"location": {"type": "string"}}},
}
HEART = f"data:image/png;base64,{to_base64(picture(32, 32))}"

SERVERS = [kind for kind in KINDS if kind.server]


def says(role: str, content: Any, **more: Any) -> Json:
    return {"type": "message", "role": role, "content": content, **more}


def is_completed(response: Json, events: list[Json]) -> bool:
    return bool(response["output"]) and response["status"] == "completed"


def calls(response: Json, events: list[Json]) -> bool:
    return any(item["type"] == "function_call" for item in response["output"])


def shows_its_call(response: Json, events: list[Json]) -> bool:
    of_calls = {
        event["type"]
        for event in events
        if event.get("item", {"type": "function_call"})["type"] == "function_call"
    }
    wanted = {"output_item.added", "output_item.done"}
    wanted |= {"function_call_arguments.delta", "function_call_arguments.done"}
    return {f"response.{name}" for name in wanted} <= of_calls


@dataclass(frozen=True, slots=True)
class Case:
    """then: what is asked next, with the id of the response before; it is checked in its place."""

    asked: Json
    check: Check = is_completed
    stream: bool = False
    then: Json | None = None


CASES = {
    "basic-response": Case({"input": [says("user", "Say hello in exactly 3 words.")]}),
    "assistant-phase": Case(
        {
            "input": [
                says("assistant", "I should answer with the saved number.", phase="commentary"),
                says("assistant", "The number is four.", phase="final_answer"),
                says("user", "Repeat only the number."),
            ]
        }
    ),
    "streaming-response": Case({"input": [says("user", "Count from 1 to 5.")]}, stream=True),
    "system-prompt": Case(
        {"input": [says("system", "You are a pirate."), says("user", "Say hello.")]}
    ),
    "tool-calling": Case({"input": [says("user", WEATHER)], "tools": [TOOL]}, calls),
    "tool-calling-streaming": Case(
        {"input": [says("user", WEATHER)], "tools": [TOOL]}, shows_its_call, stream=True
    ),
    "function-call-roundtrip": Case(
        {
            "input": [says("user", WEATHER)],
            "tools": [TOOL],
            "tool_choice": {"type": "function", "name": "get_weather"},
        },
        then={"tools": [TOOL], "input": [{"type": "function_call_output", "output": "sunny"}]},
    ),
    "image-input": Case(
        {
            "input": [
                says(
                    "user",
                    [
                        {"type": "input_text", "text": "What do you see in this image?"},
                        {"type": "input_image", "image_url": HEART},
                    ],
                )
            ]
        }
    ),
    "multi-turn": Case(
        {
            "input": [
                says("user", "My name is Alice."),
                says("assistant", "Hello Alice! How can I help you today?"),
                says("user", "What is my name?"),
            ]
        }
    ),
    "previous-response-id": Case(
        {"input": [says("user", "My name is Alice.")]},
        then={"input": [says("user", "What is my name?")]},
    ),
}


def model_of(kind: Kind) -> Callable[[Json], Reply]:
    """It asks for the weather where it can and has not heard of it; else it has three words."""

    def answer(asked: Json) -> Reply:
        text = orjson.dumps(asked).decode()
        if "get_weather" not in text or "sunny" in text:
            (reply,) = kind.script([Says(("Hello ", "there ", "friend."))])
            return reply
        call = ("get_weather", {"location": "San Francisco, CA"})
        (reply,) = kind.script([Calls((call,), is_forced=kind.is_forced(asked))])
        return reply

    return answer


async def ask(client: httpx.AsyncClient, asked: Json, *, stream: bool) -> tuple[Json, list[Json]]:
    """A response that keeps the schemas, and its events."""
    body = {**asked, "stream": stream}
    async with client.stream("POST", "/responses", json=body) as reply:
        assert reply.is_success, await reply.aread()
        if stream:
            assert reply.headers["content-type"].partition(";")[0] == "text/event-stream"
            seen = await read_stream(reply.aiter_raw())
            assert (seen.errors, seen.final is None) == ([], False)
            assert seen.final
            return seen.final, seen.events
        assert reply.headers["content-type"] == "application/json"
        response: Json = orjson.loads(await reply.aread())
    assert faults("response", response) == []
    return response, []


async def play(client: httpx.AsyncClient, model: str, case: Case) -> bool:
    asked = {"model": model, **case.asked}
    response, events = await ask(client, asked, stream=case.stream)
    if case.then is None:
        return case.check(response, events)
    going_on = {"model": model, "previous_response_id": response["id"], **case.then}
    for item in going_on["input"]:
        if item["type"] == "function_call_output":
            (call,) = (each for each in response["output"] if each["type"] == "function_call")
            going_on["input"] = [{**item, "call_id": call["call_id"]}]
    return case.check(*await ask(client, going_on, stream=case.stream))


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if kind.server], ids=lambda kind: kind.name
)
async def test_all_cases_at_once(rig: Rig, kind: Kind) -> None:
    rig.models[kind.name].play(model_of(kind))
    async with httpx.AsyncClient(base_url=rig.url, timeout=60) as client:
        played = (play(client, kind.name, case) for case in CASES.values())
        results = await asyncio.gather(*played, return_exceptions=True)
    assert dict(zip(CASES, results, strict=True)) == dict.fromkeys(CASES, True)


async def test_the_rules_in_place_of_a_model_keep_the_schemas_too(rig: Rig) -> None:
    plain = [case for case in CASES.values() if "tools" not in case.asked]
    async with httpx.AsyncClient(base_url=rig.url, timeout=60) as client:
        for case in plain:
            assert await play(client, "intent", case)


class Line:
    """One connection of the WebSocket mode."""

    def __init__(self, socket: Any) -> None:
        self._socket = socket

    async def ask(self, **asked: Any) -> Json:
        """The final response, or the error event."""
        body = {"type": "response.create", "model": "chat", "store": False, **asked}
        await self._socket.send(orjson.dumps(body).decode())
        seen = Seen()
        while seen.final is None:
            event = orjson.loads(await asyncio.wait_for(self._socket.recv(), 60))
            seen.take(event)
            if event["type"] == "error":
                return dict(event)
        assert seen.errors == []
        assert faults("response", seen.final) == []
        return seen.final


@pytest.mark.parametrize(
    "change",
    [{"top_p": None}, {"created_at": 1.5}, {"output": [{"type": "image_generation_call"}]}],
)
async def test_the_schemas_find_what_is_wrong(rig: Rig, change: Json) -> None:
    async with httpx.AsyncClient(base_url=rig.url) as client:
        response, _ = await ask(client, {"model": "intent", "input": "hello"}, stream=False)
    assert faults("response", response | change)


async def test_the_cases_over_a_websocket(rig: Rig) -> None:
    rig.models["chat"].play(model_of(KIND["chat"]))
    url = f"ws{rig.url.removeprefix('http')}/responses"
    async with connect(url) as made, connect(url) as other:
        line, stranger = Line(made), Line(other)
        first = await line.ask(input="Remember the code word: ember. Reply with OK.")
        second = await line.ask(input="What is it?", previous_response_id=first["id"])
        assert [first["status"], second["status"]] == ["completed"] * 2
        lost = await stranger.ask(input="What is it?", previous_response_id=first["id"])
        assert lost["error"]["code"] == "previous_response_not_found"
        assert (await stranger.ask(input="Start anew."))["status"] == "completed"
        nothing: Json = {"type": "function_call_output", "call_id": "call_none", "output": "x"}
        failed = await line.ask(input=[nothing], previous_response_id=second["id"])
        assert failed["type"] == "error"
        evicted = await line.ask(input="Go on.", previous_response_id=second["id"])
        assert evicted["error"]["code"] == "previous_response_not_found"
