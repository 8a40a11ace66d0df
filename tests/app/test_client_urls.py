"""Pictures by URL: fetched here or refused, and never handed to a model's server to fetch."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import orjson
import pytest

from limner.app.server import open_server
from limner.config import load
from limner.wire.pictures import to_base64
from tests.images.test_fetch import PNG, ok, server
from tests.scripted_chat import ScriptedChat, says


@asynccontextmanager
async def client_of(chat: ScriptedChat, client_urls: str) -> AsyncIterator[httpx.AsyncClient]:
    flags = {"store": "memory", "image_backend": "none", "llm_url": chat.url, "llm_kind": "chat"}
    settings = load({**flags, "llm_vision": "yes", "client_urls": client_urls}, {})
    async with open_server(settings) as app:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            yield client


def asking(url: str) -> dict[str, object]:
    shown = {"type": "input_image", "image_url": url}
    return {"model": "m", "input": [{"role": "user", "content": [shown]}]}


async def test_the_model_gets_the_picture_and_not_its_url() -> None:
    async with (
        server(lambda path: ok(PNG.content)) as (port, asked),
        ScriptedChat([says("A square.")]) as chat,
        client_of(chat, f"127.0.0.1:{port}") as client,
    ):
        url = f"http://127.0.0.1:{port}/a.png"
        reply = await client.post("/v1/responses", json=asking(url))
        assert reply.status_code == 200, reply.text
        assert len(asked) == 1
        sent = orjson.dumps(chat.requests)
        assert to_base64(PNG).encode() in sent
        assert url.encode() not in sent


@pytest.mark.parametrize("client_urls", ["public", "off", "pictures.example"])
@pytest.mark.parametrize("stream", [False, True])
async def test_what_is_not_allowed_is_refused_before_the_model_is_asked(
    client_urls: str, stream: bool
) -> None:
    async with (
        server(lambda path: ok(PNG.content)) as (port, asked),
        ScriptedChat([]) as chat,
        client_of(chat, client_urls) as client,
    ):
        body = {**asking(f"http://127.0.0.1:{port}/a.png"), "stream": stream}
        reply = await client.post("/v1/responses", json=body)
        assert reply.status_code == 400
        assert reply.json()["error"]["code"] == "invalid_image_url"
        assert reply.json()["error"]["param"] == "url"
        assert asked == []
        assert chat.requests == []
