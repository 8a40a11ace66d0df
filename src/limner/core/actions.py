"""What a run asks of the world outside, and how much of it at most."""

from __future__ import annotations

from dataclasses import dataclass

from limner.core.image import ImageRequest
from limner.core.turn import TurnRequest


@dataclass(frozen=True, slots=True)
class StartTurn:
    """Ask the upstream; feed the run with what it says."""

    request: TurnRequest


@dataclass(frozen=True, slots=True)
class StartImage:
    """Ask the image back end; feed the run with what it says."""

    request: ImageRequest


Action = StartTurn | StartImage


@dataclass(frozen=True, slots=True)
class Limits:
    """What a response may use up. The last turn may call nothing, so that the model must answer."""

    pictures: int = 10
    turns: int = 16


DEFAULT_LIMITS = Limits()
