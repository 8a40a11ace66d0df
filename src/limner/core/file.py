"""Pictures that clients upload, to name them later by an id."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Purpose = Literal["vision", "user_data"]
PURPOSES: tuple[Purpose, ...] = ("vision", "user_data")


@dataclass(frozen=True, slots=True)
class NewFile:
    """An upload, checked. filename: a label, never a path. expires_after_s: None keeps it."""

    filename: str
    purpose: Purpose
    media_type: str
    content: bytes = field(repr=False)
    expires_after_s: int | None = None


@dataclass(frozen=True, slots=True)
class File:
    """A file that is kept. size: in bytes. digest: of its bytes. Times are epoch seconds."""

    id: str
    filename: str
    purpose: str
    media_type: str
    size: int
    digest: str
    created_at: float
    expires_at: float | None
