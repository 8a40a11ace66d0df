"""The Conversations API, asked by the official SDK."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from openai.types.conversations import Message

from limner.core.file import NewFile
from limner.gateway.archive import Archive
from limner.server.application import Rules, enclose
from limner.server.conversations import conversations_routes
from limner.store.conversations import Conversations
from limner.store.files import StoredFiles
from tests.pictures import picture
from tests.serving import serving
from tests.stores import Parts, store_parts

DATA_URL = f"data:image/png;base64,{base64.b64encode(picture().content).decode()}"
SHOWN: Any = {"role": "user", "content": [{"type": "input_image", "image_url": DATA_URL}]}
SAID: Any = {"role": "user", "content": "hello"}
MINE: Any = {**SAID, "id": "msg_mine"}


@pytest.fixture
async def parts(tmp_path: Path) -> AsyncIterator[Parts]:
    async with store_parts(tmp_path) as made:
        yield made


@pytest.fixture
async def url(parts: Parts) -> AsyncIterator[str]:
    files = StoredFiles(parts.database, parts.blobs)
    look_up = Archive(files=files).look_up
    routes = conversations_routes(Conversations(parts.database, parts.texts), look_up)
    keys = frozenset({"ann", "bob"})
    async with serving(enclose(routes, rules=Rules(api_keys=keys))) as address:
        yield address


@pytest.fixture
async def ann(url: str) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="ann", max_retries=0) as client:
        yield client


@pytest.fixture
async def bob(url: str) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="bob", max_retries=0) as client:
        yield client


async def test_an_owners_conversations_are_listed(url: str, ann: openai.AsyncOpenAI) -> None:
    made = [await ann.conversations.create(metadata={"title": title}) for title in "abc"]
    async with httpx.AsyncClient(base_url=url) as client:
        path = "/v1/conversations?limit=2"
        found = (await client.get(path, headers={"Authorization": "Bearer ann"})).json()
        foreign = (await client.get(path, headers={"Authorization": "Bearer bob"})).json()
        refused = await client.get("/v1/conversations?q=x", headers={"Authorization": "Bearer ann"})
    assert found["data"] == [each.to_dict() for each in reversed(made[1:])]
    assert (found["object"], found["has_more"]) == ("list", True)
    assert foreign["data"] == []
    assert refused.json()["error"]["param"] == "q"


async def test_the_sdk_makes_changes_and_deletes(ann: openai.AsyncOpenAI) -> None:
    made = await ann.conversations.create(metadata={"topic": "foxes"}, items=[SAID])
    assert (made.object, made.metadata) == ("conversation", {"topic": "foxes"})
    assert await ann.conversations.retrieve(made.id) == made
    changed = await ann.conversations.update(made.id, metadata={"topic": "hares"})
    assert changed.metadata == {"topic": "hares"}
    gone = await ann.conversations.delete(made.id)
    assert (gone.id, gone.deleted, gone.object) == (made.id, True, "conversation.deleted")
    with pytest.raises(openai.NotFoundError):
        await ann.conversations.retrieve(made.id)


async def test_the_sdk_adds_walks_and_takes_items(ann: openai.AsyncOpenAI) -> None:
    made = await ann.conversations.create()
    added = await ann.conversations.items.create(made.id, items=[SAID, SHOWN])
    await ann.conversations.items.create(made.id, items=[MINE])
    first, second = (item.id or "" for item in added.data)
    newest = ann.conversations.items.list(made.id, limit=2)
    assert [item.id async for item in newest] == ["msg_mine", second, first]
    oldest = await ann.conversations.items.list(
        made.id, order="asc", after=first, include=["message.input_image.image_url"]
    )
    assert [item.id for item in oldest.data] == [second, "msg_mine"]
    shown: Any = await ann.conversations.items.retrieve(second, conversation_id=made.id)
    assert (shown.type, shown.status, shown.role) == ("message", "completed", "user")
    assert shown.content[0].image_url == DATA_URL
    after = await ann.conversations.items.delete("msg_mine", conversation_id=made.id)
    assert after == made
    with pytest.raises(openai.NotFoundError):
        await ann.conversations.items.retrieve("msg_mine", conversation_id=made.id)


async def test_foreign_conversations_are_like_unknown_ones(
    ann: openai.AsyncOpenAI, bob: openai.AsyncOpenAI
) -> None:
    made = await ann.conversations.create(items=[MINE])
    theirs = bob.conversations

    async def refusals(id: str) -> list[str]:
        texts = []
        for asked in (
            theirs.retrieve(id),
            theirs.update(id, metadata={}),
            theirs.delete(id),
            theirs.items.create(id, items=[SAID]),
            theirs.items.list(id),
            theirs.items.retrieve("msg_mine", conversation_id=id),
            theirs.items.delete("msg_mine", conversation_id=id),
        ):
            with pytest.raises(openai.NotFoundError) as refusal:
                await asked
            texts.append(refusal.value.response.text.replace(id, "X"))
        return texts

    assert await refusals(made.id) == await refusals("conv_none")
    assert [item.id async for item in ann.conversations.items.list(made.id)] == ["msg_mine"]


async def test_a_file_that_an_item_names_stands_in_its_place(
    ann: openai.AsyncOpenAI, parts: Parts
) -> None:
    files = StoredFiles(parts.database, parts.blobs)
    owner = sha256(b"ann").hexdigest()[:32]
    file = await files.add(owner, NewFile("a.png", "vision", "image/png", picture().content))
    item: Any = {"role": "user", "content": [{"type": "input_image", "file_id": file.id}]}
    made = await ann.conversations.create(items=[item])
    await files.delete(owner, file.id)
    (kept,) = (await ann.conversations.items.list(made.id)).data
    assert isinstance(kept, Message)
    (shown,) = kept.content
    assert shown.type == "input_image"
    assert shown.image_url == DATA_URL


async def test_what_no_response_could_read_is_not_kept(
    ann: openai.AsyncOpenAI,
) -> None:
    item: Any = {"role": "user", "content": [{"type": "input_image", "file_id": "file-none"}]}
    with pytest.raises(openai.APIStatusError) as refusal:
        await ann.conversations.create(items=[item])
    assert refusal.value.param == "items[0].content[0].file_id"
    made = await ann.conversations.create()
    with pytest.raises(openai.BadRequestError) as twice:
        await ann.conversations.items.create(made.id, items=[MINE, MINE])
    assert twice.value.code == "duplicate_item"
    with pytest.raises(openai.BadRequestError):
        await ann.conversations.items.create(made.id, items=[])
    with pytest.raises(openai.BadRequestError):
        await ann.conversations.items.list(made.id, extra_query={"include[]": "all"})
    assert [one async for one in ann.conversations.items.list(made.id)] == []
