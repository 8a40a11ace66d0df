"""How far a part is on its way to work: what `/readyz` tells and what waiting requests go by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ReadinessState = Literal["loading", "ready", "failed", "absent"]


@dataclass(frozen=True, slots=True)
class Readiness:
    """state `absent`: there is no such part, by choice. message: one sentence for a person.

    progress: 0 to 1 while loading where it is known.
    """

    state: ReadinessState
    message: str
    progress: float | None = None
