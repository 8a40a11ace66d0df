"""The pictures among what responses have put out, on both databases."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from limner.core.errors import InvalidRequest
from limner.core.page import Page
from limner.store.blobs import Blobs
from limner.store.database import Database, Transaction
from limner.store.gallery import Gallery
from limner.store.pictures import Texts
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

    async def keep(owner: str, created_at: float, *names: str, stored: int = 1) -> None:
        kept: list[tuple[str, bytes]] = []
        for name in names:
            made = picture(8 + len(kept))
            result = None if name.startswith("x") else to_base64(made)
            item = {"id": f"ig_{name}", "result": result, "size": "8x8"}
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
                for position, (item_id, text) in enumerate(kept):
                    tx.run(
                        "INSERT INTO response_items"
                        " (response_id, direction, position, owner, id, item)"
                        " VALUES (?, ?, ?, ?, ?, ?)",
                        *(id, direction, position, owner, item_id, text),
                    )

        await database.write(insert)

    return keep


async def test_a_picture_is_its_owners_alone(gallery: Gallery, put: Put) -> None:
    await put("ann", 1.5, "a", "x")
    found = await gallery.get("ann", "ig_a")
    assert found is not None
    assert (found.response_id, found.created_at, found.size) == ("resp_ann1.5", 1.5, "8x8")
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
