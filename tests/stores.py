"""The product's own store, in memory and in a temporary folder, for tests of what stands on it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from limner.store.blobs import Blobs
from limner.store.database import Database
from limner.store.migrate import upgrade
from limner.store.pictures import Texts
from limner.store.sqlite import open_sqlite


@dataclass(frozen=True, slots=True)
class Parts:
    """What repositories are made of."""

    database: Database
    blobs: Blobs
    texts: Texts


@asynccontextmanager
async def store_parts(folder: Path) -> AsyncIterator[Parts]:
    """An empty store at its present schema."""
    async with open_sqlite(None) as database:
        await upgrade(database)
        blobs = Blobs(folder / "blobs")
        yield Parts(database, blobs, Texts(blobs))
