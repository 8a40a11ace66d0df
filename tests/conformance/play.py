"""Plays a scenario over a kind of upstream: a client, our server and the double, each over HTTP."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import aiohttp
import orjson
import pybase64

from limner.app.upstreams import ModelServer, open_server_of_models
from limner.core.image import ImageCapabilities, ImageEvent, ImageFailed, ImageRequest
from limner.core.ports import Upstream
from limner.gateway.several import always
from limner.server.application import ServerParts, create
from limner.upstreams.intent import IntentUpstream
from tests.conformance.dialects import Kind
from tests.conformance.scenario import Scenario, Seen
from tests.conformance.scenarios import UNPAINTABLE
from tests.pictures import picture
from tests.scripted_chat import ScriptedChat
from tests.scripted_images import CAPABLE, done, preview
from tests.serving import serving

Json = dict[str, Any]

MANY = 1_000_000
OWN_PICTURE = f"data:image/png;base64,{pybase64.b64encode(picture(16, 16).content).decode()}"

_TOLD = re.compile(r'"ok": ?(true|false)')
_PICTURES = frozenset({"image", "image_url", "input_image"})


class Painter:
    """An image back end that edits too and fails at smoke. prompts: what it was asked."""

    capabilities: ImageCapabilities = replace(CAPABLE, edits=True)

    def __init__(self) -> None:
        self.prompts: list[str] = []

    async def generate(self, request: ImageRequest) -> AsyncGenerator[ImageEvent, None]:
        self.prompts.append(request.prompt)
        if UNPAINTABLE in request.prompt:
            yield ImageFailed("Smoke cannot be painted.", retryable=True)
            return
        for index in range(request.partial_images):
            yield preview(index)
        yield done()


async def play_both(scenario: Scenario, kind: Kind) -> Seen:
    """What is seen in a stream; the same must be seen without one, previews apart."""
    streamed, whole = await asyncio.gather(
        play(scenario, kind, stream=True), play(scenario, kind, stream=False)
    )
    assert whole == replace(streamed, previews=0), f"streamed: {streamed}, whole: {whole}"
    return streamed


async def play(scenario: Scenario, kind: Kind, *, stream: bool) -> Seen:
    """What is seen by the client after its last request, and by the double."""
    painter = Painter()
    async with AsyncExitStack() as stack:
        url, double = await open_server(scenario, kind, painter, stack)
        seen = await _converse(url, scenario, stream=stream)
    requests = double.requests if double else []
    for request in requests:
        kind.judge(request)
    asked = list(_values(requests[-1] if requests else {}))
    told = [_TOLD.findall(text) for text in asked if isinstance(text, str)]
    return replace(
        seen,
        painted=tuple(painter.prompts),
        read=tuple(ok == "true" for oks in told for ok in oks),
        shown=sum(isinstance(value, dict) and value.get("type") in _PICTURES for value in asked),
        forced=sum(map(kind.is_forced, requests)),
    )


async def open_server(
    scenario: Scenario, kind: Kind, painter: Painter, stack: AsyncExitStack
) -> tuple[str, ScriptedChat | None]:
    """Our server's URL, and the double that it asks, if this kind has one."""
    double = None
    if kind.server is not None:
        double = await stack.enter_async_context(kind.server(kind.script(scenario.deeds)))
    upstream = await _open(kind, double, scenario, stack)
    parts = ServerParts(always(upstream), painter, models=lambda: [])
    return await stack.enter_async_context(serving(create(parts))), double


async def _open(
    kind: Kind, double: ScriptedChat | None, scenario: Scenario, stack: AsyncExitStack
) -> Upstream:
    if double is None:
        return IntentUpstream()
    server = ModelServer(
        double.url,
        kind.speaks or kind.name,
        vision=kind.sees,
        tools=kind.tools,
        limits=scenario.limits,
    )
    return await open_server_of_models(server, stack)


async def _converse(url: str, scenario: Scenario, *, stream: bool) -> Seen:
    items: list[Json] = []
    async with aiohttp.ClientSession(f"{url}/v1/") as client:
        for words in scenario.asked:
            items.append(_said(words, items, shows=scenario.shows and not items))
            body = {"model": "any", "input": items, "tools": scenario.tools, "stream": stream}
            async with client.post("responses", json=body | dict(scenario.fields)) as answer:
                whole = await answer.read()
            if answer.status != 200:
                code = orjson.loads(whole)["error"]["code"]
                return Seen(f"{answer.status} {code}", ())
            response, previews = _streamed(whole) if stream else (orjson.loads(whole), 0)
            items += response["output"]
    return Seen(_status(response), tuple(map(_item, response["output"])), previews)


def _said(words: str, items: list[Json], *, shows: bool) -> Json:
    answered = {item.get("call_id") for item in items if item.get("type") == "function_call_output"}
    for item in items:
        if item.get("type") == "function_call" and item["call_id"] not in answered:
            return {"type": "function_call_output", "call_id": item["call_id"], "output": words}
    if not shows:
        return {"role": "user", "content": words}
    text = {"type": "input_text", "text": words}
    return {"role": "user", "content": [text, {"type": "input_image", "image_url": OWN_PICTURE}]}


def _streamed(whole: bytes) -> tuple[Json, int]:
    """The response of a stream, whose events must be whole and in order, and its previews."""
    *frames, last, rest = whole.split(b"\n\n")
    assert (last, rest) == (b"data: [DONE]", b""), whole[-200:]
    events = [orjson.loads(frame.partition(b"data: ")[2]) for frame in frames if b"data: " in frame]
    numbered = [event["sequence_number"] for event in events if "sequence_number" in event]
    assert numbered == list(range(len(numbered)))
    types = Counter(event["type"] for event in events)
    assert types["response.output_item.added"] == types["response.output_item.done"]
    response: Json = events[-1]["response"]
    assert events[-1]["type"] == f"response.{response['status']}"
    begun = [event["item"] for event in events if event["type"] == "response.output_item.added"]
    assert [item["id"] for item in begun] == [item["id"] for item in response["output"]]
    return response, types["response.image_generation_call.partial_image"]


def _status(response: Mapping[str, Any]) -> str:
    error = response["error"]
    return response["status"] if error is None else f"{response['status']} {error['code']}"


def _item(item: Mapping[str, Any]) -> str:
    open_end = "" if item.get("status", "completed") in ("completed", "failed") else "…"
    match item["type"]:
        case "message":
            letters = sum(len(part.get("text", "")) for part in item["content"])
            return ("words" if letters < MANY else "long words") + open_end
        case "function_call":
            return f"call of {item['name']}" + open_end
        case "image_generation_call":
            kind = "edited " if item.get("action") == "edit" else ""
            return ("failed " if item["status"] == "failed" else kind) + "picture" + open_end
        case "reasoning":
            return "thought" + open_end
        case other:
            return str(other)


def _values(value: object) -> Iterator[object]:
    """A JSON value and all that is in it, outside first."""
    yield value
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for part in inside:
        yield from _values(part)
