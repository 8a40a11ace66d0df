"""What a server refuses by name is left out, said to be, and not sent again."""

from __future__ import annotations

from typing import Any

import pytest

from limner.core.items import Message, TextPart
from limner.core.ports import Upstream
from limner.core.turn import Sampling, TextDelta, TurnEnded, TurnEvent, TurnFailed, TurnRequest
from limner.upstreams.anthropic import AnthropicUpstream, anthropic_http
from limner.upstreams.chat import ChatUpstream
from limner.upstreams.http import HttpLimits, UpstreamHttp
from limner.upstreams.responses import ResponsesUpstream
from tests import scripted_anthropic as anthropic
from tests import scripted_responses as responses
from tests.scripted_anthropic import ScriptedAnthropic
from tests.scripted_chat import ScriptedChat, fails, says
from tests.scripted_responses import ScriptedResponses

ASKED = Sampling(
    temperature=0.5, verbosity="low", reasoning_effort="low", max_output_tokens=20, top_p=0.9
)
LIMITS = HttpLimits(retries=0)


def asked(sampling: Sampling = ASKED, model: str = "m") -> TurnRequest:
    return TurnRequest(model, (Message("user", (TextPart("hi"),)),), sampling=sampling)


def refusal(*names: str) -> str:
    return f"lm_studio does not support parameters: {list(names)}, for model=m."


async def told(upstream: Upstream, request: TurnRequest) -> list[TurnEvent]:
    return [event async for event in upstream.stream(request)]


def left_out(events: list[TurnEvent]) -> list[str]:
    *_, end = events
    assert isinstance(end, TurnEnded), end
    return [sentence.partition(":")[0] for sentence in end.adjustments]


async def test_a_request_is_repeated_without_what_is_refused_and_says_so() -> None:
    script = [fails(400, refusal("reasoning_effort", "verbosity")), says("Hi."), says("Again.")]
    async with ScriptedChat(script) as server, UpstreamHttp(server.url, limits=LIMITS) as http:
        upstream = ChatUpstream(http)
        first = await told(upstream, asked())
        again = await told(upstream, asked())
    assert first[0] == TextDelta("Hi.")
    assert left_out(first) == left_out(again) == ["reasoning.effort", "text.verbosity"]
    sent = [{"reasoning_effort", "verbosity"} & request.keys() for request in server.requests]
    assert sent == [{"reasoning_effort", "verbosity"}, set(), set()]
    assert all(request["temperature"] == 0.5 for request in server.requests)


async def test_refusals_that_come_one_by_one_are_answered_one_by_one() -> None:
    script = [
        fails(400, "Unsupported parameter: 'temperature' is not supported with this model."),
        fails(400, "Unknown parameter: 'max_completion_tokens'."),
        fails(422, "Unexpected fields in the request: {'stream_options'}"),
        says("Hi."),
    ]
    async with ScriptedChat(script) as server, UpstreamHttp(server.url, limits=LIMITS) as http:
        events = await told(ChatUpstream(http), asked())
    assert left_out(events) == ["temperature"]
    last = server.requests[-1]
    assert last["max_tokens"] == 20
    assert not {"temperature", "max_completion_tokens", "stream_options"} & last.keys()


async def test_what_one_model_refuses_another_may_know() -> None:
    script = [fails(400, refusal("verbosity")), says("Hi."), says("Hi.")]
    async with ScriptedChat(script) as server, UpstreamHttp(server.url, limits=LIMITS) as http:
        upstream = ChatUpstream(http)
        await told(upstream, asked())
        assert left_out(await told(upstream, asked(model="n"))) == []
    assert server.requests[-1]["verbosity"] == "low"


async def test_nothing_is_said_to_clients_that_did_not_ask_for_it() -> None:
    script = [fails(400, refusal("verbosity")), says("Hi."), says("Hi.")]
    async with ScriptedChat(script) as server, UpstreamHttp(server.url, limits=LIMITS) as http:
        upstream = ChatUpstream(http)
        await told(upstream, asked())
        assert left_out(await told(upstream, asked(Sampling()))) == []


@pytest.mark.parametrize(
    "words", ["no", "temperature must be at most 2", "Unknown model 'm'", refusal("seed")]
)
async def test_other_refusals_stand(words: str) -> None:
    async with (
        ScriptedChat([fails(400, words)]) as server,
        UpstreamHttp(server.url, limits=LIMITS) as http,
    ):
        (failed,) = await told(ChatUpstream(http), asked())
    assert isinstance(failed, TurnFailed)
    assert failed.message.startswith("The language model server answered 400: ")


async def test_a_field_that_has_two_names_and_is_refused_under_both_ends_the_turn() -> None:
    names = ("max_completion_tokens", "max_tokens", "max_completion_tokens")
    script = [fails(400, f"Unknown parameter: '{name}'.") for name in names]
    async with ScriptedChat(script) as server, UpstreamHttp(server.url, limits=LIMITS) as http:
        (failed,) = await told(ChatUpstream(http), asked())
    assert isinstance(failed, TurnFailed)
    assert len(server.requests) == 3


async def test_a_busy_server_refuses_no_field() -> None:
    async with (
        ScriptedChat([fails(503, refusal("verbosity"))]) as server,
        UpstreamHttp(server.url, limits=LIMITS) as http,
    ):
        (failed,) = await told(ChatUpstream(http), asked())
    assert isinstance(failed, TurnFailed)
    assert failed.retryable


async def test_servers_of_the_responses_api_are_asked_again_too() -> None:
    script = [fails(400, refusal("reasoning_effort")), responses.says("Hi.")]
    async with (
        ScriptedResponses(script) as server,
        UpstreamHttp(server.url, limits=LIMITS) as http,
    ):
        events = await told(ResponsesUpstream(http), asked())
    assert left_out(events) == ["reasoning"]
    assert "reasoning" not in server.requests[-1]
    assert server.requests[-1]["text"] == {"verbosity": "low"}


async def test_a_server_that_cannot_store_is_not_told_not_to() -> None:
    refused = "LlmProviders.X does not support parameters: {'store': False}, for model=m."
    async with (
        ScriptedResponses([fails(400, refused), responses.says("Hi.")]) as server,
        UpstreamHttp(server.url, limits=LIMITS) as http,
    ):
        events = await told(ResponsesUpstream(http), asked(Sampling()))
    assert left_out(events) == []
    assert [request.get("store") for request in server.requests] == [False, None]


async def test_servers_of_the_messages_api_are_asked_again_too() -> None:
    script: list[Any] = [
        anthropic.fails(400, "invalid_request_error", refusal("reasoning_effort")),
        anthropic.says("Hi."),
    ]
    async with (
        ScriptedAnthropic(script) as server,
        anthropic_http(server.url, limits=LIMITS) as http,
    ):
        events = await told(AnthropicUpstream(http), asked())
    assert "reasoning.effort" in left_out(events)
    first, last = server.requests
    assert "thinking" in first
    assert not {"thinking", "output_config"} & last.keys()
