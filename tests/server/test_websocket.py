"""The Responses API over a WebSocket, asked by the official SDK and by a bare client."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import openai
import pytest
from openai.resources.responses.responses import AsyncResponsesConnection
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from limner.core.items import Message
from limner.core.ports import ImageBackend, Upstream
from limner.core.turn import (
    TextDelta,
    TurnEnded,
    TurnFailed,
    TurnRequest,
)
from limner.gateway.several import always
from limner.server.application import Rules, ServerParts, create
from limner.server.drain import Drain, Draining
from limner.server.protocol import ConnectionLimits
from tests.scripted_images import HANG, ScriptedImages, done, preview, progress
from tests.scripted_upstream import Script, ScriptedUpstream, draws, says
from tests.serving import serving

PAINT = {"type": "image_generation"}
TOOL: Any = {"type": "image_generation", "partial_images": 2}
LIMITS = ConnectionLimits()


@asynccontextmanager
async def door(
    upstream: Upstream,
    images: ImageBackend | None = None,
    rules: Rules | None = None,
    limits: ConnectionLimits = LIMITS,
    drain: Drain | None = None,
) -> AsyncIterator[str]:
    parts = ServerParts(always(upstream), images, models=lambda: [], rules=rules or Rules())
    async with serving(Draining(create(parts), drain or Drain()), limits) as url:
        yield url


@asynccontextmanager
async def sdk(
    upstream: Upstream, images: ImageBackend | None = None
) -> AsyncIterator[AsyncResponsesConnection]:
    async with (
        door(upstream, images) as url,
        openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none") as client,
        client.responses.connect(websocket_connection_options={"max_size": None}) as line,
    ):
        yield line


@asynccontextmanager
async def line(upstream: Upstream, images: ImageBackend | None = None) -> AsyncIterator[Line]:
    async with door(upstream, images) as url, connect(address(url), max_size=None) as made:
        yield Line(made)


def address(url: str) -> str:
    return f"ws{url.removeprefix('http')}/v1/responses"


class Line:
    """A client that says what it sends and sees what comes."""

    def __init__(self, made: ClientConnection) -> None:
        self.made = made

    async def send(self, **message: Any) -> None:
        await self.made.send(json.dumps(message))

    async def ask(self, input: Any = "hi", **more: Any) -> None:
        await self.send(type="response.create", model="any", input=input, **more)

    async def next(self) -> dict[str, Any]:
        async with asyncio.timeout(20):
            event: dict[str, Any] = json.loads(await self.made.recv())
        return event

    async def until(self, *kinds: str) -> list[dict[str, Any]]:
        events = [await self.next()]
        while events[-1]["type"] not in kinds:
            assert events[-1]["type"] != "error", events[-1]
            events.append(await self.next())
        return events

    async def end(self) -> dict[str, Any]:
        """The response of the next end."""
        ends = ("response.completed", "response.incomplete", "response.failed")
        response: dict[str, Any] = (await self.until(*ends))[-1]["response"]
        return response


def last_words(request: TurnRequest) -> str:
    said = [item for item in request.items if isinstance(item, Message)]
    return said[-1].text


def scripts(of: Mapping[str, Script]) -> Callable[[TurnRequest], Script]:
    """What the model does, by the last words that it reads; it repeats all others."""
    return lambda request: of.get(last_words(request)) or says(last_words(request))


def painter() -> ScriptedImages:
    return ScriptedImages(progress(3), preview(0), progress(6), preview(1), done())


async def test_the_sdk_gets_the_events_of_a_stream() -> None:
    async with sdk(ScriptedUpstream(says("Hello", " there"))) as line:
        await line.response.create(model="any", input="hi")
        kinds, words = [], ""
        async for event in line:
            kinds.append(event.type)
            if event.type == "response.output_text.delta":
                words += event.delta
            if event.type == "response.completed":
                break
    assert words == "Hello there"
    assert kinds[:2] == ["response.created", "response.in_progress"]


async def test_a_picture_is_one_message() -> None:
    async with sdk(ScriptedUpstream(draws), painter()) as line:
        await line.response.create(model="any", input="a red circle", tools=[TOOL])
        events = []
        async for event in line:
            events.append(event)
            if event.type == "response.completed":
                break
    kinds = [event.type for event in events]
    assert kinds.count("response.image_generation_call.partial_image") == 2
    assert [event.sequence_number for event in events] == list(range(len(events)))


async def test_a_lane_is_repeated_on_whatever_belongs_to_it() -> None:
    async with line(ScriptedUpstream(says("one"))) as client:
        await client.ask(stream_id="left")
        assert {event.get("stream_id") for event in await client.until("response.completed")} == {
            "left"
        }
        await client.ask(stream_id="left", temperature=9)
        error = await client.next()
    assert (error["stream_id"], error["status"]) == ("left", 400)
    assert error["error"]["param"] == "temperature"


async def test_a_lane_answers_in_order_and_lanes_go_side_by_side() -> None:
    go = asyncio.Event()
    upstream = ScriptedUpstream(scripts({"slow": [TextDelta("slow"), go, TurnEnded()]}))
    async with line(upstream) as client:
        await client.ask("slow", stream_id="left")
        await client.until("response.output_text.delta")
        await client.ask("second", stream_id="left")
        await client.ask("quick", stream_id="right")
        events = await client.until("response.completed")
        assert {event["stream_id"] for event in events} == {"right"}
        assert [last_words(request) for request in upstream.requests] == ["slow", "quick"]
        go.set()
        assert {event["stream_id"] for event in await client.until("response.completed")} == {
            "left"
        }
        await client.end()
    assert last_words(upstream.requests[-1]) == "second"


@pytest.mark.parametrize(
    ("message", "status", "code", "param"),
    [
        ("{", 400, "invalid_json", None),
        ("[]", 400, "invalid_type", None),
        (b"{}", 400, "invalid_json", None),
        ({}, 400, "missing_required_parameter", "type"),
        ({"type": "response.stop"}, 400, "invalid_value", "type"),
        ({"type": "response.create"}, 400, "missing_required_parameter", "model"),
        ({"type": "response.create", "stream": False}, 400, "unsupported_parameter", "stream"),
        ({"type": "response.create", "background": True}, 400, None, "background"),
        ({"type": "response.create", "stream_options": {}}, 400, None, "stream_options"),
        ({"type": "response.create", "stream_id": ""}, 400, "invalid_stream_id", "stream_id"),
        ({"type": "response.create", "stream_id": 7}, 400, "invalid_stream_id", "stream_id"),
    ],
)
async def test_refusals_leave_the_connection_open(
    message: object, status: int, code: str | None, param: str | None
) -> None:
    async with line(ScriptedUpstream(says("still here"))) as client:
        sent = message if isinstance(message, str | bytes) else json.dumps(message)
        await client.made.send(sent)
        error = await client.next()
        assert error["type"] == "error"
        assert (error["status"], error["error"]["param"]) == (status, param)
        assert error["error"]["code"] == (code or "unsupported_parameter")
        await client.ask()
        assert (await client.end())["status"] == "completed"


async def test_what_the_upstream_refuses_says_when_to_come_back() -> None:
    busy = TurnFailed("the model is busy", "rate_limit_exceeded", 429, True, 2.5)
    async with line(ScriptedUpstream([busy])) as client:
        await client.ask()
        error = await client.next()
    assert (error["status"], error["error"]["code"]) == (429, "rate_limit_exceeded")
    assert error["error"]["headers"] == {"retry-after": "3"}


async def test_a_bug_ends_what_it_broke_and_nothing_else() -> None:
    upstream = ScriptedUpstream(scripts({"bug": [TextDelta("half"), KeyError]}))
    async with line(upstream) as client:
        await client.ask("bug")
        broken = await client.end()
        assert (broken["status"], broken["error"]["code"]) == ("failed", "server_error")
        await client.ask("well")
        assert (await client.end())["status"] == "completed"


async def test_what_is_not_stored_is_remembered_on_the_connection() -> None:
    upstream = ScriptedUpstream(scripts({}))
    async with door(upstream) as url, connect(address(url)) as made, connect(address(url)) as other:
        client, stranger = Line(made), Line(other)
        await client.ask("first", store=False, stream_id="left")
        first = await client.end()
        await client.ask("second", store=False, previous_response_id=first["id"])
        second = await client.end()
        assert second["previous_response_id"] == first["id"]
        await client.ask("third", store=False, previous_response_id=second["id"])
        await client.end()
        await stranger.ask("who?", previous_response_id=second["id"])
        error = await stranger.next()
    texts = [item.text for item in upstream.requests[2].items if isinstance(item, Message)]
    assert texts == ["first", "first", "second", "second", "third"]
    assert (error["status"], error["error"]["code"]) == (400, "previous_response_not_found")


@pytest.mark.parametrize("how", ["refused", "failed"])
async def test_what_a_failed_request_went_on_from_is_forgotten(how: str) -> None:
    upstream = ScriptedUpstream(scripts({"broken": [TextDelta("half"), RuntimeError]}))
    async with line(upstream) as client:
        await client.ask("first", store=False)
        first = await client.end()
        going_on: Any = {"store": False, "previous_response_id": first["id"]}
        if how == "refused":
            await client.ask("no", temperature="hot", **going_on)
            assert (await client.next())["type"] == "error"
        else:
            await client.ask("broken", **going_on)
            assert (await client.end())["status"] == "failed"
        await client.ask("again", **going_on)
        error = (await client.next())["error"]
    assert (error["code"], error["param"]) == (
        "previous_response_not_found",
        "previous_response_id",
    )


async def test_without_generating_a_request_is_only_prepared() -> None:
    upstream = ScriptedUpstream(scripts({}))
    async with line(upstream, painter()) as client:
        await client.ask("prepare", store=False, generate=False, tools=[TOOL], tool_choice=PAINT)
        prepared = await client.end()
        assert (prepared["status"], prepared["output"]) == ("completed", [])
        assert upstream.requests == []
        await client.ask("go", store=False, previous_response_id=prepared["id"])
        await client.end()
    texts = [item.text for item in upstream.requests[0].items if isinstance(item, Message)]
    assert texts == ["prepare", "go"]


async def test_what_is_only_prepared_may_say_nothing_yet() -> None:
    upstream = ScriptedUpstream(scripts({}))
    async with line(upstream) as client:
        await client.ask([], store=False, generate=False, instructions="Paint.")
        prepared = await client.end()
        await client.ask("go", store=False, previous_response_id=prepared["id"])
        assert (await client.end())["status"] == "completed"
        await client.ask([], store=False)
        assert (await client.next())["error"]["code"] == "empty_array"
    texts = [item.text for item in upstream.requests[0].items if isinstance(item, Message)]
    assert texts == ["go"]


async def test_a_client_that_leaves_cancels_what_it_has_under_way() -> None:
    upstream, images = ScriptedUpstream(draws), ScriptedImages(progress(3), preview(0), HANG)
    async with line(upstream, images) as client:
        await client.ask("a red circle", tools=[TOOL])
        await client.until("response.image_generation_call.partial_image")
        await client.made.close()
        async with asyncio.timeout(20):
            await images.has_stopped.wait()


async def test_one_connection_has_only_so_much_under_way() -> None:
    upstream = ScriptedUpstream([TextDelta("…"), asyncio.Event()])
    async with line(upstream) as client:
        for lane in range(9):
            await client.ask(stream_id=f"lane{lane}")
        events = await client.until("error")
        assert events[-1]["stream_id"] == "lane8"
        for _ in range(25):
            await client.ask(stream_id="lane0")
        refused = (await client.until("error"))[-1]
    assert (refused["status"], events[-1]["status"]) == (429, 429)
    assert refused["error"]["code"] == "websocket_connection_limit_reached"
    assert "32 requests" in refused["error"]["message"]
    assert "8 lanes" in events[-1]["error"]["message"]


async def test_strangers_are_turned_away_at_the_door() -> None:
    rules = Rules(frozenset({"127.0.0.1"}), frozenset({"https://ours.example"}), frozenset({"key"}))
    async with door(ScriptedUpstream(says("hi")), rules=rules) as url:
        for headers, status in (
            ({}, 401),
            ({"Authorization": "Bearer other"}, 401),
            ({"Authorization": "Bearer key", "Origin": "https://theirs.example"}, 403),
            ({"Authorization": "Bearer key", "Host": "theirs.example"}, 421),
        ):
            with pytest.raises(InvalidStatus) as refusal:
                await refused_connection(url, headers)
            assert refusal.value.response.status_code == status
            assert json.loads(refusal.value.response.body or b"")["error"]["message"]
        headers = {"Authorization": "Bearer key", "Origin": "https://ours.example"}
        async with connect(address(url), additional_headers=headers) as made:
            await Line(made).ask()
            assert (await Line(made).end())["status"] == "completed"


async def refused_connection(url: str, headers: Mapping[str, str]) -> None:
    """Ask for a connection with these headers; `Host` stands only once in a request."""
    names = {**headers}
    host = names.pop("Host", None)
    where = address(url) if host is None else f"ws://{host}/v1/responses"
    port = int(url.rpartition(":")[2])
    async with connect(where, host="127.0.0.1", port=port, additional_headers=names, proxy=None):
        pass


async def test_a_message_that_is_too_large_ends_the_connection() -> None:
    limits = ConnectionLimits(message_bytes=1000)
    upstream = ScriptedUpstream(says("hi"))
    async with door(upstream, limits=limits) as url, connect(address(url)) as made:
        await Line(made).ask("x" * 1001)
        with pytest.raises(ConnectionClosed) as closed:
            await Line(made).next()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009


async def test_a_reader_that_stalls_is_dropped() -> None:
    upstream = ScriptedUpstream([*says(*["x" * 1_000_000] * 40)])
    limits = ConnectionLimits(window_s=0.2, send_buffer_bytes=16 * 1024)
    async with (
        door(upstream, limits=limits) as url,
        connect(address(url), max_queue=1, max_size=None) as made,
    ):
        await Line(made).ask()
        async with asyncio.timeout(20):
            await upstream.has_stopped.wait()
        with pytest.raises(ConnectionClosed):
            await Line(made).until("response.completed")


async def test_a_server_that_stops_lets_responses_end_first() -> None:
    go = asyncio.Event()
    upstream = ScriptedUpstream(scripts({"slow": [TextDelta("slow"), go, TurnEnded()]}))
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(door(upstream))
        async with connect(address(url)) as made, connect(address(url)) as idle:
            client = Line(made)
            await client.ask("slow")
            await client.ask("too late")
            await client.until("response.output_text.delta")
            stopping = asyncio.create_task(stack.aclose())
            with pytest.raises(ConnectionClosed) as closed:
                await Line(idle).next()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1012
            go.set()
            assert (await client.end())["status"] == "completed"
            refused = await client.next()
            assert (refused["status"], refused["error"]["code"]) == (503, "server_stopping")
            with pytest.raises(ConnectionClosed):
                await client.next()
            await stopping


@pytest.mark.parametrize("is_told", [True, False])
async def test_a_response_that_outlasts_a_stopping_server_gets_its_last_word(is_told: bool) -> None:
    upstream, drain = ScriptedUpstream([TextDelta("slow"), asyncio.Event()]), Drain()
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(door(upstream, drain=drain))
        async with connect(address(url)) as made:
            client = Line(made)
            await client.ask("slow")
            await client.ask("too late")
            await client.until("response.output_text.delta")
            stopping = asyncio.create_task(stack.aclose())
            if is_told:
                drain.end()
            response = await client.end()
            with pytest.raises(ConnectionClosed) as closed:
                await client.until("never")
            await stopping
    assert response["status"] == "failed"
    assert "stopping" in response["error"]["message"]
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012
