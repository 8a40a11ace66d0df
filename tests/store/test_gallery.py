"""The pictures among what responses have put out, on both databases."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from limner.core.errors import InvalidRequest
from limner.core.gallery import PictureFilter
from limner.core.image import Size
from limner.core.page import Page
from limner.store.blobs import Blobs
from limner.store.database import Database, Transaction
from limner.store.gallery import Gallery
from limner.store.migrate import upgrade
from limner.store.pictures import Texts
from limner.store.response_items import insert_items
from limner.store.session import SessionDatabase
from limner.wire import json
from limner.wire.pictures import to_base64
from tests.pictures import picture

Put = Callable[..., Awaitable[None]]


@pytest.fixture
def gallery(database: Database, blobs: Blobs) -> Gallery:
    return Gallery(database, blobs)


@pytest.fixture
def put(database: Database, texts: Texts) -> Put:
    """Keeps a response, with one picture for each name; names that begin with `x` failed."""

    async def keep(
        owner: str, created_at: float, *names: str, stored: int = 1, **said: Any
    ) -> None:
        kept: list[tuple[str, bytes]] = []
        for name in names:
            made = picture(8 + len(kept))
            result = None if name.startswith("x") else to_base64(made)
            item = {"id": f"ig_{name}", "result": result, "size": "8x8", **said}
            kept.append((f"ig_{name}", await texts.keep(json.dump(item), [made.content])))
        id = f"resp_{owner}{created_at}"

        def insert(tx: Transaction) -> None:
            tx.run(
                "INSERT INTO responses (id, owner, status, created_at, expires_at, deadline_at,"
                " stored, background, streamed, logged, response, spent, epoch, attempts,"
                " lease_until, cancel_requested)"
                " VALUES (?, ?, 'completed', ?, 9e9, 9e9, ?, 0, 0, 0, ?, '', 1, 1, 0, 0)",
                *(id, owner, created_at, stored, b"{}"),
            )
            for direction in ("in", "out"):
                insert_items(tx, owner, id, direction, dict(enumerate(kept)))

        await database.write(insert)

    return keep


async def test_a_picture_is_its_owners_alone(gallery: Gallery, put: Put) -> None:
    await put("ann", 1.5, "a", "x")
    found = await gallery.get("ann", "ig_a")
    assert found is not None
    assert (found.response_id, found.created_at, found.size) == ("resp_ann1.5", 1.5, Size(8, 8))
    assert await gallery.content(found) == picture(8).content
    for owner, id in (("bob", "ig_a"), ("ann", "ig_none"), ("ann", "ig_x")):
        assert await gallery.get(owner, id) is None
    assert (await gallery.page("bob", Page(10))).entries == []


async def test_what_is_not_stored_is_not_shown(gallery: Gallery, put: Put) -> None:
    await put("ann", 1, "a", stored=0)
    assert await gallery.get("ann", "ig_a") is None
    assert (await gallery.page("ann", Page(10))).entries == []


@pytest.mark.parametrize("limit", [1, 2, 3, 10])
@pytest.mark.parametrize("newest_first", [True, False])
async def test_pages_hold_every_picture_once_and_no_failed_ones(
    gallery: Gallery, put: Put, limit: int, newest_first: bool
) -> None:
    await put("ann", 1, "a", "x1", "b")
    await put("ann", 2, "x2", "x3", "x4", "x5")
    await put("bob", 2, "other")
    await put("ann", 3, "c", "d")
    walked: list[str] = []
    more = True
    while more:
        listed = await gallery.page(
            "ann", Page(limit, walked[-1] if walked else None, newest_first)
        )
        assert len(listed.entries) <= limit
        walked += [entry.id for entry in listed.entries]
        more = listed.has_more
    expected = ["ig_a", "ig_b", "ig_c", "ig_d"]
    assert walked == (expected[::-1] if newest_first else expected)


async def test_a_page_after_an_unknown_picture_is_refused(gallery: Gallery) -> None:
    with pytest.raises(InvalidRequest, match="ig_none"):
        await gallery.page("ann", Page(10, "ig_none"))


async def listed(gallery: Gallery, wanted: PictureFilter, limit: int = 10) -> list[str]:
    found = await gallery.page("ann", Page(limit), wanted)
    return [entry.id.removeprefix("ig_") for entry in found.entries]


async def test_pictures_are_found_by_what_their_prompt_contains(gallery: Gallery, put: Put) -> None:
    await put("ann", 1, "fox", revised_prompt="A red FOX, 100% wool")
    await put("ann", 2, "лиса", revised_prompt="Рыжая Лиса\0 в снегу_")
    await put("ann", 3, "x", "mute")
    await put("bob", 4, "other", revised_prompt="a fox")
    for text, names in (
        ("fox", ["fox"]),
        ("ЛИСА", ["лиса"]),
        ("0%", ["fox"]),
        ("_", ["лиса"]),
        ("%", ["fox"]),
        ("\\", []),
        ("owl", []),
    ):
        assert await listed(gallery, PictureFilter(text)) == names


async def test_pictures_are_found_by_shape_and_time(gallery: Gallery, put: Put) -> None:
    for created_at, name, size in (
        (1, "wide", "16x8"),
        (2, "tall", "8x16"),
        (3, "even", "8x8"),
        (4, "unknown", "auto"),
    ):
        await put("ann", created_at, name, size=size)
    assert await listed(gallery, PictureFilter(shape="landscape")) == ["wide"]
    assert await listed(gallery, PictureFilter(shape="portrait")) == ["tall"]
    assert await listed(gallery, PictureFilter(shape="square")) == ["even"]
    assert await listed(gallery, PictureFilter(since=2, before=4)) == ["even", "tall"]


async def test_a_star_stays_until_it_is_taken_back(gallery: Gallery, put: Put) -> None:
    await put("ann", 1, "a", "b")
    starred = await gallery.star("ann", "ig_a", True)
    assert starred is not None
    assert starred.starred
    assert await gallery.star("bob", "ig_a", False) is None
    assert await gallery.star("ann", "ig_none", True) is None
    assert await listed(gallery, PictureFilter(starred=True)) == ["a"]
    await gallery.star("ann", "ig_a", False)
    assert await listed(gallery, PictureFilter(starred=True)) == []


async def test_filters_hold_from_page_to_page(gallery: Gallery, put: Put) -> None:
    for created_at in range(5):
        await put("ann", created_at, f"a{created_at}", revised_prompt="a fox")
        await put("ann", created_at + 0.5, f"b{created_at}", revised_prompt="an owl")
    walked: list[str] = []
    more = True
    while more:
        page = Page(2, walked[-1] if walked else None)
        found = await gallery.page("ann", page, PictureFilter("FOX", since=1))
        walked += [entry.id for entry in found.entries]
        more = found.has_more
    assert walked == ["ig_a4", "ig_a3", "ig_a2", "ig_a1"]


async def test_a_thumbnail_is_kept_as_long_as_its_picture(
    gallery: Gallery, put: Put, database: Database
) -> None:
    await put("ann", 1, "a")
    found = await gallery.get("ann", "ig_a")
    assert found is not None
    assert await gallery.thumbnail(found, 320) is None
    digest = await gallery.keep_thumbnail(found, 320, b"small")
    assert await gallery.keep_thumbnail(found, 320, b"small") == digest
    assert await gallery.thumbnail(found, 320) == digest
    assert await gallery.thumbnail(found, 640) is None
    assert await gallery.small_content(digest) == b"small"
    held = "SELECT holder FROM pictures WHERE digest = ?"
    assert await database.read(held, digest) == [(found.response_id,)]
    await gallery.delete("ann", "ig_a")
    assert await database.read(held, digest) == []
    assert await gallery.keep_thumbnail(found, 320, b"small") == digest
    assert await database.read(held, digest) == []


async def test_pictures_from_before_the_table_are_read_in(
    gallery: Gallery, put: Put, bare_database: SessionDatabase
) -> None:
    await upgrade(bare_database)
    await put("ann", 1, "a", "x", revised_prompt="a fox", limner={"seed": 7})
    await put("bob", 2, "b", stored=0)
    before = await gallery.get("ann", "ig_a")

    def unlist(tx: Transaction) -> None:
        tx.run("DROP TABLE thumbnails")
        tx.run("DROP TABLE gallery")
        tx.run("DELETE FROM schema_version WHERE name = 'gallery'")

    await bare_database.write(unlist)
    await upgrade(bare_database)
    assert await listed(gallery, PictureFilter()) == []
    await gallery.read_in()
    assert await listed(gallery, PictureFilter("FOX")) == ["a"]
    assert await gallery.get("ann", "ig_a") == before
    assert await gallery.get("bob", "ig_b") is None
