"""Responses that are kept, asked for by the official SDK."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from limner.core.items import FunctionCall, FunctionCallOutput, ImagePart, Message
from limner.core.response_store import Nature, NewResponse
from limner.core.turn import TextDelta, TurnFailed, TurnRequest
from limner.server.application import Rules
from limner.wire.pictures import to_base64
from tests.pictures import picture
from tests.scripted_images import HANG, ScriptedImages, done, preview, progress
from tests.scripted_upstream import Script, ScriptedUpstream, draws, says
from tests.server.keeping import Kept, keeping

PATH = "/v1/responses"
TOOL: Any = {"type": "image_generation", "partial_images": 2}
DRAW: dict[str, Any] = {"model": "any", "input": "a circle", "tools": [TOOL]}
BUSY = TurnFailed("the model is busy", "rate_limit_exceeded", 429, True, 3.0)
DATA_URL = f"data:image/png;base64,{to_base64(picture())}"


def painter() -> ScriptedImages:
    return ScriptedImages(progress(3), preview(0), progress(6), preview(1), done())


def in_turn(*scripts: Any) -> Any:
    """One script after the other."""
    following = iter(scripts)

    def script(request: TurnRequest) -> Script:
        chosen = next(following)
        found: Script = chosen(request) if callable(chosen) else chosen
        return found

    return script


async def ended(kept: Kept, id: str) -> None:
    """Wait until the store knows of an end that no client waits for."""
    async with asyncio.timeout(30):
        await kept.background.readers.ended(id)


def blobs(folder: Path) -> list[Path]:
    return list(folder.glob("blobs/*/*"))


def database(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.glob("limner.sqlite*"))


async def rows(kept: Kept) -> int:
    """How many responses there are."""
    return len(await kept.store._database.read("SELECT id FROM responses"))


async def test_a_response_can_be_fetched_again(tmp_path: Path) -> None:
    async with keeping(tmp_path, ScriptedUpstream(draws), painter()) as kept:
        made = await kept.client.responses.create(**DRAW)
        again = await kept.client.responses.retrieve(made.id)
    assert again.to_dict() == made.to_dict()
    assert made.to_dict()["store"] is True
    assert made.output[0].type == "image_generation_call"
    assert made.output[0].result == to_base64(picture())


async def test_it_outlives_the_server(tmp_path: Path) -> None:
    async with keeping(tmp_path, ScriptedUpstream(draws), painter()) as kept:
        made = await kept.client.responses.create(**DRAW)
    async with keeping(tmp_path, ScriptedUpstream([])) as kept:
        again = await kept.client.responses.retrieve(made.id)
    assert again.to_dict() == made.to_dict()


async def test_its_id_is_known_as_soon_as_a_client_knows_it(tmp_path: Path) -> None:
    go = asyncio.Event()
    upstream = ScriptedUpstream([TextDelta("Hel"), go, *says("lo")])
    async with keeping(tmp_path, upstream) as kept:
        stream = await kept.client.responses.create(model="any", input="hi", stream=True)
        first = await anext(stream)
        assert first.type == "response.created"
        under_way = await kept.client.responses.retrieve(first.response.id)
        assert (under_way.status, under_way.output) == ("in_progress", [])
        go.set()
        last = [event async for event in stream][-1]
        assert last.type == "response.completed"
        again = await kept.client.responses.retrieve(first.response.id)
        assert again.to_dict() == last.response.to_dict()


async def test_what_is_not_to_be_stored_leaves_nothing(tmp_path: Path) -> None:
    async with keeping(tmp_path, ScriptedUpstream(draws), painter()) as kept:
        made = await kept.client.responses.create(**DRAW, store=False)
        assert made.to_dict()["store"] is False
        assert await rows(kept) == 0
        assert blobs(tmp_path) == []
        with pytest.raises(openai.NotFoundError):
            await kept.client.responses.retrieve(made.id)
        with pytest.raises(openai.BadRequestError) as caught:
            await kept.client.responses.create(**DRAW, previous_response_id=made.id)
    assert caught.value.code == "previous_response_not_found"
    assert caught.value.param == "previous_response_id"
    body: Any = caught.value.body
    assert body["message"] == f"Previous response with id '{made.id}' not found."


async def test_pictures_are_files_of_their_own(tmp_path: Path) -> None:
    async with keeping(tmp_path, ScriptedUpstream(draws), painter()) as kept:
        await kept.client.responses.create(
            **{**DRAW, "input": [{"role": "user", "content": [shown(DATA_URL)]}, user("a circle")]}
        )
    assert len(blobs(tmp_path)) == 1
    assert to_base64(picture()).encode() not in database(tmp_path)


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def shown(url: str) -> dict[str, Any]:
    return {"type": "input_image", "image_url": url}


async def test_the_next_one_knows_what_was_said_before(tmp_path: Path) -> None:
    upstream = ScriptedUpstream(in_turn(draws, draws, says("Blue."), says("Still blue.")))
    async with keeping(tmp_path, upstream, painter()) as kept:
        first = await kept.client.responses.create(**DRAW, instructions="Be brief.")
        second = await kept.client.responses.create(
            model="any", input="which colour?", previous_response_id=first.id
        )
        third = await kept.client.responses.create(
            model="any", input="and now?", previous_response_id=second.id, store=False
        )
    assert (second.previous_response_id, third.output_text) == (first.id, "Still blue.")
    said = upstream.requests[-1]
    assert said.instructions is None
    kinds = [type(item) for item in said.items]
    assert [kind for kind in kinds if kind is not Message] == [FunctionCall, FunctionCallOutput]
    texts = [item.text for item in said.items if isinstance(item, Message)]
    assert [text for text in texts if not text.startswith("Image")] == [
        "a circle",
        "Here it is.",
        "which colour?",
        "Blue.",
        "and now?",
    ]
    parts = [
        part
        for item in said.items
        if isinstance(item, Message | FunctionCallOutput)
        for part in item.parts
    ]
    assert any(isinstance(part, ImagePart) for part in parts)


async def test_items_can_be_named_instead_of_sent(tmp_path: Path) -> None:
    async with keeping(
        tmp_path, ScriptedUpstream(in_turn(draws, draws, *[says("A circle.")] * 3)), painter()
    ) as kept:
        first = await kept.client.responses.create(**DRAW)
        call = first.output[0]
        assert call.id is not None
        for named in (
            {"type": "item_reference", "id": call.id},
            {"type": "image_generation_call", "id": call.id},
            {"type": "image_generation_call", "id": call.id, "result": None, "status": "completed"},
        ):
            input: Any = [named, user("what is that?")]
            again = await kept.client.responses.create(model="any", input=input)
            listed = await kept.client.responses.input_items.list(again.id, order="asc")
            item = listed.data[0].to_dict()
            assert (item["id"], item["result"]) == (call.id, to_base64(picture()))


async def test_an_item_that_is_not_there_is_not_found(tmp_path: Path) -> None:
    async with keeping(tmp_path, ScriptedUpstream([])) as kept:
        input: Any = [{"type": "item_reference", "id": "ig_9"}]
        with pytest.raises(openai.NotFoundError) as caught:
            await kept.client.responses.create(model="any", input=input)
    body: Any = caught.value.body
    assert body["message"].startswith("Item with id 'ig_9' not found.")
    assert body["param"] == "input"


async def test_the_input_is_listed_as_it_came_with_ids(tmp_path: Path) -> None:
    async with keeping(tmp_path, ScriptedUpstream(says("Hello"))) as kept:
        input: Any = [user(f"word {number}") for number in range(5)]
        made = await kept.client.responses.create(model="any", input=input)
        newest = await kept.client.responses.input_items.list(made.id, limit=2)
        everything = [
            item async for item in kept.client.responses.input_items.list(made.id, limit=2)
        ]
    assert newest.has_more
    texts = [item.to_dict()["content"][0]["text"] for item in everything]  # type: ignore[index]
    assert texts == [f"word {number}" for number in range(4, -1, -1)]
    assert all(item.id and item.id.startswith("msg_") for item in everything)


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("order=up", "order"),
        ("after=msg_9", "after"),
        ("page=2", "page"),
        ("include=everything", "include"),
    ],
)
async def test_bad_pages_are_refused_by_name(tmp_path: Path, query: str, param: str) -> None:
    async with keeping(tmp_path, ScriptedUpstream(says("Hello"))) as kept:
        made = await kept.client.responses.create(model="any", input="hi")
        reply = await get(kept, f"{PATH}/{made.id}/input_items?{query}")
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, param)


async def get(kept: Kept, path: str, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=kept.url, headers=headers) as client:
        return await client.get(path)


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("stream=perhaps", "stream"),
        ("starting_after=1", "starting_after"),
        ("stream=true&starting_after=-1", "starting_after"),
        ("stream=true&starting_after=x", "starting_after"),
        ("stream=true&include_obfuscation=true", "include_obfuscation"),
        ("include[]=everything", "include[]"),
        ("stream=true", "stream"),
        ("streams=true", "streams"),
    ],
)
async def test_what_cannot_be_fetched_is_refused_by_name(
    tmp_path: Path, query: str, param: str
) -> None:
    async with keeping(tmp_path, ScriptedUpstream(says("Hello"))) as kept:
        made = await kept.client.responses.create(model="any", input="hi")
        reply = await get(kept, f"{PATH}/{made.id}?{query}")
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, param)


async def test_a_wrong_method_is_told_all_the_right_ones(tmp_path: Path) -> None:
    async with (
        keeping(tmp_path, ScriptedUpstream(says("Hello"))) as kept,
        httpx.AsyncClient(base_url=kept.url) as client,
    ):
        reply = await client.put(f"{PATH}/resp_1")
    assert (reply.status_code, reply.headers["Allow"]) == (405, "DELETE, GET, HEAD")
    assert "this path accepts DELETE, GET, HEAD." in reply.json()["error"]["message"]


async def test_what_is_deleted_is_unknown(tmp_path: Path) -> None:
    async with keeping(tmp_path, ScriptedUpstream(draws), painter()) as kept:
        made = await kept.client.responses.create(**DRAW)
        async with httpx.AsyncClient(base_url=kept.url) as client:
            reply = await client.delete(f"{PATH}/{made.id}")
            assert reply.json() == {"id": made.id, "object": "response", "deleted": True}
            for method, path in (
                ("GET", ""),
                ("DELETE", ""),
                ("POST", "/cancel"),
                ("GET", "/input_items"),
            ):
                reply = await client.request(method, f"{PATH}/{made.id}{path}")
                assert reply.status_code == 404
                message = reply.json()["error"]["message"]
                assert message == f"Response with id '{made.id}' not found."
        await kept.store.forget(0)
        assert await rows(kept) == 0


async def test_what_belongs_to_another_key_is_unknown(tmp_path: Path) -> None:
    rules = Rules(api_keys=frozenset({"ann", "bob"}))
    async with keeping(tmp_path, ScriptedUpstream(says("Hello")), rules=rules) as kept:
        ann = kept.client.with_options(api_key="ann")
        made = await ann.responses.create(model="any", input="hi")
        foreign = await get(kept, f"{PATH}/{made.id}", Authorization="Bearer bob")
        await ann.responses.delete(made.id)
        deleted = await get(kept, f"{PATH}/{made.id}", Authorization="Bearer ann")
    assert foreign.status_code == deleted.status_code == 404
    assert foreign.content == deleted.content


async def test_a_response_that_lives_with_its_client_cannot_be_cancelled(tmp_path: Path) -> None:
    async with keeping(tmp_path, ScriptedUpstream(says("Hello"))) as kept:
        made = await kept.client.responses.create(model="any", input="hi")
        with pytest.raises(openai.BadRequestError) as caught:
            await kept.client.responses.cancel(made.id)
    body: Any = caught.value.body
    assert body["message"] == "Cannot cancel a synchronous response."


async def test_a_client_that_leaves_cancels_it(tmp_path: Path) -> None:
    images = ScriptedImages(preview(0), HANG, done())
    async with keeping(tmp_path, ScriptedUpstream(draws), images) as kept:
        stream = await kept.client.responses.create(**DRAW, stream=True)
        first = await anext(stream)
        assert first.type == "response.created"
        await images.hangs()
        await stream.close()
        await asyncio.wait_for(images.has_stopped.wait(), 30)
        await ended(kept, first.response.id)
        found = await kept.client.responses.retrieve(first.response.id)
    assert found.status == "cancelled"
    assert [item.to_dict()["status"] for item in found.output] == ["failed"]


@pytest.mark.parametrize("stream", [False, True])
async def test_what_the_model_refuses_is_an_http_error_still(tmp_path: Path, stream: bool) -> None:
    async with keeping(tmp_path, ScriptedUpstream([BUSY])) as kept:
        with pytest.raises(openai.RateLimitError):
            await kept.client.responses.create(model="any", input="hi", stream=stream)


async def test_a_server_that_died_leaves_a_failed_response(tmp_path: Path) -> None:
    async with keeping(tmp_path, ScriptedUpstream([])) as kept:
        text = b'{"id":"resp_1","object":"response","status":"in_progress"}'
        await kept.store.create(NewResponse("resp_1", Nature("", 1.0, 2.0), "in_progress", text))
    async with keeping(tmp_path, ScriptedUpstream([])) as kept:
        found = (await get(kept, f"{PATH}/resp_1")).json()
    assert found["status"] == "failed"
    assert found["error"] == {
        "code": "server_error",
        "message": "The server stopped before this response was done.",
    }


async def test_a_server_that_stops_ends_its_streams_and_what_they_were_of(tmp_path: Path) -> None:
    images = ScriptedImages(HANG)
    async with keeping(tmp_path, ScriptedUpstream(draws), images) as kept:
        stream = await kept.client.responses.create(**DRAW, stream=True)
        first = await anext(stream)
        assert first.type == "response.created"
        await images.hangs()
        kept.drain.end()
        last = [event async for event in stream][-1]
        await ended(kept, first.response.id)
        found = await kept.store.peek(first.response.id)
    assert last.type == "response.failed"
    assert found is not None
    assert found.status == "failed"


@pytest.mark.parametrize("stream", [False, True])
async def test_a_disk_that_is_full_is_said_before_anything_else(
    tmp_path: Path, stream: bool
) -> None:
    async with keeping(tmp_path, ScriptedUpstream(says("Hello"))) as kept:
        database = kept.store._database
        await database.write(lambda tx: tx.run("PRAGMA max_page_count = 1"))
        with pytest.raises(openai.InternalServerError) as caught:
            await kept.client.responses.create(model="any", input="hi " * 9_000, stream=stream)
    assert caught.value.status_code == 503
    assert caught.value.code == "insufficient_storage"


async def test_a_disk_that_fills_up_fails_the_stream_that_is_under_way(tmp_path: Path) -> None:
    go = asyncio.Event()
    upstream = ScriptedUpstream([TextDelta("word " * 9_000), go, *says("!")])
    async with keeping(tmp_path, upstream) as kept:
        stream = await kept.client.responses.create(model="any", input="hi", stream=True)
        await anext(stream)
        database = kept.store._database
        await database.write(lambda tx: tx.run("PRAGMA max_page_count = 1"))
        go.set()
        last = [event async for event in stream][-1]
    assert last.type == "response.failed"
    assert last.response.error is not None
