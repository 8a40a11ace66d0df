"""The states of a job."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from limner.core.image import ImageFailed, ImageRequest
from limner.core.job import MAX_ATTEMPTS, Job, JobOrder, overdue, verdict
from tests.scripted_images import done

QUEUED = Job("j", JobOrder(ImageRequest("a cat")), created_at=1)
RUNNING = QUEUED.start(2)
FAILURE = ImageFailed("no")

Move = Callable[[Job], Job]
MOVES: dict[str, Move] = {
    "start": lambda job: job.start(9),
    "complete": lambda job: job.complete(done(), 9),
    "fail": lambda job: job.fail(FAILURE, 9),
    "cancel": lambda job: job.cancel(9),
}


def test_a_job_is_painted() -> None:
    assert (QUEUED.status, QUEUED.is_over, QUEUED.seconds) == ("queued", False, None)
    assert (RUNNING.status, RUNNING.is_over, RUNNING.started_at) == ("in_progress", False, 2)
    over = RUNNING.complete(done(), 5)
    assert (over.status, over.is_over, over.picture) == ("completed", True, done())
    assert (over.ended_at, over.seconds) == (5, 3)


def test_a_job_fails() -> None:
    over = RUNNING.fail(FAILURE, 5)
    assert (over.status, over.is_over, over.failure) == ("failed", True, FAILURE)


@pytest.mark.parametrize("job", [QUEUED, RUNNING])
def test_a_job_is_cancelled_until_it_is_over(job: Job) -> None:
    assert (job.cancel(5).status, job.cancel(5).is_over) == ("cancelled", True)


@pytest.mark.parametrize(
    ("job", "moves"),
    [
        (QUEUED, ("complete", "fail")),
        (RUNNING, ("start",)),
        (RUNNING.complete(done(), 5), MOVES),
        (RUNNING.fail(FAILURE, 5), MOVES),
        (QUEUED.cancel(5), MOVES),
    ],
)
def test_no_other_move_is_possible(job: Job, moves: tuple[str, ...]) -> None:
    for move in moves:
        with pytest.raises(ValueError, match=job.status):
            MOVES[move](job)


@pytest.mark.parametrize(
    ("attempts", "is_repeatable", "code"),
    [
        (0, False, None),
        (0, True, None),
        (1, False, "outcome_unknown"),
        (2, True, None),
        (MAX_ATTEMPTS, True, "engine_crashed"),
    ],
)
def test_a_lost_painting_is_repeated_where_that_costs_nothing_and_not_for_ever(
    attempts: int, is_repeatable: bool, code: str | None
) -> None:
    end = verdict(attempts, is_repeatable=is_repeatable)
    assert (end and end.code) == code


def test_an_overdue_job_may_be_asked_for_again() -> None:
    assert (overdue().code, overdue().status, overdue().retryable) == (
        "deadline_exceeded",
        504,
        True,
    )
