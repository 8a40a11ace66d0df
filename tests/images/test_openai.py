"""The client of Images APIs, against scripted servers on loopback and against our own door."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web

from limner.core.errors import ConfigError
from limner.core.image import (
    ImageCapabilities,
    ImageCompleted,
    ImageEvent,
    ImageFailed,
    ImageProgress,
    ImageRequest,
    PartialImage,
    Size,
)
from limner.images.http import HttpLimits, ImagesHttp
from limner.images.openai import OpenAIImages
from limner.server.application import Rules, enclose
from limner.server.images_api import images_routes
from limner.wire import sse
from limner.wire.images_dialect import ServerFacts
from limner.wire.pictures import to_base64
from tests.pictures import picture
from tests.scripted_chat import Reply, ScriptedChat, fails
from tests.scripted_images import HANG, ScriptedImages, done, preview, progress
from tests.serving import serving

CAT = ImageRequest("a cat")
AT_ONCE = HttpLimits(retry_wait_s=0)
OURS = ImageCapabilities("tiny", progress=True, seed=True)
JSON = {"Content-Type": "application/json"}


def whole(**fields: Any) -> Reply:
    """A reply in one JSON object."""
    body = {"created": 1, "data": [{"b64_json": to_base64(picture())}], **fields}
    return Reply((orjson.dumps(body),), headers=JSON)


def frame(kind: str, **fields: Any) -> bytes:
    name = f"image_generation.{kind}"
    body = {"type": name, "b64_json": to_base64(picture()), **fields}
    return sse.encode(name, orjson.dumps(body))


PARTIAL = frame("partial_image", partial_image_index=0)
COMPLETED = frame("completed")


class ScriptedServer(ScriptedChat):
    """As the scripted Chat Completions server, at the Images API's path."""

    path = "/v1/images/generations"


@asynccontextmanager
async def back_end(
    url: str, key: str | None = None, limits: HttpLimits = AT_ONCE, **facts: Any
) -> AsyncIterator[OpenAIImages]:
    facts.setdefault("capabilities", ImageCapabilities("images"))
    async with ImagesHttp(url, key=key, limits=limits) as http:
        yield OpenAIImages(http, ServerFacts(**facts))


async def ask(images: OpenAIImages, request: ImageRequest = CAT) -> list[ImageEvent]:
    async with aclosing(images.generate(request)) as events:
        return [event async for event in events]


async def ask_once(
    reply: Reply, limits: HttpLimits = AT_ONCE, key: str | None = None
) -> ImageEvent:
    """The last event of a call against a server that has this one reply."""
    async with ScriptedServer([reply]) as server, back_end(server.url, key, limits) as images:
        return (await ask(images))[-1]


def failed(event: ImageEvent) -> ImageFailed:
    assert isinstance(event, ImageFailed), event
    return event


async def test_a_picture_comes_in_one_json_object() -> None:
    async with (
        ScriptedServer([whole()]) as server,
        back_end(server.url, key="sk-1", model="theirs") as images,
    ):
        [event] = await ask(images)
        assert server.requests == [{"prompt": "a cat", "model": "theirs", "n": 1}]
        assert server.headers[0]["Authorization"] == "Bearer sk-1"
    assert isinstance(event, ImageCompleted)
    assert (event.image, event.resolved.size) == (picture(), Size(8, 8))


async def test_previews_come_as_a_stream() -> None:
    replies = [Reply((b": hi\n\n", PARTIAL[:50], PARTIAL[50:], COMPLETED))]
    async with ScriptedServer(replies) as server, back_end(server.url) as images:
        events = await ask(images, ImageRequest("a cat", partial_images=1))
        assert server.requests[0]["stream"] is True
    assert [type(event) for event in events] == [PartialImage, ImageCompleted]


async def test_a_call_ends_with_its_last_picture_even_if_the_server_stays() -> None:
    reply = Reply((COMPLETED,), then="hang")
    async with ScriptedServer([reply]) as server, back_end(server.url) as images:
        assert isinstance((await ask(images))[-1], ImageCompleted)
        await server.has_left.wait()


