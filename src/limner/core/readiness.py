"""How far a part is on its way to work: what `/readyz` tells and what waiting requests go by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

ReadinessState = Literal["loading", "ready", "failed", "absent"]


@dataclass(frozen=True, slots=True)
class Readiness:
    """state `absent`: there is no such part, by choice. message: one sentence for a person.

    progress: 0 to 1 while loading where it is known. parts: of one that is several, each by name.
    """

    state: ReadinessState
    message: str
    progress: float | None = None
    parts: Mapping[str, Readiness] = field(default_factory=dict)


def any_of(parts: Mapping[str, Readiness]) -> Readiness:
    """Of parts that do the same work: ready as soon as one is, failed when all are.

    Raises ValueError for no parts.
    """
    if len(parts) < 2:
        (only,) = parts.values()
        return only
    ready = sum(part.state == "ready" for part in parts.values())
    others = "; ".join(f"{name}: {part.message}" for name, part in parts.items() if _lags(part))
    if ready:
        words = f"{ready} of {len(parts)} paint" + (f"; {others}" if others else "")
        return Readiness("ready", words, 1.0, parts)
    loading = [part.progress or 0.0 for part in parts.values() if part.state == "loading"]
    if loading:
        return Readiness("loading", others, max(loading), parts)
    return Readiness("failed", others, None, parts)


def _lags(part: Readiness) -> bool:
    return part.state != "ready"
