"""`GET /v1/responses` over HTTP: a chat found again by its metadata."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from limner.server.application import Rules
from limner.wire.pictures import to_base64
from tests.pictures import picture
from tests.scripted_images import HANG, ScriptedImages, done, preview
from tests.scripted_upstream import ScriptedUpstream, draws, says
from tests.server.keeping import Kept, keeping

PATH = "/v1/responses"
DATA_URL = f"data:image/png;base64,{to_base64(picture())}"
LOOK: Any = [
    {"type": "input_text", "text": "a circle"},
    {"type": "input_image", "image_url": DATA_URL},
]
DRAW: dict[str, Any] = {
    "model": "any",
    "input": [{"role": "user", "content": LOOK}],
    "tools": [{"type": "image_generation"}],
}


async def listed(kept: Kept, key: str = "none", **query: Any) -> dict[str, Any]:
    async with httpx.AsyncClient(base_url=kept.url, timeout=30) as client:
        headers = {"Authorization": f"Bearer {key}"}
        reply = await client.get(PATH, params=query, headers=headers)
    assert reply.status_code == 200, reply.text
    found: dict[str, Any] = reply.json()
    return found


async def test_a_chat_is_found_by_its_label_without_its_pictures(tmp_path: Path) -> None:
    images = ScriptedImages(done())
    async with keeping(tmp_path, ScriptedUpstream(draws), images) as kept:
        made = await kept.client.responses.create(**DRAW, metadata={"chat": "conv_1"})
        await kept.client.responses.create(**DRAW, metadata={"chat": "conv_2"})
        found = await listed(kept, **{"metadata[chat]": "conv_1", "include[]": "input"})
        everything = await listed(kept)
    (one,) = found["data"]
    assert (found["first_id"], found["last_id"], found["has_more"]) == (made.id, made.id, False)
    assert (one["id"], one["status"], one["metadata"]) == (
        made.id,
        "completed",
        {"chat": "conv_1"},
    )
    assert [item["type"] for item in one["output"]] == ["image_generation_call", "message"]
    assert one["output"][0]["result"] is None
    (said,) = one["input"]
    assert said["content"] == [LOOK[0], {"type": "input_image", "image_url": None}]
    assert [each["metadata"]["chat"] for each in everything["data"]] == ["conv_2", "conv_1"]
    assert "input" not in everything["data"][0]


async def test_the_pictures_of_the_input_come_where_they_are_asked_for(tmp_path: Path) -> None:
    async with keeping(tmp_path, ScriptedUpstream([*says("a circle")]), ScriptedImages()) as kept:
        await kept.client.responses.create(**DRAW)
        include: Any = ["input", "message.input_image.image_url"]
        found = await listed(kept, "none", **{"include[]": include})
    assert found["data"][0]["input"][0]["content"] == LOOK


async def test_one_in_the_background_is_listed_as_it_stands(tmp_path: Path) -> None:
    images = ScriptedImages(preview(0), HANG, done())
    async with keeping(tmp_path, ScriptedUpstream(draws), images) as kept:
        made = await kept.client.responses.create(**DRAW, background=True, metadata={"a": "b"})
        await images.hangs()
        (one,) = (await listed(kept, **{"metadata[a]": "b"}))["data"]
        await kept.client.responses.cancel(made.id)
        (ended,) = (await listed(kept, **{"metadata[a]": "b"}))["data"]
    assert one["status"] in ("queued", "in_progress")
    assert (one["output"], ended["status"]) == ([], "cancelled")


async def test_nobody_sees_anothers(tmp_path: Path) -> None:
    rules = Rules(api_keys=frozenset({"none", "bob"}))
    async with keeping(tmp_path, ScriptedUpstream(says("hi")), rules=rules) as kept:
        await kept.client.responses.create(model="any", input="hi")
        assert len((await listed(kept))["data"]) == 1
        assert (await listed(kept, "bob"))["data"] == []


@pytest.mark.parametrize(
    ("query", "param"),
    [("include[]=x", "include"), ("after=resp_none", "after"), ("status=done", "status")],
)
async def test_what_it_cannot_do_is_refused(tmp_path: Path, query: str, param: str) -> None:
    async with keeping(tmp_path, ScriptedUpstream([])) as kept:
        reply = await asyncio.to_thread(httpx.get, f"{kept.url}{PATH}?{query}")
    assert reply.status_code == 400
    assert reply.json()["error"]["param"] == param
