"""What only SQLite's file can suffer: locks, full disks, disks that fail, damage."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from limner.core.errors import ConfigError, StoreError
from limner.store.database import Transaction
from limner.store.session import SessionDatabase
from limner.store.sqlite import open_sqlite

TABLE = "CREATE TABLE things (name TEXT, content BLOB)"
MIB = 2**20


def insert(name: str, size: int = 0) -> Any:
    def work(transaction: Transaction) -> None:
        transaction.run("INSERT INTO things VALUES (?, ?)", name, bytes(size))

    return work


async def names(database: SessionDatabase) -> list[object]:
    return [row[0] for row in await database.read("SELECT name FROM things ORDER BY name")]


def modes(folder: Path) -> set[int]:
    return {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}


async def with_table(database: SessionDatabase) -> SessionDatabase:
    await database.write(lambda transaction: transaction.run(TABLE))
    return database


async def test_the_file_is_this_user_s_alone_and_syncs_every_commit(tmp_path: Path) -> None:
    path = tmp_path / "db"
    async with open_sqlite(path) as database:
        await with_table(database)
        assert modes(tmp_path) == {0o600}
        assert await database.read("PRAGMA journal_mode") == [("wal",)]
        assert await database.write(lambda tx: tx.run("PRAGMA synchronous")) == [(2,)]
        assert await database.write(lambda tx: tx.run("PRAGMA secure_delete")) == [(1,)]
        assert await database.write(lambda tx: tx.run("PRAGMA foreign_keys")) == [(1,)]


async def test_memory_is_one_database_for_reads_and_writes() -> None:
    async with open_sqlite(None) as database:
        await with_table(database)
        await database.write(insert("a"))
        assert await names(database) == ["a"]


async def test_another_s_lock_is_waited_for_and_then_said_so(tmp_path: Path) -> None:
    async with open_sqlite(tmp_path / "db", busy_ms=10) as database:
        await with_table(database)
        other = apsw.Connection(str(tmp_path / "db"))
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="lock") as caught:
            await database.write(insert("a"))
        assert (caught.value.code, caught.value.retry_after_s) == ("store_unavailable", 2.0)
        assert await names(database) == []
        other.execute("COMMIT")
        other.close()
        await database.write(insert("b"))
        assert await names(database) == ["b"]


async def test_a_full_disk_refuses_and_recovers(tmp_path: Path) -> None:
    async with open_sqlite(tmp_path / "db") as database:
        await with_table(database)
        await database.write(insert("before"))
        await database.write(lambda tx: tx.run("PRAGMA max_page_count = 10"))
        with pytest.raises(StoreError) as caught:
            await database.write(insert("large", MIB))
        assert caught.value.code == "insufficient_storage"
        await database.write(lambda tx: tx.run("PRAGMA max_page_count = 1000000"))
        await database.write(insert("larger", MIB))
        assert await names(database) == ["before", "larger"]


class FailingDisk(apsw.VFS):
    """The file system, until `fails`; then nothing more is synced."""

    fails = False

    def __init__(self) -> None:
        super().__init__("failing", "", makedefault=True)

    def xOpen(self, name: Any, flags: Any) -> Any:  # noqa: N802
        return FailingFile(self, name, flags)


class FailingFile(apsw.VFSFile):
    def __init__(self, disk: FailingDisk, name: Any, flags: Any) -> None:
        super().__init__("unix", name, flags)
        self._disk = disk

    def xSync(self, flags: int) -> None:  # noqa: N802
        if self._disk.fails:
            error = apsw.IOError("the disk is gone")
            error.extendedresult = apsw.SQLITE_IOERR_FSYNC  # type: ignore[attr-defined]
            raise error
        super().xSync(flags)


@pytest.fixture
def disk() -> Iterator[FailingDisk]:
    disk = FailingDisk()
    yield disk
    disk.unregister()


async def test_after_a_sync_that_failed_no_promise_is_made_again(
    disk: FailingDisk, tmp_path: Path
) -> None:
    async with open_sqlite(tmp_path / "db") as database:
        await with_table(database)
        disk.fails = True
        with pytest.raises(StoreError, match="disk of the database fails"):
            await database.write(insert("a"))
        disk.fails = False
        with pytest.raises(StoreError, match="must be started again"):
            await database.write(insert("b"))
    async with open_sqlite(tmp_path / "db") as database:
        await database.write(insert("c"))
        assert "b" not in await names(database)


async def test_a_damaged_file_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "db"
    async with open_sqlite(path) as database:
        await with_table(database)
        for number in range(50):
            await database.write(insert(str(number), 1000))
    content = bytearray(path.read_bytes())
    content[4096:8192] = bytes(range(256)) * 16
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="is damaged or none"):
        async with open_sqlite(path):
            pass
    assert path.read_bytes() == content


async def test_what_cannot_be_written_to_is_refused(tmp_path: Path) -> None:
    (tmp_path / "db").mkdir()
    with pytest.raises(ConfigError, match="cannot be written to"):
        async with open_sqlite(tmp_path / "db"):
            pass
