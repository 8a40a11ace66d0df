"""What a client of OpenAI's hosted tool relies on, by the official SDK over every kind of upstream.

The stream is read twice over: by the SDK's helper, which is strict about the order of events, and
event by event.
"""

from __future__ import annotations

import base64
import io
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import openai
import pytest
from PIL import Image

from tests.conformance.dialects import KINDS, Kind
from tests.conformance.play import Painter, open_server
from tests.conformance.scenario import TOOL, Scenario
from tests.conformance.scenarios import HERE, SCENARIOS, draws

NAMED = {scenario.name: scenario for scenario in SCENARIOS}
TOLD = (
    "words",
    "one picture",
    "words, then a picture",
    "two pictures",
    "parallel calls",
    "failure and recovery",
    "edit of the client's own picture",
    "mixed calls",
    "forced choice, ignored",
)
TERMINAL = {"response.completed", "response.failed", "response.incomplete"}
IMAGE = "response.image_generation_call."
CELLS = [
    pytest.param(NAMED[name], kind, id=f"{name}-{kind.name}")
    for name in TOLD
    for kind in KINDS
    if kind.name not in NAMED[name].without
]


@asynccontextmanager
async def client_of(
    scenario: Scenario, kind: Kind
) -> AsyncIterator[tuple[openai.AsyncOpenAI, dict[str, Any]]]:
    """The SDK before our server, and what to ask."""
    async with AsyncExitStack() as stack:
        url, _ = await open_server(scenario, kind, Painter(), stack)
        client = openai.AsyncOpenAI(
            base_url=f"{url}/v1", api_key="none", max_retries=0, _strict_response_validation=True
        )
        await stack.enter_async_context(client)
        asked = {"model": "any", "input": scenario.asked[0], "tools": list(scenario.tools)}
        yield client, {**asked, **scenario.fields}


async def events_of(scenario: Scenario, kind: Kind) -> list[dict[str, Any]]:
    async with client_of(scenario, kind) as (client, asked):
        stream = await client.responses.create(**asked, stream=True)
        return [event.to_dict() async for event in stream]


@pytest.mark.parametrize(("scenario", "kind"), CELLS)
async def test_the_strict_helper_of_the_sdk_reads_it_to_the_end(
    scenario: Scenario, kind: Kind
) -> None:
    async with client_of(scenario, kind) as (client, asked):
        async with client.responses.stream(**asked) as stream:
            events = [event async for event in stream]
        response = await stream.get_final_response()
    assert events[-1].type == "response.completed"
    assert [item.type for item in response.output]


@pytest.mark.parametrize(("scenario", "kind"), CELLS)
async def test_the_stream_keeps_its_promises(scenario: Scenario, kind: Kind) -> None:
    events = await events_of(scenario, kind)
    types = [event["type"] for event in events]
    assert types[:2] == ["response.created", "response.in_progress"]
    assert [type for type in types if type in TERMINAL] == [types[-1]]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert len({event["response"]["id"] for event in events if "response" in event}) == 1
    response = events[-1]["response"]
    for echoed, tool in zip(response["tools"], scenario.tools, strict=True):
        assert tool.items() <= echoed.items(), "nulls may be added, nothing else"
    for index, item in enumerate(response["output"]):
        of_item = [event for event in events if event.get("output_index") == index]
        ids = {event.get("item_id") or event["item"]["id"] for event in of_item}
        assert ids == {item["id"]}
        assert of_item[-1]["item"] == item
        if item["type"] == "image_generation_call":
            check_picture([event["type"] for event in of_item], item)


def check_picture(types: list[str], item: dict[str, Any]) -> None:
    """The order of a picture's events, and that the picture is what it says of itself."""
    begin = ["response.output_item.added", f"{IMAGE}in_progress", f"{IMAGE}generating"]
    assert types[:3] == begin
    partials = [f"{IMAGE}partial_image"] * types.count(f"{IMAGE}partial_image")
    if item["status"] == "failed":
        assert types[3:] == [*partials, "response.output_item.done"]
        assert {"type", "code", "message"} <= set(item["error"])
        assert "result" not in item
        return
    assert item["status"] == "completed"
    assert types[3:] == [*partials, f"{IMAGE}completed", "response.output_item.done"]
    picture = Image.open(io.BytesIO(base64.b64decode(item["result"])))
    assert f"{picture.width}x{picture.height}" == item["size"]
    assert (picture.format or "").lower() == item["output_format"]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
async def test_a_whole_output_is_taken_back_nulls_and_all(kind: Kind) -> None:
    scenario = NAMED["edit of the previous picture"]
    given: list[Any] = []
    async with client_of(scenario, kind) as (client, asked):
        for words in scenario.asked:
            given.append({"role": "user", "content": words})
            response = await client.responses.create(**{**asked, "input": given})
            given += [item.model_dump() for item in response.output]
    assert [item.type for item in response.output] == ["image_generation_call", "message"]
    assert response.output[0].to_dict()["action"] == "edit"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
async def test_our_function_is_never_shown(kind: Kind) -> None:
    for name in ("one picture", "forced choice"):
        for event in await events_of(NAMED[name], kind):
            assert "function_call" not in event["type"]
            assert event.get("item", {}).get("type") != "function_call"
            assert "call_id" not in event.get("item", {})


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
async def test_tokens_of_pictures_are_counted_apart(kind: Kind) -> None:
    (*_, last) = await events_of(NAMED["two pictures"], kind)
    pictures = sum(item["type"] == "image_generation_call" for item in last["response"]["output"])
    spent = last["response"]["tool_usage"]
    assert spent["image_gen"]["output_tokens"] == 64 * pictures
    assert spent["web_search"] == {"num_requests": 0}
    usage = last["response"]["usage"]
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.server], ids=lambda k: k.name)
async def test_the_eleventh_picture_is_refused(kind: Kind) -> None:
    many = Scenario(
        "many",
        "",
        ("draw eleven circles",),
        (*(draws(f"circle {number}", action="generate") for number in range(11)), HERE),
        NAMED["one picture"].expected,
        tools=({**TOOL, "partial_images": 0},),
    )
    (*_, last) = await events_of(many, kind)
    output = last["response"]["output"]
    pictures = [item for item in output if item["type"] == "image_generation_call"]
    assert [item["status"] for item in pictures] == ["completed"] * 10 + ["failed"]
    assert pictures[-1]["error"]["code"] == "tool_call_budget_exhausted"
    assert last["response"]["status"] == "completed"
