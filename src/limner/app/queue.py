"""The queue before what paints, and the jobs that go through it, as the settings want them."""

from __future__ import annotations

from contextlib import AsyncExitStack

from limner.app.store import Store
from limner.config import Settings
from limner.core.ports import ImageBackend
from limner.gateway.jobs import Jobs
from limner.gateway.queue import QueuedBackend
from limner.store.jobs import SqlJobs


def queue_before(
    backend: ImageBackend, settings: Settings, *, at_a_time: int, has_keys: bool
) -> QueuedBackend:
    """at_a_time: requests painted at a time. has_keys: whether clients can be told apart."""
    share = settings.max_queue_per_key
    if share is None and has_keys:
        share = max(1, settings.max_queue // 2)
    return QueuedBackend(
        backend,
        max_waiting=settings.max_queue,
        max_waiting_of_client=share,
        max_concurrent=at_a_time,
    )


async def open_jobs(
    queue: QueuedBackend, store: Store, settings: Settings, stack: AsyncExitStack
) -> Jobs:
    """Those that the last server left are taken up again."""
    rows = SqlJobs(store.database, store.texts, keep_s=settings.result_ttl_s)
    store.forgets.append(rows.forget)
    return await stack.enter_async_context(Jobs(queue, rows, is_alone=store.is_alone))
