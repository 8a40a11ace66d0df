"""A job: one picture that is asked for now and fetched later, whatever dies in between.

`queued` → `in_progress` → `completed` | `failed`; `cancelled` from the first two. Nothing leaves
the last three. A job whose worker is lost is `queued` again, or `failed` where `verdict` says so.
Times are epoch seconds, given by the caller.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, Protocol

from limner.core.image import ImageCompleted, ImageFailed, ImageRequest

JobStatus = Literal["queued", "in_progress", "completed", "failed", "cancelled"]


LOST = frozenset(
    {
        "image_back_end_unreachable",
        "image_back_end_lost",
        "engine_crashed",
        "engine_hung",
        "upstream_500",
        "upstream_502",
        "upstream_504",
    }
)
"""Codes of failures by which a back end went away in the middle of a picture.

Our engine gives all of its own a name; what only has a status comes from something before it.
"""

MAX_ATTEMPTS = 3
"""How often painting may begin: what brought the engine down so often will do it again."""


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
    """picture when `completed`; failure when `failed`. owner: who may see it."""

    id: str
    order: JobOrder
    created_at: float
    status: JobStatus = "queued"
    started_at: float | None = None
    ended_at: float | None = None
    picture: ImageCompleted | None = None
    failure: ImageFailed | None = None
    owner: str = ""

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


@dataclass(frozen=True, slots=True)
class Lease:
    """Until when a worker has its jobs, unless it renews; then another may take them."""

    worker: str
    until: float


@dataclass(frozen=True, slots=True)
class Claim:
    """A job in the hands of one worker.

    epoch: which claim of this job it is; writes under an older one touch nothing. attempts: how
    often painting has begun.
    """

    job: Job
    epoch: int = 1
    attempts: int = 0


class JobStore(Protocol):
    """Where jobs are kept. What has returned is on the disk; all may raise StoreError."""

    async def submit(self, job: Job, lease: Lease, deadline_at: float, *, attended: bool) -> Claim:
        """Keep a new job, claimed. attended: nobody wants it once its worker is lost."""
        ...

    async def get(self, owner: str, id: str, now: float) -> Job | None:
        """None for ids unknown, foreign or forgotten."""
        ...

    async def start(self, claim: Claim, now: float) -> Claim | None:
        """Note that painting begins, before anybody is asked to paint; None for a lost claim."""
        ...

    async def finish(self, claim: Claim, outcome: ImageCompleted | ImageFailed, now: float) -> bool:
        """Whether that is now the job's outcome: the claim was not lost, nor the job over."""
        ...

    async def cancel(self, owner: str, id: str, now: float) -> bool:
        """Whether the job is cancelled by this call."""
        ...

    async def renew(self, lease: Lease) -> frozenset[tuple[str, int]]:
        """The worker's claims that still stand, by id and epoch, until later now."""
        ...

    async def adopt(self, lease: Lease, now: float, *, lost_before: float) -> list[Claim]:
        """Claim the jobs of other workers whose leases ended before that, the oldest first."""
        ...

    async def release(self, worker: str, *, refund: bool) -> None:
        """End a worker's leases at once. refund: an attempt cut short by this does not count."""
        ...

    async def expire(self, now: float) -> list[str]:
        """Fail the jobs whose deadline has passed; their ids."""
        ...


def verdict(attempts: int, *, is_repeatable: bool) -> ImageFailed | None:
    """What becomes of a job whose painting was lost; None when it may be painted (again).

    is_repeatable: whether painting again costs nothing but time.
    """
    if attempts == 0 or (is_repeatable and attempts < MAX_ATTEMPTS):
        return None
    if is_repeatable:
        return ImageFailed(
            f"The image engine ended {attempts} times while it painted this; it is not tried again",
            code="engine_crashed",
        )
    return ImageFailed(
        "The server ended while an image service painted this. Whether it did, and what it costs, "
        "is not known; it was not asked again",
        code="outcome_unknown",
    )


def overdue() -> ImageFailed:
    """What becomes of a job that is not over at its deadline."""
    return ImageFailed(
        "The job was not done within the time that a job may take, its wait included",
        code="deadline_exceeded",
        retryable=True,
        status=504,
    )
