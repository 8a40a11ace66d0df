"""What a client of OpenAI's hosted tool relies on, by the official SDK over every kind of upstream.

The stream is read twice over: by the SDK's helper, which is strict about the order of events, and
event by event.
"""

from __future__ import annotations

import base64
import io
from typing import Any

import pytest
from PIL import Image

from tests.acceptance.rig import Rig
from tests.conformance.dialects import KINDS, Calls, Kind, Says
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
SERVERS = [kind for kind in KINDS if kind.server]
every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
every_server = pytest.mark.parametrize("kind", SERVERS, ids=lambda kind: kind.name)


def asked_of(scenario: Scenario, kind: Kind) -> dict[str, Any]:
    """The first request of a scenario."""
    asked = {"model": kind.name, "input": scenario.asked[0], "tools": list(scenario.tools)}
    return {**asked, **scenario.fields}


async def events_of(rig: Rig, scenario: Scenario, kind: Kind) -> list[dict[str, Any]]:
    rig.play(kind, scenario.deeds)
    async with rig.sdk() as client:
        stream = await client.responses.create(**asked_of(scenario, kind), stream=True)
        return [event.to_dict() async for event in stream]


@pytest.mark.parametrize(("scenario", "kind"), CELLS)
async def test_the_strict_helper_of_the_sdk_reads_it_to_the_end(
    rig: Rig, scenario: Scenario, kind: Kind
) -> None:
    rig.play(kind, scenario.deeds)
    async with rig.sdk() as client:
        async with client.responses.stream(**asked_of(scenario, kind)) as stream:
            events = [event async for event in stream]
        response = await stream.get_final_response()
    assert events[-1].type == "response.completed"
    assert [item.type for item in response.output]


@pytest.mark.parametrize(("scenario", "kind"), CELLS)
async def test_the_stream_keeps_its_promises(rig: Rig, scenario: Scenario, kind: Kind) -> None:
    events = await events_of(rig, scenario, kind)
    types = [event["type"] for event in events]
    assert types[:2] == ["response.created", "response.in_progress"]
    assert [type for type in types if type in TERMINAL] == [types[-1]]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert len({event["response"]["id"] for event in events if "response" in event}) == 1
    response = events[-1]["response"]
    for echoed, tool in zip(response["tools"], scenario.tools, strict=True):
        assert tool.items() <= echoed.items(), "nulls may be added, nothing else"
    assert response["tool_choice"] == scenario.fields.get("tool_choice", "auto")
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


@pytest.mark.parametrize(("size", "format"), [("1024x1536", "jpeg"), ("320x192", "webp")])
async def test_a_picture_has_the_size_and_the_format_that_were_asked_for(
    rig: Rig, size: str, format: str
) -> None:
    tool = {**TOOL, "size": size, "output_format": format}
    plain = NAMED["one picture"]
    scenario = Scenario("", "", plain.asked, plain.deeds, plain.expected, tools=(tool,))
    for kind in KINDS:
        (*_, last) = await events_of(rig, scenario, kind)
        (item,) = (each for each in last["response"]["output"] if "result" in each)
        assert (item["size"], item["output_format"]) == (size, format)
        picture = Image.open(io.BytesIO(base64.b64decode(item["result"])))
        assert f"{picture.width}x{picture.height}" == size


@pytest.mark.parametrize("how", ["echo", "previous_response_id", "conversation", "by name"])
@every_kind
async def test_the_next_turn_sees_the_picture_however_it_is_named(
    rig: Rig, kind: Kind, how: str
) -> None:
    scenario = NAMED["edit of the previous picture"]
    rig.play(kind, scenario.deeds)
    first, second = scenario.asked
    asked: dict[str, Any] = {"model": kind.name, "tools": list(scenario.tools)}
    async with rig.sdk() as client:
        if how == "conversation":
            asked["conversation"] = (await client.conversations.create()).id
        drawn = await client.responses.create(input=first, **asked)
        said: list[Any] = [{"role": "user", "content": second}]
        if how == "previous_response_id":
            asked["previous_response_id"] = drawn.id
        elif how != "conversation":
            given = [
                item.model_dump() if how == "echo" else {"type": "item_reference", "id": item.id}
                for item in drawn.output
            ]
            said = [{"role": "user", "content": first}, *given, *said]
        response = await client.responses.create(input=said, **asked)
    assert [item.type for item in response.output] == ["image_generation_call", "message"]
    assert response.output[0].to_dict()["action"] == "edit"
    assert [request.get("images") for request in rig.painter.asked] == [None, 1]
    for request in rig.models[kind.name].requests if kind.server else ():
        kind.judge(request)


