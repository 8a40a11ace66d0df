"""A model without function calling behind a Chat server."""

from __future__ import annotations

from contextlib import AsyncExitStack, aclosing
from dataclasses import replace
from typing import Literal

import orjson
import pytest

from limner.app.upstreams import ModelServer, open_server_of_models
from limner.core.items import FunctionCall, FunctionCallOutput, Item, Message, TextPart
from limner.core.turn import (
    CallEnded,
    FunctionTool,
    Sampling,
    TextDelta,
    TurnEnded,
    TurnEvent,
    TurnFailed,
    TurnRequest,
)
from limner.upstreams.http import HttpLimits
from limner.upstreams.prompted import ADJUSTMENT, NO_LOGPROBS
from limner.wire.chat_logprobs import NONE_TOLD
from tests.scripted_chat import Reply, ScriptedChat, says

DRAW = FunctionTool("draw", "Paints.", {"type": "object"})
BLOCK = '```tool_call\n{"name": "draw", "arguments": {"prompt": "a cat"}}\n```'
PAST = (
    FunctionCall("call_1", "draw", '{"prompt": "a cat"}'),
    FunctionCallOutput("call_1", (TextPart("done"),)),
)


def user(text: str) -> Message:
    return Message("user", (TextPart(text),))


def refusal(message: str, status: int = 400) -> Reply:
    body = orjson.dumps({"error": {"message": message}})
    return Reply((body,), status, {"Content-Type": "application/json"})


async def turns(
    server: ScriptedChat,
    *requests: TurnRequest,
    tools: Literal["auto", "native", "prompted"] = "auto",
) -> list[list[TurnEvent]]:
    limits = HttpLimits(retry_wait_s=0)
    async with AsyncExitStack() as stack:
        model = ModelServer(server.url, "chat", tools=tools, limits=limits)
        upstream = await open_server_of_models(model, stack)
        heard = []
        for request in requests:
            async with aclosing(upstream.stream(request)) as events:
                heard.append([event async for event in events])
        return heard


def asking(
    *items: Item, tools: tuple[FunctionTool, ...] = (DRAW,), model: str = "m"
) -> TurnRequest:
    return TurnRequest(model, (user("Draw a cat."), *items), tools=tools)


async def test_a_model_is_prompted_and_its_block_is_a_call() -> None:
    async with ScriptedChat([says("Sure. ", BLOCK)]) as server:
        (events,) = await turns(server, asking(), tools="prompted")
    words, *_, ended, last = events
    assert words == TextDelta("Sure.")
    assert isinstance(ended, CallEnded)
    assert ended.arguments == '{"prompt": "a cat"}'
    assert isinstance(last, TurnEnded)
    assert last.adjustments == (ADJUSTMENT,)
    (sent,) = server.requests
    assert "tools" not in sent
    assert "tool_call" in sent["messages"][0]["content"]


async def test_past_calls_are_words_even_where_no_function_is_offered() -> None:
    async with ScriptedChat([says("Good.")]) as server:
        await turns(server, asking(*PAST, user("Well?"), tools=()), tools="prompted")
    assert [message["role"] for message in server.requests[0]["messages"]] == [
        "user",
        "assistant",
        "user",
    ]


async def test_what_has_to_do_with_no_function_passes_as_it_is() -> None:
    async with ScriptedChat([says("Here: ", BLOCK)]) as server:
        (events,) = await turns(server, asking(tools=()), tools="prompted")
    assert events[1] == TextDelta(BLOCK)
    assert isinstance(events[-1], TurnEnded)
    assert events[-1].adjustments == ()


@pytest.mark.parametrize(
    ("message", "status"),
    [
        ("registry.ollama.ai/library/gemma:latest does not support tools", 400),
        (
            '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be '
            "set",
            400,
        ),
        ("tools param requires --jinja flag", 500),
        ("Unsupported param: tools", 500),
        ("No endpoints found that support tool use.", 404),
        ("`tool calling` is not supported with this model", 400),
        ("Function calling is not enabled for this model", 400),
        ("deepseek-reasoner does not support Function Calling", 400),
        ("perplexity does not support parameters: ['seed', 'tools'], for model=m.", 400),
        ("perplexity does not support parameters: {'tools': []}, for model=m.", 400),
    ],
)
async def test_a_server_that_refuses_functions_is_asked_without_and_from_then_on(
    message: str, status: int
) -> None:
    script = [refusal(message, status), says(BLOCK), says(BLOCK)]
    async with ScriptedChat(script) as server:
        first, second = await turns(server, asking(), asking())
    assert [isinstance(events[-1], TurnEnded) for events in (first, second)] == [True, True]
    assert ["tools" in request for request in server.requests] == [True, False, False]


async def test_each_model_shows_by_itself_what_it_can() -> None:
    script = [refusal("x does not support tools"), says(BLOCK), says("Hello.")]
    async with ScriptedChat(script) as server:
        await turns(server, asking(model="x"), asking(model="y"))
    assert ["tools" in request for request in server.requests] == [True, False, True]


async def test_other_refusals_are_the_model_s_answer() -> None:
    async with ScriptedChat([refusal("The context is too long.")]) as server:
        ((failed,),) = await turns(server, asking())
    assert isinstance(failed, TurnFailed)
    async with ScriptedChat([refusal("m does not support tools")]) as server:
        ((failed,),) = await turns(server, asking(), tools="native")
    assert isinstance(failed, TurnFailed)
    async with ScriptedChat([refusal("m does not support tools")]) as server:
        ((failed,),) = await turns(server, asking(tools=()))
    assert isinstance(failed, TurnFailed)


async def test_a_failure_ends_a_prompted_turn() -> None:
    async with ScriptedChat([refusal("gone")]) as server:
        ((failed,),) = await turns(server, asking(), tools="prompted")
    assert isinstance(failed, TurnFailed)


async def test_text_that_calls_are_read_out_of_has_no_log_probabilities() -> None:
    likely = Sampling(logprobs=True, top_logprobs=2)
    requests = asking(), asking(tools=())
    async with ScriptedChat([says("Sure. ", BLOCK), says("Hi.")]) as server:
        prompted, plain = await turns(
            server, *(replace(each, sampling=likely) for each in requests), tools="prompted"
        )
    assert isinstance(prompted[-1], TurnEnded)
    assert prompted[-1].adjustments == (ADJUSTMENT, NO_LOGPROBS)
    assert ["logprobs" in sent for sent in server.requests] == [False, True]
    assert isinstance(plain[-1], TurnEnded)
    assert plain[-1].adjustments == (NONE_TOLD,)
