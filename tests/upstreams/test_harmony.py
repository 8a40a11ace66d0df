"""The Harmony upstream against scripted servers on loopback."""

from __future__ import annotations

import datetime
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from limner.core.image import ImageCapabilities, ImageEvent, ImageRequest
from limner.core.image_tool import GATE_MESSAGE, Denial
from limner.core.turn import (
    CallDelta,
    CallEnded,
    CallStarted,
    FunctionTool,
    NamedChoice,
    ReasoningDelta,
    Sampling,
    TextDelta,
    TurnEnded,
    TurnEvent,
    TurnFailed,
    TurnRequest,
    Usage,
)
from limner.gateway.driver import respond
from limner.upstreams.harmony import HarmonyUpstream, Vocabulary
from limner.upstreams.http import HttpLimits, UpstreamHttp
from tests.core.recorded import asking, brief, painted
from tests.scripted_chat import Reply, fails
from tests.scripted_completions import ScriptedCompletions, calls, piece, says, writes
from tests.wire.harmony_conversation import output
from tests.wire.harmony_conversation import says as message

HELLO = TurnRequest("m", (message("user", "hello"),), tools=(FunctionTool("draw"),))
AT_ONCE = HttpLimits(retry_wait_s=0)
LETTERS = Vocabulary(
    encode=lambda text: [ord(letter) for letter in text],
    decode=lambda tokens: "".join(map(chr, tokens)),
)


@asynccontextmanager
async def upstream(url: str, **options: Any) -> AsyncIterator[HarmonyUpstream]:
    async with UpstreamHttp(url, limits=AT_ONCE) as http:
        today = datetime.date(2026, 1, 31)
        yield HarmonyUpstream(http, today=lambda: today, **options)


async def ask(model: HarmonyUpstream, request: TurnRequest = HELLO) -> list[TurnEvent]:
    async with aclosing(model.stream(request)) as events:
        return [event async for event in events]


async def ask_once(
    reply: Reply, request: TurnRequest = HELLO, **options: Any
) -> tuple[list[TurnEvent], dict[str, Any]]:
    """What a server with this one reply makes of a turn, and what it was asked."""
    async with ScriptedCompletions([reply]) as server, upstream(server.url, **options) as model:
        return await ask(model, request), (server.requests or [{}])[0]


async def test_thoughts_and_an_answer_come_in_deltas_with_usage() -> None:
    events, asked = await ask_once(says("Hel", "lo"))
    assert events == [
        ReasoningDelta("Hm."),
        TextDelta("Hel"),
        TextDelta("lo"),
        TurnEnded(Usage(10, 5)),
    ]
    assert "Current date: 2026-01-31" in asked["prompt"]
    assert asked["prompt"].endswith("<|start|>user<|message|>hello<|end|><|start|>assistant")
    assert asked["max_tokens"] is None


async def test_a_call_has_an_id_of_ours() -> None:
    events, _ = await ask_once(calls("functions.draw", {"n": 1}))
    started = events[0]
    assert isinstance(started, CallStarted)
    assert started.call_id.startswith("call_")
    assert started.call_id.endswith("_0")
    assert events[1:] == [
        CallDelta("call_0", '{"n":1}'),
        CallEnded("call_0", '{"n":1}'),
        TurnEnded(Usage(10, 5)),
    ]


async def test_a_forced_call_goes_on_where_the_prompt_ends() -> None:
    request = replace(HELLO, tool_choice=NamedChoice("draw"))
    events, asked = await ask_once(writes('{"n":1}'), request)
    assert asked["prompt"].endswith("to=functions.draw <|constrain|>json<|message|>")
    assert [type(event) for event in events] == [CallStarted, CallDelta, CallEnded, TurnEnded]


async def test_the_operator_may_name_the_model() -> None:
    _, asked = await ask_once(says("hi"), model="theirs")
    assert asked["model"] == "theirs"


async def test_with_a_vocabulary_prompts_and_replies_are_tokens() -> None:
    tokens = [200005, *map(ord, "final"), 200008, *map(ord, "Hi <|call|>"), 200002]
    reply = Reply((piece("Hi ", token_ids=tokens), piece(finish="stop"), b"data: [DONE]\n\n"))
    events, asked = await ask_once(reply, vocabulary=LETTERS)
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == "Hi <|call|>"
    assert asked["prompt"][:3] == [200006, ord("s"), ord("y")]
    assert asked["return_token_ids"] is True


async def test_what_is_not_done_as_asked_is_told() -> None:
    request = replace(HELLO, sampling=Sampling(verbosity="low"))
    events, _ = await ask_once(says("hi"), request)
    assert events[-1] == TurnEnded(
        Usage(10, 5), None, ("text.verbosity was left out: the model does not know it.",)
    )


async def test_a_conversation_that_cannot_be_said_is_refused() -> None:
    events, asked = await ask_once(says("hi"), replace(HELLO, items=(output("a", ""),)))
    (failed,) = events
    assert isinstance(failed, TurnFailed)
    assert failed.status == 400
    assert asked == {}


async def test_a_server_that_fails_fails_the_turn() -> None:
    events, _ = await ask_once(fails(500, "out of memory"))
    (failed,) = events
    assert isinstance(failed, TurnFailed)
    assert "out of memory" in failed.message


async def test_a_model_of_this_kind_cannot_see() -> None:
    async with upstream("http://127.0.0.1:1", model="gpt-oss") as model:
        assert not model.capabilities.vision
        assert not model.capabilities.parallel_tool_calls
        assert model.capabilities.name == "gpt-oss"


class Painter:
    """Paints at once."""

    capabilities = ImageCapabilities("painter")

    async def generate(self, request: ImageRequest) -> AsyncGenerator[ImageEvent, None]:
        yield painted()


async def respond_to(*replies: Reply, is_offered: bool, denial: Denial = "recover") -> list[str]:
    """A whole response over these replies, in brief."""
    request = asking() if is_offered else asking(image_tool=None)
    async with ScriptedCompletions(replies) as server, upstream(server.url) as model:
        events = respond(
            request,
            upstream=model,
            image_backend=Painter(),
            denial=denial,
        )
        return [brief(event) async for event in events]


@pytest.mark.parametrize(
    "recipient",
    [
        "functions.image_generation",
        "function.image_generation",
        "image_generation",
        "image_generation.generate",
        "functions.image_generation.generate",
        "images.generate",
        "images.edit",
    ],
)
async def test_the_image_tool_is_painted_by_whatever_name(recipient: str) -> None:
    seen = await respond_to(calls(recipient, {"prompt": "a cat"}), says("Here."), is_offered=True)
    assert "done #0 image completed" in seen
    assert seen[-1] == "COMPLETED"


async def test_a_model_that_paints_unasked_is_told_no_and_goes_on() -> None:
    seen = await respond_to(
        calls("images.generate", {"prompt": "a cat"}), says("I cannot."), is_offered=False
    )
    assert seen[2:6] == [
        "added #0 image",
        "image in_progress #0",
        "image generating #0",
        "done #0 image failed",
    ]
    assert seen[-1] == "COMPLETED"


async def test_a_model_that_paints_unasked_may_end_the_response() -> None:
    seen = await respond_to(
        calls("image_generation.generate", {"prompt": "a cat"}), is_offered=False, denial="error"
    )
    assert seen[-2:] == [f"DENIED {GATE_MESSAGE}", "FAILED image_generation_disabled"]
