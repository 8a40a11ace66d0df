"""The Responses upstream against scripted servers on loopback, alone and within whole responses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pybase64

from limner.core.events import ImageCallItem, OpaqueItem, Response, TerminalEvent
from limner.core.fitting import pass_image_tool
from limner.core.items import Message, TextPart
from limner.core.request import ResponseRequest
from limner.core.turn import (
    CallEnded,
    MessageEnded,
    PicturePreview,
    TextDelta,
    TurnEnded,
    TurnEvent,
    TurnFailed,
    TurnRequest,
    UpstreamCapabilities,
    Usage,
)
from limner.gateway.driver import respond
from limner.upstreams.http import HttpLimits, UpstreamHttp
from limner.upstreams.responses import ResponsesUpstream
from limner.wire.parse import parse_request
from limner.wire.responses import response_json
from tests.pictures import picture
from tests.scripted_images import ScriptedImages, done
from tests.scripted_responses import (
    Reply,
    ScriptedResponses,
    call,
    calls,
    event,
    fails,
    item,
    message,
    reply,
    says,
)

HELLO = TurnRequest("m", (Message("user", (TextPart("hello"),)),))
END = TurnEnded(Usage(10, 5, 2, 1))
TOOL = {"type": "image_generation", "partial_images": 1}
THOUGHT = {"id": "rs_up", "type": "reasoning", "summary": [], "encrypted_content": "sealed"}
SEARCH = {"id": "ws_up", "type": "web_search_call", "status": "completed", "action": {"q": "x"}}
NO_SEALS = "Encrypted content is not supported with this model."


@asynccontextmanager
async def upstream(url: str, **options: Any) -> AsyncIterator[ResponsesUpstream]:
    async with UpstreamHttp(url, limits=HttpLimits(retry_wait_s=0)) as http:
        yield ResponsesUpstream(http, **options)


async def ask(model: ResponsesUpstream, request: TurnRequest = HELLO) -> list[TurnEvent]:
    async with aclosing(model.stream(request)) as events:
        return [event async for event in events]


def asked(**fields: Any) -> ResponseRequest:
    return parse_request({"model": "m", "input": "draw a cat", "stream": True, **fields})


async def answered(
    model: ResponsesUpstream, request: ResponseRequest, painter: ScriptedImages | None = None
) -> Response:
    async with aclosing(respond(request, upstream=model, image_backend=painter)) as events:
        last = [event async for event in events][-1]
    assert isinstance(last, TerminalEvent)
    return last.response


async def test_text_comes_in_deltas_with_usage() -> None:
    async with ScriptedResponses([says("Hel", "lo")]) as server, upstream(server.url) as model:
        assert await ask(model) == [TextDelta("Hel"), TextDelta("lo"), MessageEnded(), END]
        assert server.requests[0]["store"] is False


async def test_an_address_may_be_pasted_whole() -> None:
    async with (
        ScriptedResponses([says("hi")]) as server,
        upstream(f"{server.url}/v1/responses") as model,
    ):
        assert (await ask(model))[0] == TextDelta("hi")


async def test_the_operator_may_name_model_and_eyes() -> None:
    blind = UpstreamCapabilities("theirs", vision=False)
    async with (
        ScriptedResponses([says("hi")]) as server,
        upstream(server.url, model="theirs", capabilities=blind) as model,
    ):
        assert model.capabilities is blind
        await ask(model)
        assert server.requests[0]["model"] == "theirs"


async def test_a_model_without_seals_is_asked_without_from_then_on() -> None:
    replies = [fails(400, NO_SEALS), says("a"), says("b")]
    async with ScriptedResponses(replies) as server, upstream(server.url) as model:
        assert (await ask(model))[0] == TextDelta("a")
        assert (await ask(model))[0] == TextDelta("b")
        assert ["include" in request for request in server.requests] == [True, False, False]


async def test_a_client_that_wants_seals_is_told_that_there_are_none() -> None:
    request = asked(input="hi", include=["reasoning.encrypted_content"])
    replies = [fails(400, NO_SEALS), says("a")]
    async with ScriptedResponses(replies) as server, upstream(server.url) as model:
        response = await answered(model, request)
    assert response.adjustments == ("include: this model has no encrypted reasoning.",)


async def test_other_refusals_are_final() -> None:
    async with ScriptedResponses([fails(400, "no")]) as server, upstream(server.url) as model:
        (failed,) = await ask(model)
        assert isinstance(failed, TurnFailed)
        assert len(server.requests) == 1


async def test_a_reply_that_breaks_off_fails_the_turn() -> None:
    cut = Reply(says("He").pieces[:5], then="cut")
    async with ScriptedResponses([cut]) as server, upstream(server.url) as model:
        events = await ask(model)
        assert events[0] == TextDelta("He")
        assert isinstance(events[-1], TurnFailed)


async def test_closing_the_iterator_closes_the_connection() -> None:
    hanging = reply(*message(0, "He"), end="", then="hang")
    async with ScriptedResponses([hanging]) as server, upstream(server.url) as model:
        events = model.stream(HELLO)
        assert await anext(events) == TextDelta("He")
        await events.aclose()
        await server.has_left.wait()


async def test_a_call_comes_whole() -> None:
    async with (
        ScriptedResponses([calls("draw", {"n": 1}, say="Well.")]) as server,
        upstream(server.url) as model,
    ):
        assert CallEnded("1", '{"n":1}') in await ask(model)


async def test_thoughts_and_searches_go_back_with_the_calls_that_they_led_to() -> None:
    drawing = reply(
        *item(0, THOUGHT), *item(1, SEARCH), *call(2, "image_generation", {"prompt": "a cat"})
    )
    request = asked(tools=[TOOL, {"type": "web_search"}])
    async with (
        ScriptedResponses([drawing, says("Here.")]) as server,
        upstream(server.url) as model,
    ):
        response = await answered(model, request, ScriptedImages(done()))
    first, second = server.requests
    assert [tool["type"] for tool in first["tools"]] == ["function", "web_search"]
    assert second["input"][1:3] == [THOUGHT, SEARCH]
    assert [entry["type"] for entry in second["input"][3:5]] == [
        "function_call",
        "function_call_output",
    ]
    assert not any(str(entry.get("id")).startswith("ig_") for entry in second["input"])
    assert response.output[0] == OpaqueItem("rs_up", THOUGHT)
    assert response.output[1] == OpaqueItem("ws_up", SEARCH)
    assert isinstance(response.output[2], ImageCallItem)
    assert response.adjustments == ()


async def test_the_output_of_a_response_can_be_sent_back_as_input() -> None:
    drawing = reply(*item(0, THOUGHT), *call(1, "image_generation", {"prompt": "a cat"}))
    replies = [drawing, says("Here."), says("Bye.")]
    async with ScriptedResponses(replies) as server, upstream(server.url) as model:
        response = await answered(model, asked(tools=[TOOL]), ScriptedImages(done()))
        again = [*response_json(response)["output"], {"role": "user", "content": "thanks"}]
        await answered(model, asked(input=again, tools=[TOOL]), ScriptedImages())
    sent = server.requests[2]["input"]
    assert sent[0] == THOUGHT
    assert [entry["type"] for entry in sent] == [
        "reasoning",
        "function_call",
        "function_call_output",
        "message",
        "message",
    ]


async def test_the_servers_own_image_tool_can_paint() -> None:
    content = pybase64.b64encode(picture(4, 4).content).decode()
    painted = {"id": "ig_up", "type": "image_generation_call", "status": "generating"}
    painted |= {"result": content, "revised_prompt": "a cat", "size": "4x4"}
    frame = ("image_generation_call.partial_image", {"partial_image_b64": content})
    painting = reply(*item(0, painted, frame, frame), *message(1, "Here."))
    request = pass_image_tool(asked(tools=[TOOL]))
    async with (
        ScriptedResponses([painting, painting]) as server,
        upstream(server.url) as model,
    ):
        turn = TurnRequest("m", HELLO.items, hosted_tools=({"type": "web_search"}, TOOL))
        assert sum(isinstance(event, PicturePreview) for event in await ask(model, turn)) == 1
        response = await answered(model, request)
    assert server.requests[1]["tools"] == [TOOL]
    shown = response.output[0]
    assert isinstance(shown, ImageCallItem)
    assert (shown.status, shown.image) == ("completed", picture(4, 4))
    assert shown.revised_prompt == "a cat"


async def test_an_error_event_fails_the_response() -> None:
    broken = reply(*message(0, "He"), event("failed", response={"error": {"message": "no"}}))
    async with ScriptedResponses([broken]) as server, upstream(server.url) as model:
        response = await answered(model, asked())
    assert response.status == "failed"
