"""The pictures of stored responses: a list, and each one's bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aiohttp
import openai
import pytest

from limner.server.application import Rules
from limner.wire.kept import digest_of
from tests.pictures import picture
from tests.scripted_images import ScriptedImages, done
from tests.scripted_upstream import ScriptedUpstream, draws
from tests.server.keeping import Kept, keeping

TOOL: Any = {"type": "image_generation"}
PNG = picture().content


async def get(kept: Kept, path: str, key: str = "ann") -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {key}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.get(f"{kept.url}{path}") as reply,
    ):
        is_json = reply.content_type == "application/json"
        return reply.status, await (reply.json() if is_json else reply.read())


async def paint(kept: Kept, **more: Any) -> openai.types.responses.Response:
    client = kept.client.with_options(api_key="ann")
    made: openai.types.responses.Response = await client.responses.create(
        model="any", input="a fox", tools=[TOOL], **more
    )
    return made


@pytest.fixture
def rules() -> Rules:
    return Rules(api_keys=frozenset({"ann", "bob"}))


async def test_pictures_are_listed_and_shown_to_their_owner(tmp_path: Path, rules: Rules) -> None:
    images = ScriptedImages(done())
    async with keeping(tmp_path, ScriptedUpstream(draws), images, rules=rules) as kept:
        made = [await paint(kept) for _ in range(3)]
        await paint(kept, store=False)
        status, listed = await get(kept, "/v1/images?limit=2")
        assert (status, listed["has_more"]) == (200, True)
        first = listed["data"][0]
        assert (first["response_id"], first["size"]) == (made[-1].id, "8x8")
        assert (first["format"], first["prompt"]) == ("png", "a fox")
        assert first["id"] == made[-1].output[0].id
        _, rest = await get(kept, f"/v1/images?after={listed['last_id']}")
        assert [entry["response_id"] for entry in rest["data"]] == [made[0].id]
        assert await get(kept, first["url"]) == (200, PNG)
        assert (await get(kept, "/v1/images", key="bob"))[1]["data"] == []
        foreign, unknown = await get(kept, first["url"], "bob"), await get(kept, "/v1/images/ig_no")
        assert foreign[0] == unknown[0] == 404
        same = foreign[1]["error"]["message"].replace(first["id"], "ig_no")
        assert same == unknown[1]["error"]["message"]


async def test_a_picture_goes_with_its_response(tmp_path: Path, rules: Rules) -> None:
    images = ScriptedImages(done())
    async with keeping(tmp_path, ScriptedUpstream(draws), images, rules=rules) as kept:
        made = await paint(kept)
        where = f"/v1/images/{made.output[0].id}"
        assert (await get(kept, where))[0] == 200
        await kept.client.with_options(api_key="ann").responses.delete(made.id)
        assert (await get(kept, where))[0] == 404


async def test_a_picture_that_the_client_has_is_not_sent_again(tmp_path: Path) -> None:
    async with keeping(tmp_path, ScriptedUpstream(draws), ScriptedImages(done())) as kept:
        made = await paint(kept)
        async with aiohttp.ClientSession() as session:
            where = f"{kept.url}/v1/images/{made.output[0].id}"
            async with session.get(where) as whole:
                assert whole.headers["ETag"] == f'"{digest_of(PNG)}"'
                assert whole.headers["Content-Type"] == "image/png"
            async with session.get(where, headers={"If-None-Match": whole.headers["ETag"]}) as same:
                assert (same.status, await same.read()) == (304, b"")


async def test_other_words_stand_beside_the_pictures(tmp_path: Path) -> None:
    """Nothing but GET reads here, and the other doors under this path stay as they are."""
    async with (
        keeping(tmp_path, ScriptedUpstream(draws), ScriptedImages(done())) as kept,
        aiohttp.ClientSession() as session,
    ):
        for method, path, status in (
            ("GET", "/v1/images?limit=0", 400),
            ("GET", "/v1/images?size=8x8", 400),
            ("DELETE", "/v1/images/ig_1", 405),
            ("GET", "/v1/images/resp_1", 404),
        ):
            async with session.request(method, f"{kept.url}{path}") as reply:
                assert reply.status == status