async def test_closing_the_iterator_closes_the_connection() -> None:
    reply = Reply((PARTIAL,), then="hang")
    async with ScriptedServer([reply]) as server, back_end(server.url) as images:
        events = images.generate(ImageRequest("a cat", partial_images=1))
        assert isinstance(await anext(events), PartialImage)
        await events.aclose()
        await server.has_left.wait()


async def test_what_a_foreign_server_does_not_know_is_refused_before_it_is_asked() -> None:
    async with ScriptedServer([]) as server, back_end(server.url) as images:
        event = failed((await ask(images, ImageRequest("a cat", seed=1)))[0])
        assert (event.status, event.param, server.requests) == (400, "seed", [])
        assert not images.capabilities.seed


@pytest.mark.parametrize("path", ["", "/", "/v1", "/v1/", "/v1/images/generations"])
async def test_the_address_may_name_the_version_or_the_path(path: str) -> None:
    async with ScriptedServer([whole()]) as server, back_end(server.url + path) as images:
        assert isinstance((await ask(images))[0], ImageCompleted)


@pytest.mark.parametrize(
    "url",
    [
        "localhost:1",
        "ftp://host",
        "http://",
        "http://u:p@host",
        "http://host?k=1",
        "http://[",
        "http://h#f",
    ],
)
def test_an_address_that_cannot_be_one_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="image back end's address") as caught:
        ImagesHttp(url)
    assert "u:p" not in str(caught.value)


BUSY = [fails(429, Retry_After="0"), fails(429, retry_after_ms="1"), fails(429)]


@pytest.mark.parametrize("busy", [[], BUSY[:1], BUSY[:2], BUSY[1:]])
async def test_a_busy_server_is_asked_again(busy: list[Reply]) -> None:
    async with ScriptedServer([*busy, whole()]) as server, back_end(server.url) as images:
        assert isinstance((await ask(images))[0], ImageCompleted)
        assert len(server.requests) == len(busy) + 1


@pytest.mark.parametrize(
    ("replies", "requests", "retry_after_s"),
    [
        (BUSY, 3, None),
        ([fails(429, Retry_After=odd) for odd in ("soon", "-1", "nan")], 3, None),
        ([fails(429, Retry_After="61")], 1, 61),
        ([fails(429, Retry_After="0", x_should_retry="false")], 1, 0),
    ],
)
async def test_it_gives_up_in_time(
    replies: list[Reply], requests: int, retry_after_s: float | None
) -> None:
    async with ScriptedServer(replies) as server, back_end(server.url) as images:
        event = failed((await ask(images))[0])
        assert (event.status, event.code) == (429, "error")
        assert (len(server.requests), event.retry_after_s) == (requests, retry_after_s)


@pytest.mark.parametrize(
    ("status", "ours", "retryable"),
    [(400, 400, False), (401, 502, False), (404, 502, False), (500, 502, True), (503, 503, True)],
)
async def test_other_refusals_are_final(status: int, ours: int, retryable: bool) -> None:
    replies = [fails(status, "because")]
    async with ScriptedServer(replies) as server, back_end(server.url) as images:
        event = failed((await ask(images))[0])
        assert (event.status, event.retryable) == (ours, retryable)
        assert len(server.requests) == 1


async def test_nobody_there_is_said_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    async with back_end(f"http://127.0.0.1:{port}") as images:
        event = failed((await ask(images))[0])
        assert (event.code, event.status, event.retryable) == (
            "image_back_end_unreachable",
            503,
            True,
        )


@pytest.mark.parametrize(
    "reply",
    [
        Reply((PARTIAL,)),
        Reply((PARTIAL,), then="cut"),
        Reply((b'{"data": [',), then="cut"),
        whole(data=[]),
    ],
)
async def test_a_reply_without_its_picture_is_a_failure(reply: Reply) -> None:
    event = failed(await ask_once(reply))
    assert (event.retryable, event.status) == (True, 502)


