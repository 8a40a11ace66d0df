"""What every database of ours promises, on each of them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from limner.core.errors import InvalidRequest, StoreError
from limner.store.database import Transaction
from limner.store.session import SessionDatabase

TABLE = "CREATE TABLE things (name TEXT PRIMARY KEY, size BIGINT, at DOUBLE PRECISION)"


@pytest.fixture
async def things(bare_database: SessionDatabase) -> SessionDatabase:
    await bare_database.write(lambda tx: tx.run(TABLE))
    return bare_database


def insert(name: str, size: int = 0) -> Callable[[Transaction], str]:
    def work(tx: Transaction) -> str:
        tx.run("INSERT INTO things VALUES (?, ?, ?)", name, size, 0.5)
        return name

    return work


async def names(database: SessionDatabase) -> list[object]:
    return [row[0] for row in await database.read("SELECT name FROM things ORDER BY name")]


async def test_what_a_write_returned_from_is_read(things: SessionDatabase) -> None:
    assert await things.write(insert("a", 2**40)) == "a"
    assert await things.read("SELECT * FROM things WHERE name = ?", "a") == [("a", 2**40, 0.5)]


async def test_bytes_texts_and_nothing_come_back_as_they_were(
    bare_database: SessionDatabase,
) -> None:
    kind = "BLOB" if bare_database.dialect == "sqlite" else "BYTEA"
    await bare_database.write(lambda tx: tx.run(f"CREATE TABLE k (a {kind}, b TEXT, c TEXT)"))
    row = (bytes(range(256)), "naïve % ? 絵", None)
    await bare_database.write(lambda tx: tx.run("INSERT INTO k VALUES (?, ?, ?)", *row))
    assert await bare_database.read("SELECT a, b, c FROM k") == [row]


async def test_rows_of_returning_come_back(things: SessionDatabase) -> None:
    await things.write(insert("a"))
    sql = "UPDATE things SET size = ? WHERE name = ? RETURNING size"
    assert await things.write(lambda tx: tx.run(sql, 7, "a")) == [(7,)]
    assert await things.write(lambda tx: tx.run(sql, 7, "b")) == []


async def test_what_a_work_raises_undoes_that_work_alone(things: SessionDatabase) -> None:
    started, go = threading.Event(), threading.Event()

    def holding_the_writer(tx: Transaction) -> None:
        started.set()
        assert go.wait(30)

    def refused(tx: Transaction) -> None:
        tx.run("INSERT INTO things VALUES ('refused', 0, 0)")
        raise InvalidRequest("no such thing")

    def twice(tx: Transaction) -> None:
        tx.run("INSERT INTO things VALUES ('before', 0, 0)")

    first = asyncio.create_task(things.write(holding_the_writer))
    await asyncio.to_thread(started.wait, 30)
    works: list[Callable[[Transaction], object]] = [
        insert("before"),
        refused,
        twice,
        insert("after"),
    ]
    together = [asyncio.create_task(things.write(work)) for work in works]
    await asyncio.sleep(0)
    go.set()
    await first
    outcomes = await asyncio.gather(*together, return_exceptions=True)
    assert outcomes[0] == "before"
    assert isinstance(outcomes[1], InvalidRequest)
    assert isinstance(outcomes[2], Exception)
    assert outcomes[3] == "after"
    assert await names(things) == ["after", "before"]


async def test_works_that_wait_together_share_a_commit(
    things: SessionDatabase, tmp_path: Path
) -> None:
    """No work sees from outside what those before it wrote: nothing is committed yet."""
    started, go = threading.Event(), threading.Event()
    seen: list[object] = []

    def hold(tx: Transaction) -> None:
        started.set()
        assert go.wait(30)

    def look(tx: Transaction) -> None:
        tx.run("INSERT INTO things (name) VALUES (?)", str(len(seen)))
        if things.dialect == "sqlite":
            outside = apsw.Connection(str(tmp_path / "limner.sqlite"))
            seen.append(outside.execute("SELECT COUNT(*) FROM things").fetchall())
            outside.close()
        else:
            seen.append(tx.run("SELECT pg_current_xact_id()::text"))

    first = asyncio.create_task(things.write(hold))
    await asyncio.to_thread(started.wait, 30)
    others = [asyncio.create_task(things.write(look)) for _ in range(20)]
    await asyncio.sleep(0)
    go.set()
    await asyncio.gather(first, *others)
    assert len(seen) == 20
    assert all(found == seen[0] for found in seen)


async def test_a_work_whose_caller_left_before_its_turn_is_not_run(things: SessionDatabase) -> None:
    started, go = threading.Event(), threading.Event()

    def hold(tx: Transaction) -> None:
        started.set()
        assert go.wait(30)

    first = asyncio.create_task(things.write(hold))
    await asyncio.to_thread(started.wait, 30)
    left = asyncio.create_task(things.write(insert("left")))
    await asyncio.sleep(0)
    left.cancel()
    await asyncio.gather(left, return_exceptions=True)
    go.set()
    await first
    await things.write(insert("stays"))
    assert await names(things) == ["stays"]


async def test_hundreds_of_writers_at_once_all_get_their_own_answer(
    things: SessionDatabase,
) -> None:
    answers = await asyncio.gather(*(things.write(insert(f"{n:03}")) for n in range(300)))
    assert answers == [f"{n:03}" for n in range(300)]
    assert await names(things) == answers


async def test_a_closed_database_says_so(things: SessionDatabase) -> None:
    await things.close()
    with pytest.raises(StoreError, match="stopping"):
        await things.write(insert("late"))
    with pytest.raises(StoreError, match="stopping"):
        await things.read("SELECT 1")


async def test_a_statement_s_own_fault_is_not_blamed_on_the_store(things: SessionDatabase) -> None:
    with pytest.raises(Exception, match="nothing_like_it") as raised:
        await things.write(lambda tx: tx.run("SELECT * FROM nothing_like_it"))
    assert not isinstance(raised.value, StoreError)
