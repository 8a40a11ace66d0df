"""What requests only name, found over HTTP for those whose it is, and for nobody else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openai
import pytest

from limner.core.image import ImageCapabilities, ImageData
from limner.core.items import FunctionCallOutput, ImagePart, Message
from limner.core.turn import TurnRequest
from limner.server.application import Rules
from tests.pictures import picture
from tests.scripted_images import ScriptedImages, done
from tests.scripted_upstream import ScriptedUpstream, draws, says
from tests.server.keeping import Kept, keeping

TOOL: Any = {"type": "image_generation"}
CAN = ImageCapabilities("able", edits=True, mask=True)
FOX: Any = {"role": "user", "content": "a fox"}


def painter() -> ScriptedImages:
    return ScriptedImages(done(), capabilities=CAN)


async def upload(kept: Kept, content: bytes) -> str:
    file = await kept.client.files.create(file=("a.png", content), purpose="vision")
    return file.id


def seen(request: TurnRequest) -> list[ImageData]:
    """The pictures that a model was shown, in their order."""
    return [
        part.source
        for item in request.items
        if isinstance(item, Message | FunctionCallOutput)
        for part in item.parts
        if isinstance(part, ImagePart)
    ]


async def test_uploads_are_sources_and_masks(tmp_path: Path) -> None:
    images, upstream = painter(), ScriptedUpstream(draws)
    source, mask = picture(), picture(format="webp")
    async with keeping(tmp_path, upstream, images) as kept:
        shown: Any = {"type": "input_image", "file_id": await upload(kept, source.content)}
        tool: Any = {**TOOL, "input_image_mask": {"file_id": await upload(kept, mask.content)}}
        text = {"type": "input_text", "text": "make it blue"}
        given: Any = [{"role": "user", "content": [shown, text]}]
        made = await kept.client.responses.create(model="any", input=given, tools=[tool])
    assert seen(upstream.requests[0]) == [source]
    (asked,) = images.requests
    assert (asked.images, asked.mask) == ((source,), mask)
    assert made.output[0].to_dict()["action"] == "edit"


@pytest.mark.parametrize(
    "naming",
    [
        lambda item: {"type": "item_reference", "id": item["id"]},
        lambda item: {"id": item["id"]},
        lambda item: {"type": "image_generation_call", "id": item["id"]},
        lambda item: {**item, "result": None},
    ],
)
async def test_a_stored_picture_is_edited_by_its_name(tmp_path: Path, naming: Any) -> None:
    images, upstream = painter(), ScriptedUpstream(draws)
    async with keeping(tmp_path, upstream, images) as kept:
        first = await kept.client.responses.create(model="any", input="a fox", tools=[TOOL])
        item = first.output[0].to_dict()
        upstream.requests.clear()
        again: Any = [naming(item), {"role": "user", "content": "make it blue"}]
        await kept.client.responses.create(model="any", input=again)
    assert seen(upstream.requests[0]) == [picture()]


async def test_an_edit_may_rest_on_an_earlier_response(tmp_path: Path) -> None:
    tool: Any = {**TOOL, "action": "edit"}
    async with keeping(tmp_path, ScriptedUpstream(draws), painter()) as kept:
        create = kept.client.responses.create
        with pytest.raises(openai.BadRequestError) as nothing:
            await create(model="any", input="make it blue", tools=[tool])
        first = await create(model="any", input="a fox", tools=[TOOL])
        second = await create(
            model="any", input="make it blue", tools=[tool], previous_response_id=first.id
        )
    assert nothing.value.type == "image_generation_user_error"
    assert second.previous_response_id == first.id


async def test_tools_that_an_earlier_input_brought_are_still_there(tmp_path: Path) -> None:
    upstream = ScriptedUpstream(says("ok"))
    function = {"type": "function", "name": "look_up"}
    brought: Any = {"type": "additional_tools", "role": "developer", "tools": [function, TOOL]}
    async with keeping(tmp_path, upstream, painter()) as kept:
        create = kept.client.responses.create
        first = await create(model="any", input=[FOX, brought])
        await create(model="any", input="go on", previous_response_id=first.id)
    for request in upstream.requests:
        assert [tool.name for tool in request.tools] == ["look_up", "image_generation"]


async def test_instructions_are_not_inherited(tmp_path: Path) -> None:
    upstream = ScriptedUpstream(says("ok"))
    async with keeping(tmp_path, upstream) as kept:
        create = kept.client.responses.create
        first = await create(model="any", input="hi", instructions="be kind")
        await create(model="any", input="go on", previous_response_id=first.id)
    assert [request.instructions for request in upstream.requests] == ["be kind", None]


async def test_what_was_said_before_is_counted(tmp_path: Path) -> None:
    async with keeping(tmp_path, ScriptedUpstream(says("four"))) as kept:
        first = await kept.client.responses.create(model="any", input="four")
        count = await kept.client.responses.input_tokens.count(
            model="any", input="four", previous_response_id=first.id
        )
    assert count.input_tokens == 3 * (4 + 1)


async def test_nobody_finds_what_is_anothers(tmp_path: Path) -> None:
    rules = Rules(api_keys=frozenset({"mine", "yours"}))
    upstream = ScriptedUpstream(lambda request: draws(request) if request.tools else says("ok"))
    async with keeping(tmp_path, upstream, painter(), rules=rules) as kept:
        mine, yours = (kept.client.with_options(api_key=key) for key in ("mine", "yours"))
        made = await mine.responses.create(model="any", input="a fox", tools=[TOOL])
        file = await mine.files.create(file=("a.png", picture().content), purpose="vision")
        upstream.requests.clear()
        reference: Any = {"type": "item_reference", "id": made.output[0].id}
        shown: Any = {"type": "input_image", "file_id": file.id}
        await mine.responses.create(model="any", input=[FOX, reference])
        await mine.responses.create(model="any", input=[{"role": "user", "content": [shown]}])
        with pytest.raises(openai.NotFoundError) as item:
            await yours.responses.create(model="any", input=[FOX, reference])
        with pytest.raises(openai.BadRequestError) as upload:
            await yours.responses.create(model="any", input=[{"role": "user", "content": [shown]}])
        with pytest.raises(openai.BadRequestError) as before:
            await yours.responses.create(model="any", input="go on", previous_response_id=made.id)
    assert len(upstream.requests) == 2
    assert item.value.param == "input"
    assert upload.value.code == "image_file_not_found"
    assert before.value.code == "previous_response_not_found"