@pytest.mark.parametrize("pieces", [(), (PARTIAL,)])
async def test_silence_is_a_failure(pieces: tuple[bytes, ...]) -> None:
    impatient = HttpLimits(first_byte_s=0.3, idle_s=0.2)
    event = failed(await ask_once(Reply(pieces, then="hang"), impatient))
    assert (event.code, event.status) == ("image_back_end_timeout", 504)


async def test_an_endless_reply_is_cut_off() -> None:
    small = HttpLimits(response_bytes=1000)
    event = failed(await ask_once(Reply((b": " + b"x" * 2000,), then="hang"), small))
    assert "more than 1000 bytes" in event.message


@pytest.mark.parametrize("then", ["hang", "cut"])
async def test_an_endless_or_broken_error_is_told_by_its_status(then: str) -> None:
    pieces = (b"x" * 100_000,) if then == "hang" else (b"oh",)
    event = failed(await ask_once(Reply(pieces, status=400, then=then)))
    assert event.code == "upstream_400"


async def test_redirects_are_not_followed() -> None:
    async with ScriptedServer([whole()]) as other:
        location = {"Location": f"{other.url}/v1/images/generations"}
        event = failed(await ask_once(Reply((), 307, location), key="sk-secret"))
        assert "redirect" in event.message
        assert other.requests == []


async def test_a_compressed_reply_is_refused() -> None:
    event = failed(await ask_once(Reply((b"\x1f\x8b",), headers={"Content-Encoding": "gzip"})))
    assert "gzip" in event.message


@pytest.mark.parametrize("status", [400, 401])
async def test_a_key_never_comes_back_in_a_message(status: int) -> None:
    event = failed(await ask_once(fails(status, "bad key sk-secret"), key="sk-secret"))
    assert "sk-secret" not in event.message


async def test_it_is_used_when_open() -> None:
    with pytest.raises(RuntimeError):
        await ask(OpenAIImages(ImagesHttp("http://127.0.0.1:1")))


SCRIPT = (
    ImageProgress(0, 8, 1, eta_s=9.5),
    progress(3),
    ImageProgress(4, 8, eta_s=0.0),
    preview(),
    done(),
)


@asynccontextmanager
async def through_our_door(backend: ScriptedImages) -> AsyncIterator[OpenAIImages]:
    """The client of a server that stands before this back end, as the engine's does."""
    app = enclose(images_routes(backend), rules=Rules())
    async with serving(app) as url, back_end(url, capabilities=OURS) as images:
        yield images


async def test_our_own_door_gives_back_what_the_back_end_behind_it_said() -> None:
    backend = ScriptedImages(*SCRIPT)
    request = ImageRequest("a cat", size=Size(256, 256), seed=1, steps=8, partial_images=1)
    async with through_our_door(backend) as images:
        assert await ask(images, request) == list(SCRIPT)
    assert backend.requests == [request]


async def test_leaving_our_own_door_stops_the_back_end_behind_it() -> None:
    backend = ScriptedImages(progress(1), HANG)
    async with through_our_door(backend) as images:
        events = images.generate(CAT)
        assert await anext(events) == progress(1)
        await events.aclose()
        await backend.has_stopped.wait()


async def test_a_failure_behind_our_own_door_comes_through_whole() -> None:
    failure = ImageFailed("full", "queue_full", retryable=True, status=503, retry_after_s=2)
    backend = ScriptedImages(progress(1), failure)
    async with through_our_door(backend) as images:
        assert (await ask(images))[-1] == failure


async def test_a_server_may_be_reached_by_a_unix_socket(tmp_path: Path) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=whole().pieces[0])

    app = web.Application()
    app.router.add_post("/v1/images/generations", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    address = str(tmp_path / "engine.sock")
    await web.UnixSite(runner, address).start()
    async with ImagesHttp("http://engine", socket=address) as http:
        assert isinstance((await ask(OpenAIImages(http)))[-1], ImageCompleted)
    await runner.cleanup()
