"""Long lists, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Entry = TypeVar("Entry")


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is wanted. after: the id that comes right before it; None: its start."""

    limit: int
    after: str | None = None
    newest_first: bool = True


@dataclass(frozen=True, slots=True)
class Listed(Generic[Entry]):
    """A part of a list. has_more: whether more follows."""

    entries: Sequence[Entry]
    has_more: bool

    @classmethod
    def of(cls, entries: Sequence[Entry], page: Page) -> Listed[Entry]:
        """What was found when one more than the page holds was looked for."""
        return cls(entries[: page.limit], len(entries) > page.limit)
