"""What a connection remembers of its responses that nobody stores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from limner.core.turn import JsonObject


@dataclass(frozen=True, slots=True)
class Remembered:
    """One response. previous_id: what it went on from. items: its own input, then its output."""

    previous_id: str | None
    items: Sequence[JsonObject]


Session = Mapping[str, Remembered]
"""Responses by their ids."""

NO_SESSION: Session = MappingProxyType({})


def recall(session: Session, id: str | None) -> tuple[str | None, list[JsonObject]]:
    """What was said up to a response, as far as it is remembered, oldest first.

    The id that comes with it is where that begins: of a response that is not remembered here, or
    None for the beginning of all.
    """
    earlier: list[Sequence[JsonObject]] = []
    while id is not None and id in session:
        earlier.append(session[id].items)
        id = session[id].previous_id
    return id, [item for items in reversed(earlier) for item in items]
