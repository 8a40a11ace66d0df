"""The chat upstream against scripted servers on loopback."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest

from limner.core.errors import ConfigError
from limner.core.image import ImageData
from limner.core.items import FunctionCall, ImagePart, Message, TextPart
from limner.core.turn import (
    CallDelta,
    CallEnded,
    CallStarted,
    FunctionTool,
    TextDelta,
    TurnEnded,
    TurnEvent,
    TurnFailed,
    TurnRequest,
    UpstreamCapabilities,
    Usage,
)
from limner.upstreams.chat import ChatUpstream
from limner.upstreams.http import HttpLimits, UpstreamHttp
from tests.scripted_chat import Reply, ScriptedChat, calls, chunk, fails, says

HELLO = TurnRequest("m", (Message("user", (TextPart("hello"),)),))
AT_ONCE = HttpLimits(retry_wait_s=0)


@asynccontextmanager
async def upstream(
    url: str, key: str | None = None, limits: HttpLimits = AT_ONCE, **options: Any
) -> AsyncIterator[ChatUpstream]:
    async with UpstreamHttp(url, key=key, limits=limits) as http:
        yield ChatUpstream(http, **options)


async def ask(model: ChatUpstream, request: TurnRequest = HELLO) -> list[TurnEvent]:
    async with aclosing(model.stream(request)) as events:
        return [event async for event in events]


async def ask_once(reply: Reply, limits: HttpLimits = AT_ONCE, key: str | None = None) -> TurnEvent:
    """The last event of a turn against a server that has this one reply."""
    async with ScriptedChat([reply]) as chat, upstream(chat.url, key, limits) as model:
        return (await ask(model))[-1]


def failed(event: TurnEvent) -> TurnFailed:
    assert isinstance(event, TurnFailed), event
    return event


async def test_text_comes_in_deltas_with_usage() -> None:
    async with ScriptedChat([says("Hel", "lo")]) as chat, upstream(chat.url) as model:
        assert await ask(model) == [TextDelta("Hel"), TextDelta("lo"), TurnEnded(Usage(10, 5))]
        assert chat.requests[0]["messages"] == [{"role": "user", "content": "hello"}]
        assert "Authorization" not in chat.headers[0]


async def test_a_call_comes_in_pieces() -> None:
    request = TurnRequest("m", HELLO.items, tools=(FunctionTool("draw"),))
    async with ScriptedChat([calls("draw", {"n": 1})]) as chat, upstream(chat.url) as model:
        assert await ask(model, request) == [
            CallStarted("call_0", "call_0", "draw"),
            CallDelta("call_0", '{"n'),
            CallDelta("call_0", '":1}'),
            CallEnded("call_0", '{"n":1}'),
            TurnEnded(Usage(10, 5)),
        ]


async def test_the_operator_may_name_model_eyes_and_token_field() -> None:
    request = TurnRequest("m", (Message("user", (ImagePart(ImageData(b"png", "png")),)),))
    blind = UpstreamCapabilities("theirs", vision=False)
    async with (
        ScriptedChat([says("hi")]) as chat,
        upstream(chat.url, key="sk-1", model="theirs", capabilities=blind) as model,
    ):
        assert model.capabilities is blind
        await ask(model, request)
        assert chat.requests[0]["model"] == "theirs"
        assert "which you cannot see" in chat.requests[0]["messages"][0]["content"]
        assert chat.headers[0]["Authorization"] == "Bearer sk-1"


@pytest.mark.parametrize("path", ["", "/", "/v1", "/v1/", "/v1/chat/completions"])
async def test_the_address_may_end_as_it_likes(path: str) -> None:
    async with ScriptedChat([says("hi")]) as chat, upstream(chat.url + path) as model:
        assert (await ask(model))[0] == TextDelta("hi")


@pytest.mark.parametrize(
    "url",
    ["localhost:8000", "ftp://host", "http://", "http://u:p@host", "http://h?k=1", "http://["],
)
def test_an_address_that_cannot_be_one_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="must be http") as refused:
        UpstreamHttp(url)
    assert "u:p" not in refused.value.message


@pytest.mark.parametrize("busy", [fails(429, Retry_After="0"), fails(503), fails(429)])
async def test_a_busy_server_is_asked_again(busy: Reply) -> None:
    async with ScriptedChat([busy, busy, says("hi")]) as chat, upstream(chat.url) as model:
        assert (await ask(model))[0] == TextDelta("hi")
        assert len(chat.requests) == 3


async def test_a_lost_connection_is_tried_again_while_nothing_has_come() -> None:
    async with ScriptedChat([says("a"), says("b")]) as chat, upstream(chat.url) as model:
        await ask(model)
        # The server closes the connection that the client keeps for its next request.
        for connection in list(chat.connections):
            connection.force_close()
            if connection.transport:
                connection.transport.abort()
        assert (await ask(model))[0] == TextDelta("b")


async def test_patience_is_bounded() -> None:
    async with ScriptedChat([fails(503)] * 9) as chat, upstream(chat.url) as model:
        assert failed((await ask(model))[0]).status == 503
        assert len(chat.requests) == 3


async def test_a_long_retry_after_is_the_clients_to_wait() -> None:
    async with ScriptedChat([fails(429, Retry_After="60")]) as chat, upstream(chat.url) as model:
        event = failed((await ask(model))[0])
        assert (event.status, event.retry_after_s, event.retryable) == (429, 60, True)
        assert len(chat.requests) == 1


@pytest.mark.parametrize("retry_after", ["soon", "-1", "nan", "inf"])
async def test_an_odd_retry_after_counts_as_none(retry_after: str) -> None:
    replies = [fails(503, Retry_After=retry_after), says("hi")]
    async with ScriptedChat(replies) as chat, upstream(chat.url) as model:
        assert (await ask(model))[0] == TextDelta("hi")


@pytest.mark.parametrize(("status", "ours"), [(400, 502), (404, 502), (500, 502), (504, 504)])
async def test_other_refusals_are_final(status: int, ours: int) -> None:
    async with ScriptedChat([fails(status, "because")]) as chat, upstream(chat.url) as model:
        event = failed((await ask(model))[0])
        assert event.message == f"The language model server answered {status}: because"
        assert event.status == ours
        assert len(chat.requests) == 1


async def test_nobody_there_is_said_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    async with upstream(f"http://127.0.0.1:{port}") as model:
        event = failed((await ask(model))[0])
        assert (event.code, event.status, event.retryable) == ("upstream_unreachable", 503, True)


@pytest.mark.parametrize("then", ["end", "cut"])
async def test_a_reply_that_breaks_off_fails_the_turn(then: str) -> None:
    reply = Reply((chunk(content="He"),), then=then)
    async with ScriptedChat([reply]) as chat, upstream(chat.url) as model:
        events = await ask(model)
        assert events[0] == TextDelta("He")
        assert failed(events[1]).retryable


@pytest.mark.parametrize("pieces", [(), (chunk(content="He"),)])
async def test_silence_fails_the_turn(pieces: tuple[bytes, ...]) -> None:
    impatient = HttpLimits(first_byte_s=0.3, idle_s=0.2)
    event = failed(await ask_once(Reply(pieces, then="hang"), impatient))
    assert (event.code, event.status) == ("upstream_timeout", 504)


async def test_an_endless_reply_is_cut_off() -> None:
    small = HttpLimits(response_bytes=1000)
    event = failed(await ask_once(Reply((chunk(content="x" * 2000),)), small))
    assert "more than 1000 bytes" in event.message


async def test_an_endless_error_is_read_in_part() -> None:
    event = failed(await ask_once(Reply((b"x" * 100_000,), status=400, then="hang")))
    assert event.code == "upstream_400"


async def test_an_error_that_breaks_off_is_told_by_its_status() -> None:
    event = failed(await ask_once(Reply((b"oh",), status=400, then="cut")))
    assert event.code == "upstream_400"


async def test_redirects_are_not_followed() -> None:
    async with ScriptedChat([says("stolen")]) as other:
        location = {"Location": f"{other.url}/v1/chat/completions"}
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


async def test_what_cannot_be_said_fails_the_turn_before_it_is_sent() -> None:
    unanswered = TurnRequest("m", (FunctionCall("a", "draw", "{}"),))
    async with ScriptedChat([]) as chat, upstream(chat.url) as model:
        assert failed((await ask(model, unanswered))[0]).status == 400
        assert chat.requests == []


async def test_closing_the_iterator_closes_the_connection() -> None:
    reply = Reply((chunk(content="He"),), then="hang")
    async with ScriptedChat([reply]) as chat, upstream(chat.url) as model:
        events = model.stream(HELLO)
        assert await anext(events) == TextDelta("He")
        await events.aclose()
        await chat.has_left.wait()


async def test_a_turn_ends_at_done_even_if_the_server_stays() -> None:
    reply = Reply(says("hi").pieces, then="hang")
    async with ScriptedChat([reply]) as chat, upstream(chat.url) as model:
        assert (await ask(model))[-1] == TurnEnded(Usage(10, 5))
        await chat.has_left.wait()


async def test_it_is_used_when_open() -> None:
    with pytest.raises(RuntimeError):
        await ask(ChatUpstream(UpstreamHttp("http://127.0.0.1:1")))
