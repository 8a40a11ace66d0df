"""What only a database elsewhere can do: go away, come back, and be shared."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from limner.core.errors import StoreError
from limner.store.database import Transaction
from limner.store.postgres import open_postgres
from tests.store.conftest import PostgresServer


def update(name: str) -> Callable[[Transaction], object]:
    return lambda transaction: transaction.run(
        "UPDATE things SET size = size + 1 WHERE name = ? RETURNING size", name
    )


def make(transaction: Transaction) -> None:
    transaction.run("CREATE TABLE things (name TEXT PRIMARY KEY, size BIGINT)")
    transaction.run("INSERT INTO things VALUES ('a', 0), ('b', 0)")


async def test_a_server_that_restarts_costs_at_most_what_was_under_way(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    async with open_postgres(postgres_url) as database:
        await database.write(make)
        await database.read("SELECT 1")
        postgres_server.stop("immediate")
        try:
            for work in (database.write(update("a")), database.read("SELECT 1")):
                with pytest.raises(StoreError) as caught:
                    await work
                assert (caught.value.code, caught.value.status) == ("store_unavailable", 503)
        finally:
            postgres_server.start()
        assert await database.write(update("a")) == [(1,)]
        assert await database.read("SELECT size FROM things WHERE name = 'a'") == [(1,)]


async def test_a_connection_that_was_lost_while_idle_is_not_noticed(postgres_url: str) -> None:
    async with open_postgres(postgres_url) as database:
        await database.write(make)
        await database.read("SELECT 1")
        async with open_postgres(postgres_url) as other:
            await other.read(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE pid <> pg_backend_pid() AND usename = 'limner' AND backend_type = ?",
                "client backend",
            )
        assert await database.write(update("a")) == [(1,)]
        assert await database.read("SELECT size FROM things WHERE name = 'a'") == [(1,)]


async def test_two_servers_in_each_other_s_way_both_get_through(postgres_url: str) -> None:
    met = threading.Barrier(2)
    tried = {"a": 0, "b": 0}

    def crossing(first: str, second: str) -> Callable[[Transaction], object]:
        def work(transaction: Transaction) -> object:
            update(first)(transaction)
            tried[first] += 1
            if tried[first] == 1:
                met.wait(30)
            return update(second)(transaction)

        return work

    async with open_postgres(postgres_url) as one, open_postgres(postgres_url) as two:
        await one.write(make)
        await asyncio.gather(one.write(crossing("a", "b")), two.write(crossing("b", "a")))
        assert max(tried.values()) > 1, "they were never in each other's way"
        assert await one.read("SELECT size FROM things") == [(2,), (2,)]


async def test_a_read_only_server_is_unavailable(postgres_url: str) -> None:
    async with open_postgres(postgres_url) as database:
        await database.write(make)
        with pytest.raises(StoreError, match="read-only"):
            await database.write(lambda tx: (tx.run("SET TRANSACTION READ ONLY"), update("a")(tx)))
