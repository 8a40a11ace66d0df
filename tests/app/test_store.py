"""The store as the settings want it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from limner.app import store as app_store
from limner.app.store import open_store, upgrade_database
from limner.config import Settings
from limner.core.errors import ConfigError, StoreError


async def test_a_store_in_files_outlives_its_server(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "new" / "folder")
    async with open_store(settings) as store:
        digest = await store.blobs.put(b"content")
        await store.database.write(
            lambda tx: tx.run("INSERT INTO pictures (digest, holder) VALUES (?, 'x')", digest)
        )
    async with open_store(settings) as store:
        assert await store.database.read("SELECT digest FROM pictures") == [(digest,)]
        assert await store.blobs.get(digest) == b"content"
        assert (store.days, store.is_alone) == (30, True)


async def test_a_second_server_on_the_folder_is_refused_until_the_first_has_ended(
    tmp_path: Path,
) -> None:
    settings = Settings(data=tmp_path)
    async with open_store(settings):
        with pytest.raises(ConfigError, match=r"Another Limner server \(process \d+\)"):
            async with open_store(settings):
                pass
        with pytest.raises(ConfigError, match="Another Limner server"):
            await upgrade_database(settings)
    async with open_store(settings):
        pass


async def test_a_store_in_memory_leaves_nothing(tmp_path: Path) -> None:
    async with open_store(Settings(store="memory", data=tmp_path / "data")) as store:
        digest = await store.blobs.put(b"content")
        folder = store.blobs._folder
        assert await store.blobs.get(digest) == b"content"
    assert not folder.exists()
    assert not (tmp_path / "data").exists()


async def test_memory_and_a_database_contradict_each_other() -> None:
    with pytest.raises(ConfigError, match="LIMNER_DATABASE_URL"):
        async with open_store(Settings(store="memory", database_url="postgresql://host/db")):
            pass


async def test_a_data_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="--data must be a folder"):
        async with open_store(Settings(data=tmp_path / "file")):
            pass


async def test_the_sweep_forgets_again_and_again_whatever_one_of_them_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(app_store, "SWEEP_S", 0.001)
    forgotten: list[float] = []
    twice = asyncio.Event()

    async def forget(now: float) -> None:
        forgotten.append(now)
        if len(forgotten) == 1:
            raise StoreError("the disk is full")
        twice.set()

    async with open_store(Settings(store="memory")) as store:
        store.forgets.append(forget)
        await twice.wait()
