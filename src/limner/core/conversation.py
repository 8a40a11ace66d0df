"""Conversations: items that grow from one response to the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Conversation:
    """created_at: epoch seconds. metadata: the client's own short strings."""

    id: str
    created_at: int
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class KeptItem:
    """An item as it lies in the store: its pictures are taken out and on the disk."""

    id: str
    kept: bytes = field(repr=False)
