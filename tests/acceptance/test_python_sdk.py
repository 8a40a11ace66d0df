"""What OpenAI's library for Python offers beside responses and their streams."""

from __future__ import annotations

import asyncio
from typing import Any

import openai
import pydantic
import pytest
from openai.types.responses import Response

from tests.acceptance.rig import KIND, Rig
from tests.acceptance.test_open_responses import TOOL as WEATHER
from tests.acceptance.test_open_responses import model_of
from tests.conformance.dialects import KINDS, Kind, Says
from tests.conformance.scenario import TOOL
from tests.pictures import picture

PNG = picture(64, 64)
ORDER: Any = {"model": "intent", "input": "Draw a red circle.", "tools": [TOOL]}


def kinds_of(items: Any) -> list[str]:
    return [item.type for item in items]


async def test_files_are_kept_named_and_removed(rig: Rig) -> None:
    async with rig.sdk() as client:
        file = await client.files.create(file=("circle.png", PNG.content), purpose="vision")
        assert (file.bytes, file.filename) == (len(PNG.content), "circle.png")
        assert (await client.files.retrieve(file.id)).id == file.id
        assert file.id in [each.id async for each in client.files.list(limit=1)]
        assert (await client.files.content(file.id)).content == PNG.content
        parts = [
            {"type": "input_text", "text": "Make it blue."},
            {"type": "input_image", "file_id": file.id},
        ]
        asked: Any = {**ORDER, "input": [{"role": "user", "content": parts}]}
        edited = await client.responses.create(**asked)
        assert edited.output[0].to_dict()["action"] == "edit"
        assert (await client.files.delete(file.id)).deleted
        with pytest.raises(openai.BadRequestError) as told:
            await client.responses.create(**asked)
        assert (told.value.code, told.value.param) == (
            "image_file_not_found",
            "input[0].content[1].file_id",
        )
        with pytest.raises(openai.NotFoundError):
            await client.files.retrieve(file.id)


async def test_a_mask_may_be_a_file(rig: Rig) -> None:
    rig.painter.clear()
    mask = picture(64, 64, alpha=True)
    async with rig.sdk() as client:
        file = await client.files.create(file=("mask.png", mask.content), purpose="vision")
        drawn = await client.responses.create(**ORDER)
        tool: Any = {**TOOL, "input_image_mask": {"file_id": file.id}}
        asked: Any = {**ORDER, "input": "Make it blue.", "tools": [tool]}
        await client.responses.create(**asked, previous_response_id=drawn.id)
    assert [request.get("masks") for request in rig.painter.asked] == [None, 1]


async def test_conversations_hold_what_was_said(rig: Rig) -> None:
    async with rig.sdk() as client:
        talk = await client.conversations.create(
            items=[{"type": "message", "role": "user", "content": "My name is Alice."}],
            metadata={"topic": "circles"},
        )
        await client.responses.create(**ORDER, conversation=talk.id)
        page = client.conversations.items.list(talk.id, order="asc", limit=2)
        items = [item async for item in page]
        assert kinds_of(items) == ["message", "message", "image_generation_call", "message"]
        picture = await client.conversations.items.retrieve(
            str(items[2].id), conversation_id=talk.id
        )
        assert picture.to_dict() == items[2].to_dict()
        added = await client.conversations.items.create(
            talk.id, items=[{"role": "user", "content": "Thanks."}]
        )
        assert kinds_of(added.data) == ["message"]
        await client.conversations.items.delete(str(added.data[0].id), conversation_id=talk.id)
        changed = await client.conversations.update(talk.id, metadata={"topic": "none"})
        assert changed.metadata == {"topic": "none"}
        assert (await client.conversations.delete(talk.id)).deleted
        with pytest.raises(openai.NotFoundError):
            await client.conversations.retrieve(talk.id)


async def test_responses_are_kept_listed_counted_and_removed(rig: Rig) -> None:
    said: Any = [{"role": "user", "content": word} for word in ("one", "two", "three")]
    async with rig.sdk() as client:
        response = await client.responses.create(model="intent", input=said)
        again = await client.responses.retrieve(response.id)
        assert again.to_dict() == response.to_dict()
        items: Any = [
            item
            async for item in client.responses.input_items.list(response.id, order="asc", limit=2)
        ]
        assert [item.content[0].text for item in items] == ["one", "two", "three"]
        counted = await client.responses.input_tokens.count(model="intent", input=said)
        assert counted.input_tokens > 0
        await client.responses.delete(response.id)
        with pytest.raises(openai.NotFoundError):
            await client.responses.retrieve(response.id)


async def test_a_response_in_the_background_is_polled(rig: Rig) -> None:
    async with rig.sdk() as client:
        response = await client.responses.create(**ORDER, background=True)
        assert response.status == "queued"
        async with asyncio.timeout(60):
            while response.status in ("queued", "in_progress"):
                response = await client.responses.retrieve(response.id)
        assert kinds_of(response.output) == ["image_generation_call", "message"]
        assert (await client.responses.cancel(response.id)).status == "completed"


class Answer(pydantic.BaseModel):
    colour: str


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if kind.name in ("chat", "responses")], ids=lambda k: k.name
)
async def test_an_answer_in_a_given_form_is_parsed(rig: Rig, kind: Kind) -> None:
    rig.play(kind, (Says(('{"colour": "red"}',)),))
    async with rig.sdk() as client:
        parsed = await client.responses.parse(
            model=kind.name, input="Which colour?", text_format=Answer
        )
    assert parsed.output_parsed == Answer(colour="red")
    assert "colour" in str(rig.models[kind.name].requests)


async def test_a_websocket_is_a_stream_too(rig: Rig) -> None:
    rig.models["chat"].play(model_of(KIND["chat"]))
    async with rig.sdk() as client, client.responses.connect() as line:
        weather: Any = [WEATHER]
        await line.response.create(model="chat", input="The weather?", tools=weather, store=False)
        first = await completed(line)
        (call,) = first.output
        assert call.type == "function_call"
        answer: Any = {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}
        await line.response.create(
            model="chat", input=[answer], previous_response_id=first.id, store=False
        )
        assert (await completed(line)).output_text == "Hello there friend."


async def completed(line: Any) -> Response:
    async for event in line:
        assert event.type != "error", event
        if event.type == "response.completed":
            assert isinstance(event.response, Response)
            return event.response
    raise AssertionError("the line was closed")


async def test_models_are_listed_and_replies_have_ids(rig: Rig) -> None:
    async with rig.sdk() as client:
        assert {kind.name for kind in KINDS} <= {each.id async for each in client.models.list()}
        assert (await client.models.retrieve("chat")).id == "chat"
        raw = await client.responses.with_raw_response.create(model="intent", input="hello")
        assert raw.request_id
        assert raw.parse().output_text
