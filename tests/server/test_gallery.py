"""The pictures of stored responses: a list, and each one's bytes."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import aiohttp
import openai
import pytest
from PIL import Image

from limner.core.image import (
    ImageCompleted,
    ImageData,
    ImageFormat,
    ImageUsage,
    Resolved,
    Size,
)
from limner.core.picture_facts import PictureFacts
from limner.server.application import Rules
from limner.wire.kept import digest_of
from limner.wire.picture_metadata import read, says_made_by_ai, write
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
    """Nothing else is understood, and the other doors under this path stay as they are."""
    async with (
        keeping(tmp_path, ScriptedUpstream(draws), ScriptedImages(done())) as kept,
        aiohttp.ClientSession() as session,
    ):
        for method, path, status in (
            ("GET", "/v1/images?limit=0", 400),
            ("GET", "/v1/images?size=8x8", 400),
            ("DELETE", "/v1/images/ig_1", 404),
            ("PUT", "/v1/images/ig_1", 405),
            ("GET", "/v1/images/resp_1", 404),
        ):
            async with session.request(method, f"{kept.url}{path}") as reply:
                assert reply.status == status


async def ask(
    kept: Kept, method: str, path: str, key: str = "ann", **more: Any
) -> tuple[int, Any, Any]:
    """Status, headers, body."""
    headers = {"Authorization": f"Bearer {key}", **more.pop("headers", {})}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.request(method, f"{kept.url}{path}", **more) as reply,
    ):
        is_json = reply.content_type == "application/json"
        return reply.status, reply.headers, await (reply.json() if is_json else reply.read())


def opened(content: bytes) -> Image.Image:
    image = Image.open(BytesIO(content))
    image.load()
    return image


FACTS = PictureFacts("a red fox", seed=7)
LARGE = write(picture(700, 350), FACTS)


@pytest.fixture
def large() -> ScriptedImages:
    """Paints a picture of 700x350 that says how it was made."""
    look = Resolved(Size(700, 350), output_format="png", seed=7)
    return ScriptedImages(ImageCompleted(LARGE, look, ImageUsage()))


async def test_thumbnails_are_made_once_and_cached_for_ever(
    tmp_path: Path, large: ScriptedImages
) -> None:
    async with keeping(tmp_path, ScriptedUpstream(draws), large) as kept:
        where = f"/v1/images/{(await paint(kept)).output[0].id}"
        blobs = tmp_path / "blobs"
        status, headers, small = await ask(kept, "GET", f"{where}?width=200")
        assert (status, headers["Content-Type"]) == (200, "image/webp")
        assert "immutable" in headers["Cache-Control"]
        assert opened(small).size == (320, 160)
        assert says_made_by_ai(ImageData(small, "webp"))
        there = sorted(blobs.rglob("*"))
        again = await ask(kept, "GET", f"{where}?width=320")
        assert again[2] == small
        assert sorted(blobs.rglob("*")) == there
        tag = {"If-None-Match": headers["ETag"]}
        assert (await ask(kept, "GET", f"{where}?width=320", headers=tag))[0] == 304
        _, _, whole = await ask(kept, "GET", f"{where}?width=1024")
        assert opened(whole).size == (700, 350)


async def test_a_thumbnail_of_an_unmarked_picture_is_unmarked(tmp_path: Path) -> None:
    async with keeping(tmp_path, ScriptedUpstream(draws), ScriptedImages(done())) as kept:
        where = f"/v1/images/{(await paint(kept)).output[0].id}"
        _, _, small = await ask(kept, "GET", f"{where}?width=64")
        assert not says_made_by_ai(ImageData(small, "webp"))


@pytest.mark.parametrize("format", ["jpeg", "webp", "png"])
async def test_downloads_say_how_they_were_made_or_nothing(
    tmp_path: Path, large: ScriptedImages, format: ImageFormat
) -> None:
    async with keeping(tmp_path, ScriptedUpstream(draws), large) as kept:
        where = f"/v1/images/{(await paint(kept)).output[0].id}?format={format}"
        status, headers, content = await ask(kept, "GET", where)
        assert (status, headers["Content-Type"]) == (200, f"image/{format}")
        assert read(ImageData(content, format)) == FACTS
        assert opened(content).format == format.upper()
        _, other, bare = await ask(kept, "GET", f"{where}&metadata=none")
        assert read(ImageData(bare, format)) is None
        assert not says_made_by_ai(ImageData(bare, format))
        assert opened(bare).size == (700, 350)
        assert other["ETag"] != headers["ETag"]


async def test_another_format_of_an_unmarked_picture_is_unmarked(tmp_path: Path) -> None:
    async with keeping(tmp_path, ScriptedUpstream(draws), ScriptedImages(done())) as kept:
        where = f"/v1/images/{(await paint(kept)).output[0].id}"
        _, _, content = await ask(kept, "GET", f"{where}?format=jpeg")
        assert not says_made_by_ai(ImageData(content, "jpeg"))


async def test_files_are_named_for_people(tmp_path: Path, large: ScriptedImages) -> None:
    async with keeping(tmp_path, ScriptedUpstream(draws), large) as kept:
        client = kept.client.with_options(api_key="ann")
        made = await client.responses.create(model="any", input="лиса 1", tools=[TOOL])
        where = f"/v1/images/{made.output[0].id}"
        time = datetime.fromtimestamp(made.created_at, UTC).strftime("%Y-%m-%d_%H%M")
        for query, kind in (("", "inline"), ("?download=1", "attachment")):
            _, headers, _ = await ask(kept, "GET", where + query)
            said, plain, whole = headers["Content-Disposition"].split("; ")
            assert said == kind
            assert plain == f'filename="{time}_____-1_s7.png"'
            assert unquote(whole) == f"filename*=UTF-8''{time}_лиса-1_s7.png"


async def test_stars_are_given_and_taken(tmp_path: Path, rules: Rules) -> None:
    async with keeping(
        tmp_path, ScriptedUpstream(draws), ScriptedImages(done()), rules=rules
    ) as kept:
        first, _ = [await paint(kept) for _ in range(2)]
        where = f"/v1/images/{first.output[0].id}"
        status, _, starred = await ask(kept, "POST", where, json={"starred": True})
        assert (status, starred["starred"], starred["id"]) == (200, True, first.output[0].id)
        _, listed = await get(kept, "/v1/images?starred=true")
        assert listed["data"] == [starred]
        for key, body, expected in (("bob", {"starred": True}, 404), ("ann", {"liked": True}, 400)):
            assert (await ask(kept, "POST", where, key=key, json=body))[0] == expected
        await ask(kept, "POST", where, json={"starred": False})
        assert (await get(kept, "/v1/images?starred=true"))[1]["data"] == []


async def test_the_list_is_filtered(tmp_path: Path, rules: Rules) -> None:
    async with keeping(
        tmp_path, ScriptedUpstream(draws), ScriptedImages(done()), rules=rules
    ) as kept:
        made = await paint(kept)
        for query, count in (
            ("q=FOX", 1),
            ("q=owl", 0),
            ("ratio=square", 1),
            ("ratio=portrait", 0),
            (f"since={int(made.created_at)}", 1),
            (f"before={int(made.created_at)}", 0),
        ):
            _, listed = await get(kept, f"/v1/images?{query}")
            assert len(listed["data"]) == count, query


async def test_a_deleted_picture_is_gone_and_what_rests_on_it_goes_on(
    tmp_path: Path, rules: Rules
) -> None:
    upstream = ScriptedUpstream(draws)
    async with keeping(tmp_path, upstream, ScriptedImages(done()), rules=rules) as kept:
        made = await paint(kept)
        where = f"/v1/images/{made.output[0].id}"
        assert (await ask(kept, "DELETE", where, key="bob"))[0] == 404
        status, _, said = await ask(kept, "DELETE", where)
        assert (status, said["deleted"], said["id"]) == (200, True, made.output[0].id)
        assert (await ask(kept, "DELETE", where))[0] == 404
        assert (await get(kept, where))[0] == 404
        assert (await get(kept, "/v1/images"))[1]["data"] == []
        _, response = await get(kept, f"/v1/responses/{made.id}")
        item = response["output"][0]
        assert (item["result"], item["status"], "error" in item) == (None, "completed", False)
        assert item["limner"]["deleted"] is True
        later = await paint(kept, previous_response_id=made.id)
        assert later.status == "completed"
        shown = [str(asked) for asked in upstream.requests]
        assert any("no longer at hand" in text for text in shown)
        client = kept.client.with_options(api_key="ann")
        echoed = await client.responses.create(model="any", input=[item], tools=[TOOL])
        assert echoed.status == "completed"
