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
from limner.store.migrate import check_current, upgrade
from limner.store.pictures import Texts, sweep
from limner.store.postgres import open_postgres
from limner.store.session import SessionDatabase
from limner.store.sqlite import open_sqlite

SWEEP_S = 60.0
DATABASE, BLOBS = "limner.sqlite", "blobs"

Forget = Callable[[float], Awaitable[None]]
"""Drops what has expired at this time, epoch seconds, and releases its pictures."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Store:
    """days: how long what clients store is kept. forgets: called once a minute."""

    database: SessionDatabase
    blobs: Blobs
    texts: Texts
    days: float
    forgets: list[Forget] = field(default_factory=list)


@asynccontextmanager
async def open_store(settings: Settings) -> AsyncIterator[Store]:
    """Open what the server keeps things in, at its present schema; sweep it while the body runs.

    Raises ConfigError for a store that cannot be trusted, that another server has, or whose schema
    is newer; with PostgreSQL also for an older one, which `limner db upgrade` mends.
    """
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(open_database(settings))
        if database.dialect == "sqlite":
            await upgrade(database)
        else:
            await check_current(database)
        blobs = Blobs(_folder(settings, stack) / BLOBS)
        store = Store(database, blobs, Texts(blobs), settings.store_days)
        sweeping = asyncio.create_task(_sweep(store))
        try:
            yield store
        finally:
            sweeping.cancel()
            await asyncio.wait([sweeping])


@asynccontextmanager
async def open_database(settings: Settings) -> AsyncIterator[SessionDatabase]:
    """The database alone, whatever its schema."""
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
            opening = open_sqlite(stack.enter_context(locked_folder(settings.data)) / DATABASE)
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
