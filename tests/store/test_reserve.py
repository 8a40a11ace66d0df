"""What a database still does whose disk is full, and when it takes new work again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from limner.core.errors import StoreError
from limner.store import reserve as reserves
from limner.store.database import Transaction
from limner.store.reserve import Reserve
from limner.store.session import SessionDatabase
from limner.store.sqlite import open_sqlite


@pytest.fixture
def reserve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Reserve:
    """A small one."""
    monkeypatch.setattr(reserves, "MOST_BYTES", 4096)
    return Reserve(tmp_path / "reserve")


@pytest.fixture
async def database(tmp_path: Path, reserve: Reserve) -> AsyncIterator[SessionDatabase]:
    """With one table, which has a row, and with room for little more."""
    async with open_sqlite(tmp_path / "limner.sqlite", reserve=reserve) as database:
        await database.write(lambda tx: tx.run("CREATE TABLE texts (text TEXT)"))
        await database.write(lambda tx: tx.run("INSERT INTO texts VALUES ('kept')"))
        await database.write(lambda tx: tx.run("PRAGMA max_page_count = 4"))
        yield database


def insert(tx: Transaction) -> None:
    tx.run("INSERT INTO texts VALUES (?)", "x" * 100_000)


def delete(tx: Transaction) -> None:
    tx.run("DELETE FROM texts")


async def test_space_is_held_back_and_no_more_than_a_small_disk_can_spare(
    reserve: Reserve, tmp_path: Path
) -> None:
    assert (tmp_path / "reserve").stat().st_size == 4096
    reserve.check()


async def test_a_full_disk_gives_up_its_reserve_and_takes_what_frees_alone(
    database: SessionDatabase, tmp_path: Path
) -> None:
    for _ in range(2):
        with pytest.raises(StoreError) as refusal:
            await database.write(insert)
        assert refusal.value.code == "insufficient_storage"
    assert await database.read("SELECT text FROM texts") == [("kept",)]
    await database.write(delete, frees=True)
    assert await database.read("SELECT text FROM texts") == []


async def test_what_frees_is_done_even_beside_what_does_not_fit(
    database: SessionDatabase,
) -> None:
    works = [database.write(insert), database.write(delete, frees=True), database.write(insert)]
    too_big, deleted, too_big_again = await asyncio.gather(*works, return_exceptions=True)
    assert isinstance(too_big, StoreError)
    assert deleted is None
    assert isinstance(too_big_again, StoreError)
    assert await database.read("SELECT text FROM texts") == []


async def test_new_work_is_taken_when_there_is_room_again(
    database: SessionDatabase, reserve: Reserve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StoreError):
        await database.write(insert)
    await database.write(lambda tx: tx.run("PRAGMA max_page_count = 1000"), frees=True)
    monkeypatch.setattr(reserves, "RETRY_S", 0.0)
    await database.write(insert)
    assert (tmp_path / "reserve").stat().st_size == 4096


async def test_a_disk_that_was_full_is_not_asked_at_every_write(
    reserve: Reserve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reserve.release()
    assert not (tmp_path / "reserve").exists()
    monkeypatch.setattr(reserves, "RETRY_S", float("inf"))
    with pytest.raises(StoreError, match="room again"):
        reserve.check()
