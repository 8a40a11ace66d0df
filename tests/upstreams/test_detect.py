"""Finding out what a server speaks."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from contextlib import aclosing

import pytest
from aiohttp import web

from limner.core.errors import UpstreamError
from limner.core.items import Message, TextPart
from limner.core.ports import Upstream
from limner.core.turn import TextDelta, TurnFailed, TurnRequest, UpstreamCapabilities
from limner.upstreams import detect as module
from limner.upstreams.chat import ChatUpstream
from limner.upstreams.detect import DetectedUpstream, detect, has_image_tool, known_dialect
from limner.upstreams.http import HttpLimits, UpstreamHttp
from tests.scripted_chat import ScriptedChat, says

HELLO = TurnRequest("m", (Message("user", (TextPart("hello"),)),))
UNKNOWN = UpstreamCapabilities("unknown")
OPENAI_LIST = {"object": "list", "data": [{"id": "m", "object": "model"}]}
ANTHROPIC_LIST = {"data": [{"type": "model", "id": "m"}], "has_more": False}
ANTHROPIC_ERROR = {"type": "error", "error": {"type": "authentication_error"}}


async def found(models: object, *routes: str) -> str:
    """What a server is taken for that lists these models and has these routes."""

    async def list_models(request: web.Request) -> web.Response:
        return web.json_response(models)

    async def refuse(request: web.Request) -> web.Response:
        return web.json_response({"error": "model is missing"}, status=400)

    app = web.Application()
    if models is not None:
        app.router.add_get("/v1/models", list_models)
    for route in routes:
        app.router.add_post(f"/v1/{route}", refuse)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with UpstreamHttp(f"http://127.0.0.1:{runner.addresses[0][1]}") as http:
            return await detect(http)
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("models", [ANTHROPIC_LIST, ANTHROPIC_ERROR])
async def test_anthropic_is_known_by_how_it_lists_and_refuses(models: Mapping[str, object]) -> None:
    assert await found(models, "chat/completions", "messages") == "anthropic"


@pytest.mark.parametrize("models", [None, OPENAI_LIST, [], {"data": []}, {"type": "error"}])
async def test_chat_goes_before_responses_and_those_before_messages(models: object) -> None:
    assert await found(models, "responses", "chat/completions") == "chat"
    assert await found(models, "messages", "responses") == "responses"
    assert await found(models, "messages") == "anthropic"


async def test_a_server_that_shows_nothing_is_taken_for_chat() -> None:
    assert await found(OPENAI_LIST) == "chat"


def test_some_addresses_need_no_asking() -> None:
    assert known_dialect("https://api.openai.com/v1") == "responses"
    assert known_dialect("https://api.anthropic.com") == "anthropic"
    assert known_dialect("http://127.0.0.1:11434/v1") is None
    assert has_image_tool("https://eastus.openai.azure.com/openai/v1")
    assert not has_image_tool("http://127.0.0.1:11434/v1")


async def test_a_server_that_comes_up_late_is_found_with_the_first_request() -> None:
    opened: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    async with (
        UpstreamHttp(f"http://127.0.0.1:{port}", limits=HttpLimits(retries=0)) as nobody,
        ScriptedChat([says("hi"), says("again")]) as server,
        UpstreamHttp(server.url) as http,
    ):

        async def open_kind(kind: str) -> Upstream:
            opened.append(kind)
            return ChatUpstream(http, model="theirs")

        absent = DetectedUpstream(nobody, open_kind, UNKNOWN)
        with pytest.raises(UpstreamError):
            await absent.find()
        async with aclosing(absent.stream(HELLO)) as events:
            failed = await anext(events)
        assert isinstance(failed, TurnFailed)
        assert failed.code == "upstream_unreachable"
        assert absent.capabilities is UNKNOWN

        present = DetectedUpstream(http, open_kind, UNKNOWN)
        for text in ("hi", "again"):
            async with aclosing(present.stream(HELLO)) as events:
                first, *_ = [event async for event in events]
            assert first == TextDelta(text)
        assert present.capabilities.name == "theirs"
    assert opened == ["chat"]


async def test_a_server_that_does_not_answer_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "PATIENCE_S", 0.05)
    listening = asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await listening.wait()
        writer.close()

    async def open_kind(kind: str) -> Upstream:
        raise AssertionError(kind)

    silent = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    async with silent, UpstreamHttp(f"http://127.0.0.1:{port}") as http:
        with pytest.raises(UpstreamError, match="--llm-kind"):
            await DetectedUpstream(http, open_kind, UNKNOWN).find()
        listening.set()
