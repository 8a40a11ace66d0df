"""Jobs over a store in memory, for tests of what runs them and of the doors before them."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from limner.core.ports import ImageBackend
from limner.gateway.jobs import Jobs
from limner.gateway.queue import QueuedBackend
from limner.store.blobs import Blobs
from limner.store.jobs import SqlJobs
from limner.store.migrate import upgrade
from limner.store.pictures import Texts
from limner.store.sqlite import open_sqlite


@asynccontextmanager
async def open_job_store(keep_s: float = 600) -> AsyncIterator[SqlJobs]:
    with tempfile.TemporaryDirectory() as folder:
        async with open_sqlite(None) as database:
            await upgrade(database)
            yield SqlJobs(database, Texts(Blobs(Path(folder))), keep_s=keep_s)


@asynccontextmanager
async def open_jobs(
    backend: ImageBackend,
    store: SqlJobs | None = None,
    *,
    max_queue: int = 20,
    max_concurrent: int = 1,
    **options: Any,
) -> AsyncIterator[Jobs]:
    """options: of `Jobs`. store: None for one of their own. Ends at once, whatever hangs."""
    options = {"drain_s": 0.01, **options}
    queue = QueuedBackend(backend, max_waiting=max_queue, max_concurrent=max_concurrent)
    if store is not None:
        async with Jobs(queue, store, **options) as jobs:
            yield jobs
        return
    async with open_job_store() as own, Jobs(queue, own, **options) as jobs:
        yield jobs
