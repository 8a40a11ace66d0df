"""The store as the settings want it: the database, its blobs, and what forgets."""

from __future__ import annotations

import asyncio
import logging
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from limner.config import Settings
from limner.core.errors import ConfigError, StoreError
from limner.store.blobs import Blobs
from limner.store.folder import locked_folder
from limner.store.migrate import Migration, check_current, pending, problems, upgrade
from limner.store.pictures import Texts, sweep
from limner.store.postgres import open_postgres
from limner.store.reserve import Reserve
from limner.store.session import SessionDatabase
from limner.store.sqlite import open_sqlite

SWEEP_S = 300.0
DATABASE, BLOBS, RESERVE = "limner.sqlite", "blobs", "reserve"

Forget = Callable[[float], Awaitable[None]]
"""Drops what has expired at this time, epoch seconds, and releases its pictures."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Store:
    """days: how long what clients store is kept. forgets: called every few minutes."""

    database: SessionDatabase
    blobs: Blobs
    texts: Texts
    days: float
    forgets: list[Forget] = field(default_factory=list)

    @property
    def is_alone(self) -> bool:
        """Whether no other server can use it."""
        return self.database.dialect == "sqlite"


@asynccontextmanager
async def open_store(settings: Settings) -> AsyncIterator[Store]:
    """Open what the server keeps things in, at its present schema; sweep it while the body runs.

    Raises ConfigError for a store that cannot be trusted, that another server has, or whose schema
    is newer; with PostgreSQL also for an older one, which `limner db upgrade` mends.
    """
    async with AsyncExitStack() as stack:
        reserve = None
        if settings.database_url is None and settings.store == "file":
            stack.enter_context(locked_folder(settings.data))
            reserve = Reserve(settings.data / RESERVE)
        database = await stack.enter_async_context(
            open_database(settings, is_locked=True, reserve=reserve)
        )
        if database.dialect == "sqlite":
            await upgrade(database)
        else:
            await check_current(database)
        blobs = Blobs(_folder(settings, stack) / BLOBS, reserve=reserve)
        store = Store(database, blobs, Texts(blobs), settings.store_days)
        sweeping = asyncio.create_task(_sweep(store))
        try:
            yield store
        finally:
            sweeping.cancel()
            await asyncio.wait([sweeping])


async def upgrade_database(settings: Settings) -> list[Migration]:
    """Bring the schema up to this version; returns what was missing. Raises ConfigError."""
    async with open_database(settings) as database:
        return await upgrade(database)


async def check_database(settings: Settings) -> list[str]:
    """What is wrong with what is kept, one sentence each. Raises ConfigError, StoreError."""
    path = settings.data / DATABASE
    if settings.database_url is None and not path.exists():
        raise ConfigError(f"There is no database {path} yet; `limner serve` makes it.")
    async with open_database(settings, is_locked=True) as database:
        wrong = [f"{problem}." for problem in await problems(database)]
        if missing := await pending(database):
            return [*wrong, f"{len(missing)} steps of the schema are missing: limner db upgrade."]
        blobs = Blobs(settings.data / BLOBS)
        held = await database.read("SELECT DISTINCT digest FROM pictures ORDER BY digest")
        for digest in (str(digest) for (digest,) in held):
            if (fault := await blobs.fault(digest)) is not None:
                wrong.append(f"The picture {digest} {fault}.")
        return wrong


@asynccontextmanager
async def open_database(
    settings: Settings, *, is_locked: bool = False, reserve: Reserve | None = None
) -> AsyncIterator[SessionDatabase]:
    """The database alone, whatever its schema.

    is_locked: go without the lock that keeps other servers away from the data folder. reserve: on
    that folder's disk.
    """
    async with AsyncExitStack() as stack:
        if settings.database_url is not None:
            if settings.store == "memory":
                raise ConfigError(
                    "--store memory has no meaning beside LIMNER_DATABASE_URL, which names a "
                    "database. Leave one of them out."
                )
            opening = open_postgres(settings.database_url)
        elif settings.store == "memory":
            opening = open_sqlite(None)
        else:
            if not is_locked:
                stack.enter_context(locked_folder(settings.data))
            opening = open_sqlite(settings.data / DATABASE, reserve=reserve)
        yield await stack.enter_async_context(opening)


def _folder(settings: Settings, stack: AsyncExitStack) -> Path:
    if settings.store == "memory":
        return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="limner-")))
    return settings.data


async def _sweep(store: Store) -> None:
    while True:
        await asyncio.sleep(SWEEP_S)
        try:
            for forget in store.forgets:
                await forget(time.time())
            await sweep(store.database, store.blobs)
        except StoreError as error:
            logger.warning("nothing could be swept", extra={"why": error.message})
