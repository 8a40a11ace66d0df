"""The Anthropic upstream against scripted servers on loopback, alone and in whole responses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from limner.core.actions import StartTurn
from limner.core.events import ReasoningItem, Response, TerminalEvent
from limner.core.image import ImageCompleted, Resolved
from limner.core.items import FunctionCall, ImagePart, Item, Message, Reasoning, TextPart
from limner.core.request import ImageTool, ImageToolChoice, ResponseRequest
from limner.core.run import ResponseRun
from limner.core.turn import (
    CallDelta,
    CallEnded,
    CallStarted,
    FunctionTool,
    ReasoningDelta,
    ReasoningSealed,
    Sampling,
    TextDelta,
    TurnEnded,
    TurnEvent,
    TurnFailed,
    TurnRequest,
    UpstreamCapabilities,
    Usage,
)
from limner.upstreams.anthropic import MAX_REPLIES, AnthropicUpstream, anthropic_http
from limner.upstreams.http import HttpLimits
from limner.wire.anthropic_thoughts import seal
from tests.pictures import picture
from tests.scripted_anthropic import (
    ScriptedAnthropic,
    block,
    call,
    calls,
    event,
    fails,
    reply,
    says,
    text,
    thought,
)
from tests.scripted_chat import Reply

HELLO = TurnRequest("m", (Message("user", (TextPart("hello"),)),))
AT_ONCE = HttpLimits(retry_wait_s=0)
THOUGHT = {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}
REDACTED = {"type": "redacted_thinking", "data": "b3BhcXVl"}


@asynccontextmanager
async def upstream(
    url: str, key: str | None = None, **options: Any
) -> AsyncIterator[AnthropicUpstream]:
    async with anthropic_http(url, key=key, limits=AT_ONCE) as http:
        yield AnthropicUpstream(http, **options)


async def ask(model: AnthropicUpstream, request: TurnRequest = HELLO) -> list[TurnEvent]:
    async with aclosing(model.stream(request)) as events:
        return [event async for event in events]


def failed(event: TurnEvent) -> TurnFailed:
    assert isinstance(event, TurnFailed), event
    return event


async def test_text_comes_in_deltas_with_usage() -> None:
    async with ScriptedAnthropic([says("Hel", "lo")]) as server, upstream(server.url) as model:
        assert await ask(model) == [TextDelta("Hel"), TextDelta("lo"), TurnEnded(Usage(10, 5))]
        hello = [{"type": "text", "text": "hello"}]
        assert server.requests[0]["messages"] == [{"role": "user", "content": hello}]


async def test_the_key_and_the_version_stand_where_the_api_wants_them() -> None:
    async with (
        ScriptedAnthropic([says("hi")]) as server,
        upstream(server.url, "sk-ant-1") as model,
    ):
        await ask(model)
        (headers,) = server.headers
    assert headers["x-api-key"] == "sk-ant-1"
    assert headers["anthropic-version"] == "2023-06-01"
    assert "Authorization" not in headers


async def test_a_call_comes_in_pieces_with_the_thought_before_it() -> None:
    request = TurnRequest("m", HELLO.items, tools=(FunctionTool("draw"),))
    script = [reply(thought(0, "Hm.", "c2ln"), call(1, "t1", "draw", {"n": 1}), stop="tool_use")]
    async with ScriptedAnthropic(script) as server, upstream(server.url) as model:
        assert await ask(model, request) == [
            ReasoningDelta("Hm."),
            ReasoningSealed(seal(THOUGHT)),
            CallStarted("call_0", "t1", "draw"),
            CallDelta("call_0", '{"n'),
            CallDelta("call_0", '":1}'),
            CallEnded("call_0", '{"n":1}'),
            TurnEnded(Usage(10, 5)),
        ]


async def test_the_operator_may_name_model_eyes_thinking_and_limit() -> None:
    shown = Message("user", (ImagePart(picture()),))
    request = TurnRequest("m", (shown,), sampling=Sampling(reasoning_effort="low"))
    blind = UpstreamCapabilities("theirs", vision=False)
    async with (
        ScriptedAnthropic([says("hi")]) as server,
        upstream(
            server.url,
            model="theirs",
            capabilities=blind,
            thinking="budget",
            max_tokens=5000,
        ) as model,
    ):
        assert model.capabilities == replace(blind, encrypted_reasoning=True)
        await ask(model, request)
        (sent,) = server.requests
    assert (sent["model"], sent["max_tokens"]) == ("theirs", 7048)
    assert sent["thinking"] == {"type": "enabled", "budget_tokens": 2048}
    assert "which you cannot see" in sent["messages"][0]["content"][0]["text"]


async def test_by_itself_it_names_what_it_speaks() -> None:
    async with upstream("http://127.0.0.1:1") as model:
        assert model.capabilities == UpstreamCapabilities("anthropic", encrypted_reasoning=True)


async def test_what_the_dialect_cannot_say_is_told_with_the_end() -> None:
    request = TurnRequest("m", HELLO.items, sampling=Sampling(temperature=1.5))
    async with ScriptedAnthropic([says("hi")]) as server, upstream(server.url) as model:
        end = (await ask(model, request))[-1]
    assert isinstance(end, TurnEnded)
    assert end.adjustments == ("temperature: 1, the highest that this model server knows.",)


@pytest.mark.parametrize(
    "busy",
    [
        fails(529, "overloaded_error"),
        fails(429, "rate_limit_error", retry_after="0"),
        fails(503, "api_error"),
    ],
)
async def test_an_overloaded_server_is_asked_again(busy: Reply) -> None:
    async with (
        ScriptedAnthropic([busy, busy, says("hi")]) as server,
        upstream(server.url) as model,
    ):
        assert (await ask(model))[0] == TextDelta("hi")
        assert len(server.requests) == 3


async def test_patience_with_an_overloaded_server_is_bounded() -> None:
    script = [fails(529, "overloaded_error", "Overloaded")] * 9
    async with ScriptedAnthropic(script) as server, upstream(server.url) as model:
        (last,) = await ask(model)
        assert len(server.requests) == 3
    assert last == TurnFailed(
        "The language model server answered 529: Overloaded", "overloaded_error", 503, True
    )


@pytest.mark.parametrize(
    ("status", "kind"), [(400, "invalid_request_error"), (413, "request_too_large")]
)
async def test_other_refusals_are_final(status: int, kind: str) -> None:
    script = [fails(status, kind, "because")]
    async with ScriptedAnthropic(script) as server, upstream(server.url) as model:
        (last,) = await ask(model)
        assert len(server.requests) == 1
    assert last == TurnFailed(f"The language model server answered {status}: because", kind)


async def test_a_refused_key_is_not_repeated() -> None:
    script = [fails(401, "authentication_error", "invalid x-api-key: sk-ant-1")]
    async with ScriptedAnthropic(script) as server, upstream(server.url, "sk-ant-1") as model:
        assert "sk-ant" not in failed((await ask(model))[-1]).message


async def test_an_error_amid_the_stream_is_not_repeated() -> None:
    broken = Reply((*text(0, "He"), event("error", error={"type": "overloaded_error"})))
    async with ScriptedAnthropic([broken]) as server, upstream(server.url) as model:
        first, last = await ask(model)
        assert len(server.requests) == 1
    assert first == TextDelta("He")
    assert (failed(last).code, failed(last).retryable) == ("overloaded_error", True)


@pytest.mark.parametrize("then", ["end", "cut"])
async def test_a_reply_that_breaks_off_fails_the_turn(then: str) -> None:
    script = [Reply(text(0, "He"), then=then)]
    async with ScriptedAnthropic(script) as server, upstream(server.url) as model:
        assert failed((await ask(model))[-1]).retryable


async def test_a_paused_reply_is_sent_back_and_goes_on() -> None:
    asked = {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {}}
    query = {"type": "input_json_delta", "partial_json": '{"query":"cats"}'}
    script = [
        reply(text(0, "Let me see."), block(1, asked, query), stop="pause_turn"),
        reply(text(0, "Still looking."), stop="pause_turn"),
        says("Found."),
    ]
    async with ScriptedAnthropic(script) as server, upstream(server.url) as model:
        assert await ask(model) == [
            TextDelta("Let me see."),
            TextDelta("Still looking."),
            TextDelta("Found."),
            TurnEnded(Usage(30, 15)),
        ]
        first, _, third = (request["messages"] for request in server.requests)
    assert third == [
        *first,
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "Let me see."},
                {**asked, "input": {"query": "cats"}},
                {"type": "text", "text": "Still looking."},
            ],
        },
    ]


async def test_pauses_are_bounded() -> None:
    script = [reply(text(0, "Hm."), stop="pause_turn")] * (MAX_REPLIES + 1)
    async with ScriptedAnthropic(script) as server, upstream(server.url) as model:
        assert "paused 8 times" in failed((await ask(model))[-1]).message
        assert len(server.requests) == MAX_REPLIES


async def test_what_cannot_be_said_fails_the_turn_before_it_is_sent() -> None:
    unanswered = TurnRequest("m", (FunctionCall("a", "draw", "{}"),))
    async with ScriptedAnthropic([]) as server, upstream(server.url) as model:
        assert failed((await ask(model, unanswered))[0]).status == 400
        assert server.requests == []


@asynccontextmanager
async def counting(*replies: Reply) -> AsyncIterator[ScriptedAnthropic]:
    server = ScriptedAnthropic(replies)
    server.path = "/v1/messages/count_tokens"
    async with server:
        yield server


async def test_it_counts_what_it_would_be_asked() -> None:
    request = replace(HELLO, tools=(FunctionTool("f"),), sampling=Sampling(temperature=0.5))
    async with (
        counting(Reply((b'{"input_tokens": 12}',))) as server,
        upstream(server.url) as model,
    ):
        assert await model.count(request) == 12
    (asked,) = server.requests
    assert set(asked) <= {"model", "messages", "tools", "tool_choice", "thinking"}
    assert asked["messages"][0]["content"] == [{"type": "text", "text": "hello"}]
    assert asked["tools"][0]["name"] == "f"


NO_COUNTS = (b"<html>", b"[]", b'{"input_tokens": true}')


@pytest.mark.parametrize(
    "answer", [fails(404, "not_found_error"), *(Reply((body,)) for body in NO_COUNTS)]
)
async def test_where_it_does_not_count_it_does_not_guess(answer: Reply) -> None:
    async with counting(answer) as server, upstream(server.url) as model:
        assert await model.count(HELLO) is None


async def test_closing_the_iterator_closes_the_connection() -> None:
    script = [Reply(text(0, "He"), then="hang")]
    async with ScriptedAnthropic(script) as server, upstream(server.url) as model:
        events = model.stream(HELLO)
        assert await anext(events) == TextDelta("He")
        await events.aclose()
        await server.has_left.wait()


async def test_a_turn_ends_at_message_stop_even_if_the_server_stays() -> None:
    script = [reply(text(0, "hi"), stop="end_turn", then="hang")]
    async with ScriptedAnthropic(script) as server, upstream(server.url) as model:
        assert (await ask(model))[-1] == TurnEnded(Usage(10, 5))
        await server.has_left.wait()


async def respond(model: AnthropicUpstream, request: ResponseRequest) -> Response:
    """Run a whole response; every picture is painted at once."""
    run = ResponseRun(request, response_id="resp_1", new_id=lambda prefix: prefix, clock=lambda: 0)
    events = run.events()
    while not run.is_finished:
        action = run.action()
        if isinstance(action, StartTurn):
            async with aclosing(model.stream(action.request)) as turn:
                async for turn_event in turn:
                    run.receive(turn_event)
        else:
            run.receive(ImageCompleted(picture(), Resolved()))
        events += run.events()
    last = events[-1]
    assert isinstance(last, TerminalEvent)
    return last.response


def asking(*items: Item, effort: str = "high", **fields: Any) -> ResponseRequest:
    return ResponseRequest(
        "m",
        (*HELLO.items, *items),
        stream=True,
        image_tool=ImageTool(index=0),
        sampling=Sampling(reasoning_effort=effort),
        **fields,
    )


DRAWS = reply(
    thought(0, "Hm.", "c2ln"),
    block(1, REDACTED),
    text(2, "One moment."),
    call(3, "toolu_1", "image_generation", {"prompt": "a cat"}),
    stop="tool_use",
)


@pytest.mark.parametrize("style", ["adaptive", "budget"])
async def test_thoughts_go_back_with_the_call_that_they_led_to(style: str) -> None:
    script = [DRAWS, says("Here.")]
    async with (
        ScriptedAnthropic(script) as server,
        upstream(server.url, thinking=style) as model,
    ):
        response = await respond(model, asking())
        first, second = server.requests
    assert response.status == "completed"
    assert response.usage == Usage(20, 10)
    assert response.adjustments == ()
    assert first["thinking"] == second["thinking"]
    _, assistant, user = second["messages"]
    assert assistant["content"] == [
        THOUGHT,
        REDACTED,
        {"type": "text", "text": "One moment."},
        {
            "type": "tool_use",
            "id": "toolu_1",
            "name": "image_generation",
            "input": {"prompt": "a cat"},
        },
    ]
    (result,) = user["content"]
    assert [part["type"] for part in result["content"]] == ["text", "image"]


async def test_thoughts_come_back_from_the_client_in_the_next_request() -> None:
    async with ScriptedAnthropic([DRAWS, says("Here."), says("Yes.")]) as server:
        async with upstream(server.url) as model:
            response = await respond(model, asking())
            echoed = [
                Reasoning("".join(p.text for p in item.parts), item.id, item.encrypted_content)
                for item in response.output
                if isinstance(item, ReasoningItem)
            ]
            said = Message("assistant", (TextPart("Here."),))
            await respond(model, asking(*echoed, said, *HELLO.items))
        assert server.requests[2]["messages"][1]["content"][:2] == [THOUGHT, REDACTED]


async def test_a_forced_picture_goes_without_thinking_and_the_rest_of_the_turn_as_well() -> None:
    script = [calls("image_generation", {"prompt": "a cat"}), says("Here.")]
    async with (
        ScriptedAnthropic(script) as server,
        upstream(server.url, thinking="budget") as model,
    ):
        response = await respond(model, asking(tool_choice=ImageToolChoice()))
        first, second = server.requests
    assert first["tool_choice"] == {"type": "tool", "name": "image_generation"}
    assert "thinking" not in first
    assert "thinking" not in second
    assert [adjustment[:29] for adjustment in response.adjustments] == [
        "reasoning.effort: no thinking"
    ] * 2
