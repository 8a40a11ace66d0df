"""The server as it is opened: all doors to what clients keep, over one store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import openai
import pytest

from limner.app.server import open_server
from limner.config import load
from tests.pictures import picture
from tests.serving import serving


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[openai.AsyncOpenAI]:
    settings = load({"image_backend": "none", "data": str(tmp_path)}, {})
    async with (
        open_server(settings) as app,
        serving(app) as url,
        openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as made,
    ):
        yield made


async def test_a_file_is_shown_to_the_model_by_its_id(client: openai.AsyncOpenAI) -> None:
    file = await client.files.create(file=picture().content, purpose="vision")
    shown: Any = {"role": "user", "content": [{"type": "input_image", "file_id": file.id}]}
    response = await client.responses.create(model="limner", input=[shown])
    assert response.status == "completed"
    await client.files.delete(file.id)
    with pytest.raises(openai.APIStatusError) as refusal:
        await client.responses.create(model="limner", input=[shown])
    assert refusal.value.param == "input[0].content[0].file_id"


async def test_a_conversation_grows_over_every_door(client: openai.AsyncOpenAI) -> None:
    made = await client.conversations.create()
    await client.responses.create(model="limner", input="hello", conversation=made.id)
    async with client.responses.connect() as line:
        await line.response.create(model="limner", input="again", conversation=made.id)
        async for event in line:
            assert event.type != "error"
            if event.type == "response.completed":
                break
    items = [item async for item in client.conversations.items.list(made.id)]
    assert len(items) == 4


async def test_there_is_a_gallery(client: openai.AsyncOpenAI) -> None:
    listed: Any = await client.get("/images", cast_to=object)
    assert (listed["object"], listed["data"]) == ("list", [])
