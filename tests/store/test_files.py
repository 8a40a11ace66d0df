"""Uploads, on both databases."""

from __future__ import annotations

import pytest

from limner.core.errors import InvalidRequest
from limner.core.file import File, NewFile
from limner.core.page import Page
from limner.store.blobs import Blobs
from limner.store.database import Database
from limner.store.files import StoredFiles


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def files(database: Database, blobs: Blobs, clock: Clock) -> StoredFiles:
    return StoredFiles(database, blobs, clock=clock)


def picture(number: int = 0, **more: object) -> NewFile:
    values = {"filename": f"{number}.png", "purpose": "vision", "media_type": "image/png"}
    return NewFile(**{**values, "content": b"picture %d" % number, **more})  # type: ignore[arg-type]


async def test_a_file_is_given_back_to_its_owner_alone(files: StoredFiles) -> None:
    file = await files.add("ann", picture())
    assert file.id.startswith("file-")
    assert await files.get("ann", file.id) == file
    assert await files.get("bob", file.id) is None
    assert await files.picture("ann", file.id) == b"picture 0"
    assert await files.picture("bob", file.id) is None
    assert not await files.delete("bob", file.id)
    assert await files.content(file) == b"picture 0"


async def test_a_deleted_file_is_gone_and_its_blob_is_let_go(
    files: StoredFiles, database: Database
) -> None:
    file = await files.add("ann", picture())
    assert await database.read("SELECT digest FROM pictures") == [(file.digest,)]
    assert await files.delete("ann", file.id)
    assert not await files.delete("ann", file.id)
    assert await files.get("ann", file.id) is None
    assert await database.read("SELECT digest FROM pictures") == []


async def test_a_file_ends_when_its_time_is_over(
    files: StoredFiles, clock: Clock, database: Database
) -> None:
    file = await files.add("ann", picture(expires_after_s=3600))
    kept = await files.add("ann", picture(1))
    assert file.expires_at == file.created_at + 3600
    clock.now += 3600
    assert await files.get("ann", file.id) is None
    assert (await files.page("ann", Page(10))).entries == [kept]
    await files.forget(clock.now)
    assert await database.read("SELECT id FROM files") == [(kept.id,)]
    assert await database.read("SELECT digest FROM pictures") == [(kept.digest,)]


@pytest.mark.parametrize("newest_first", [True, False])
async def test_lists_are_walked_page_by_page(files: StoredFiles, newest_first: bool) -> None:
    made = [await files.add("ann", picture(n)) for n in range(5)]
    await files.add("bob", picture())
    walked: list[File] = []
    after, more = None, True
    while more:
        listed = await files.page("ann", Page(2, after, newest_first))
        walked += listed.entries
        after, more = walked[-1].id, listed.has_more
    assert walked == (made[::-1] if newest_first else made)


async def test_lists_hold_one_purpose_where_it_is_asked_for(files: StoredFiles) -> None:
    await files.add("ann", picture())
    other = await files.add("ann", picture(1, purpose="user_data"))
    assert (await files.page("ann", Page(10), "user_data")).entries == [other]


async def test_a_page_after_an_unknown_file_is_refused(files: StoredFiles) -> None:
    with pytest.raises(InvalidRequest, match="file-none"):
        await files.page("ann", Page(10, "file-none"))


async def test_an_id_that_no_database_can_hold_is_refused(files: StoredFiles) -> None:
    with pytest.raises(InvalidRequest, match="NUL"):
        await files.get("ann", "file-\x00")
    with pytest.raises(InvalidRequest, match="NUL"):
        await files.delete("ann", "file-\x00")
