"""A job: one picture that is asked for now and fetched later.

`queued` → `in_progress` → `completed` | `failed`; `cancelled` from the first two. Nothing leaves
the last three. Times are epoch seconds, given by the caller.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from limner.core.image import ImageCompleted, ImageFailed, ImageRequest

JobStatus = Literal["queued", "in_progress", "completed", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class JobOrder:
    """What a client asks for.

    original_prompt: the user's words, where `request.prompt` is somebody's better version of them.
    user_id, chat_id: the client's own labels, given back with the job.
    adjustments: what of the order is not done as asked, one sentence each.
    """

    request: ImageRequest
    original_prompt: str | None = None
    user_id: str | None = None
    chat_id: str | None = None
    adjustments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Job:
    """picture when `completed`; failure when `failed`."""

    id: str
    order: JobOrder
    created_at: float
    status: JobStatus = "queued"
    started_at: float | None = None
    ended_at: float | None = None
    picture: ImageCompleted | None = None
    failure: ImageFailed | None = None

    @property
    def is_over(self) -> bool:
        return self.status not in ("queued", "in_progress")

    @property
    def seconds(self) -> float | None:
        """How long painting took, without the wait."""
        if self.started_at is None or self.ended_at is None:
            return None
        return self.ended_at - self.started_at

    def start(self, now: float) -> Job:
        self._leave("queued")
        return replace(self, status="in_progress", started_at=now)

    def complete(self, picture: ImageCompleted, now: float) -> Job:
        self._leave("in_progress")
        return replace(self, status="completed", ended_at=now, picture=picture)

    def fail(self, failure: ImageFailed, now: float) -> Job:
        self._leave("in_progress")
        return replace(self, status="failed", ended_at=now, failure=failure)

    def cancel(self, now: float) -> Job:
        self._leave("queued", "in_progress")
        return replace(self, status="cancelled", ended_at=now)

    def _leave(self, *allowed: JobStatus) -> None:
        if self.status not in allowed:
            raise ValueError(f"a job that is {self.status} cannot go on from {allowed}")