@every_kind
async def test_our_function_is_never_shown(rig: Rig, kind: Kind) -> None:
    for name in ("one picture", "forced choice"):
        for event in await events_of(rig, NAMED[name], kind):
            assert "function_call" not in event["type"]
            assert event.get("item", {}).get("type") != "function_call"
            assert "call_id" not in event.get("item", {})


@every_kind
async def test_tokens_of_pictures_are_counted_apart(rig: Rig, kind: Kind) -> None:
    (*_, plain) = await events_of(rig, NAMED["words"], kind)
    (*_, last) = await events_of(rig, NAMED["two pictures"], kind)
    pictures = sum(item["type"] == "image_generation_call" for item in last["response"]["output"])
    spent = last["response"]["tool_usage"]
    assert spent["image_gen"]["output_tokens"] == 64 * pictures
    assert spent["image_gen"]["input_tokens"] == 5 * pictures
    assert spent["web_search"] == {"num_requests": 0}
    usage, of_one_turn = last["response"]["usage"], plain["response"]["usage"]
    turns = len(rig.models[kind.name].requests) if kind.server else 0
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    assert usage["total_tokens"] == turns * of_one_turn["total_tokens"]


@every_server
async def test_the_eleventh_picture_is_refused(rig: Rig, kind: Kind) -> None:
    many = Scenario(
        "many",
        "",
        ("draw eleven circles",),
        (*(draws(f"circle {number}", action="generate") for number in range(11)), HERE),
        NAMED["one picture"].expected,
        tools=({**TOOL, "partial_images": 0},),
    )
    (*_, last) = await events_of(rig, many, kind)
    output = last["response"]["output"]
    pictures = [item for item in output if item["type"] == "image_generation_call"]
    assert [item["status"] for item in pictures] == ["completed"] * 10 + ["failed"]
    assert pictures[-1]["error"]["code"] == "tool_call_budget_exhausted"
    assert last["response"]["status"] == "completed"
    assert len(rig.painter.asked) == 10


async def test_chat_servers_get_pictures_behind_the_answers_and_never_in_them(rig: Rig) -> None:
    (chat,) = (kind for kind in KINDS if kind.name == "chat")
    deeds = (draws("a red circle", "a blue square", action="generate"), Says(("Here.",)))
    asked = NAMED["parallel calls"]
    await events_of(rig, Scenario("", "", asked.asked, deeds, asked.expected), chat)
    *_, request = rig.models["chat"].requests
    chat.judge(request)
    roles = [message["role"] for message in request["messages"]]
    assert roles[-4:] == ["assistant", "tool", "tool", "user"]
    *_, first, second, shown = request["messages"]
    assert "image_url" not in str([first, second])
    assert [part["type"] for part in shown["content"]].count("image_url") == 2


@every_server
async def test_other_calls_go_to_the_client_and_its_answers_to_the_model(
    rig: Rig, kind: Kind
) -> None:
    scenario = NAMED["mixed calls"]
    deed = scenario.deeds[0]
    assert isinstance(deed, Calls)
    rig.play(kind, (deed, HERE))
    asked = asked_of(scenario, kind)
    async with rig.sdk() as client:
        mixed = await client.responses.create(**asked)
        (call,) = (item for item in mixed.output if item.type == "function_call")
        answer: Any = {"type": "function_call_output", "call_id": call.call_id, "output": "round"}
        asked |= {"input": [answer], "previous_response_id": mixed.id}
        response = await client.responses.create(**asked)
    assert response.output_text == "Here it is."
    assert "round" in str(rig.models[kind.name].requests[-1])
