"""The doors where an `Idempotency-Key` counts; the Responses API keeps its own in its rows."""

from __future__ import annotations

from starlette.middleware import Middleware

from limner.app.store import Store
from limner.core.ports import ImageBackend
from limner.server.idempotency import Idempotency, Repeatable
from limner.store.replies import Replies

PAINTING = (
    "/v1/images/generations",
    "/v1/images/edits",
    "/generate",
    "/generate/async",
    "/modify",
    "/modify/async",
)


def idempotency(store: Store, backend: ImageBackend) -> Middleware:
    """What answers again instead of painting or keeping again; it forgets with the store."""
    replies = Replies(store.database, store.texts, is_alone=store.is_alone)
    store.forgets.append(replies.forget)
    paths: dict[str, Repeatable] = dict.fromkeys(PAINTING, lambda: backend.capabilities.repeatable)
    return Middleware(Idempotency, replies, {**paths, "/v1/files": lambda: True})
