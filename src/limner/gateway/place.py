"""Where one request stands before the image back end, and what is known of how far it is."""

from __future__ import annotations

import asyncio
import secrets

from limner.core.image import ImageProgress, ImageRequest
from limner.core.queue import Pace

_NOT_YET = ImageProgress(0, 0)


class Place:
    """One request's place: in the queue, then among those in work, then nowhere.

    position: in the queue here. held_at: in the back end's own, for one in work. began: when steps
    were told first, and how many; entered: when the back end was asked, or first answered.
    """

    def __init__(self, request: ImageRequest, job_id: str, since: float) -> None:
        self.id = f"place_{secrets.token_hex(12)}"
        self.client = request.client
        self.priority = request.priority
        self.prompt = request.prompt
        self.response_id = request.response_id
        self.job_id = job_id
        self.since = since
        self.position: int | None = None
        self.held_at: int | None = None
        self.entered = since
        self.began: tuple[float, int] | None = None
        self.progress = _NOT_YET
        self.moved = asyncio.Event()

    @property
    def is_answered(self) -> bool:
        """Whether the back end has told anything of it."""
        return self.progress is not _NOT_YET

    def left_s(self, event: ImageProgress, now: float, pace: Pace) -> float | None:
        """Seconds to the picture, by the steps seen so far, else by what is usual."""
        if self.began and (seen := event.step - self.began[1]) > 0:
            return round((now - self.began[0]) / seen * (event.steps - event.step), 1)
        if self.held_at is None or pace.usual_s is None:
            return None
        return round(max(0.0, pace.usual_s - (now - self.entered)), 1)
