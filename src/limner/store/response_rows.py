"""The rows of responses: their columns, and the values that they become."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from limner.core.events import ResponseStatus
from limner.core.response_store import Nature, StoredResponse
from limner.store.database import Value
from limner.store.pictures import Texts

OPEN = "status IN ('queued', 'in_progress')"
FREE = f"logged = 1 AND {OPEN} AND lease_until < ?"
NATURE = (
    "owner, created_at, deadline_at, stored, background, streamed, logged, previous_id,"
    " conversation_id, idempotency_key, digest"
)
RESPONSE = f"id, status, response, refusal, {NATURE}"


async def read_response(row: Sequence[Value], texts: Texts) -> StoredResponse:
    """A row of the columns RESPONSE."""
    id, status, text, refusal, *nature = row
    return StoredResponse(
        str(id),
        _nature(nature),
        cast(ResponseStatus, status),  # checked by the table
        await texts.restore(as_bytes(text)),
        None if refusal is None else str(refusal),
    )


def values_of(nature: Nature) -> tuple[Value, ...]:
    """What the columns NATURE hold."""
    return (
        *(nature.owner, nature.created_at, nature.deadline_at),
        *(int(nature.stored), int(nature.background), int(nature.streamed), int(nature.is_logged)),
        *(nature.previous_id, nature.conversation_id, nature.key, nature.digest),
    )


def _nature(row: Sequence[Value]) -> Nature:
    owner, created_at, deadline_at, stored, background, streamed, logged, *names = row
    previous_id, conversation_id, key, digest = (
        None if name is None else str(name) for name in names
    )
    return Nature(
        *(str(owner), float(created_at or 0), float(deadline_at or 0)),
        *(bool(stored), bool(background), bool(streamed), bool(logged)),
        *(previous_id, conversation_id, key, digest),
    )


def as_int(value: Value) -> int:
    return int(value or 0)


def as_bytes(value: Value) -> bytes:
    assert isinstance(value, bytes)
    return value
