"""Order, bounds and fairness, in a clock that counts work."""

from __future__ import annotations

from dataclasses import replace

import pytest

from limner.core.errors import ImageError
from limner.engine.group import Group
from limner.engine.scheduler import ANYBODY, Asker, Row, Scheduler

SMALL = Group(256, 256, 32, guided=False)
LARGE = Group(1024, 1024, 32, guided=False)
GUIDED = Group(256, 256, 32, guided=True)


def begin(
    scheduler: Scheduler[str],
    job: str,
    group: Group,
    asker: Asker = ANYBODY,
    *,
    pictures: int = 1,
    steps: int = 8,
) -> None:
    scheduler.submit(job, asker)
    assert job in scheduler.admit()
    scheduler.join(job, group, pictures=pictures, steps=steps)


def order(scheduler: Scheduler[str]) -> list[str]:
    """Run to the end; whose rows each tick held."""
    ticks = []
    while tick := scheduler.next_tick():
        ticks.append("+".join(dict.fromkeys(row.job for row in tick)))
        scheduler.advance(tick)
    return ticks


def test_a_row_counts_its_patches_and_its_caption_twice_when_guided() -> None:
    assert SMALL.tokens == 256 + 32
    assert GUIDED.tokens == 2 * SMALL.tokens
    assert Group(48, 80, 32, guided=False).tokens == 32 + 32


def test_jobs_are_admitted_in_the_order_of_arrival() -> None:
    scheduler = Scheduler[str](max_concurrent=2)
    for job in "abcd":
        scheduler.submit(job)
    assert scheduler.admit() == ["a", "b"]
    assert scheduler.waiting == ("c", "d")
    assert scheduler.admit() == []
    scheduler.leave("a")
    assert scheduler.admit() == ["c"]


def test_a_full_queue_refuses_and_says_when_to_come_back() -> None:
    scheduler = Scheduler[str](queue_limit=1, max_concurrent=1)
    scheduler.submit("painted")
    scheduler.submit("waiting")
    with pytest.raises(ImageError) as refused:
        scheduler.submit("too many", retry_after_s=3.0)
    error = refused.value
    assert (error.code, error.status, error.retryable) == ("queue_full", 503, True)
    assert error.retry_after_s == 3.0
    scheduler.admit()
    with pytest.raises(ImageError, match="paints 1 requests and 1 wait"):
        scheduler.submit("still too many")


def test_a_queue_of_none_admits_what_can_be_painted_at_once() -> None:
    scheduler = Scheduler[str](queue_limit=0, max_concurrent=1)
    begin(scheduler, "a", SMALL)
    with pytest.raises(ImageError):
        scheduler.submit("b")


def test_pictures_of_one_job_share_the_passes() -> None:
    scheduler = Scheduler[str](token_budget=4 * SMALL.tokens)
    begin(scheduler, "a", SMALL, pictures=3, steps=2)
    assert scheduler.next_tick() == [Row("a", 0), Row("a", 1), Row("a", 2)]
    assert order(scheduler) == ["a", "a"]


def test_pictures_beyond_the_budget_come_one_after_another() -> None:
    scheduler = Scheduler[str](token_budget=LARGE.tokens)
    begin(scheduler, "a", LARGE, pictures=2, steps=2)
    ticks = []
    while tick := scheduler.next_tick():
        ticks.append([row.picture for row in tick])
        scheduler.advance(tick)
    assert ticks == [[0], [0], [1], [1]]


def test_a_row_larger_than_the_budget_is_painted_alone() -> None:
    scheduler = Scheduler[str](token_budget=100)
    begin(scheduler, "a", LARGE, pictures=2, steps=1)
    assert order(scheduler) == ["a", "a"]


def test_a_small_job_overtakes_a_large_one_at_the_next_tick() -> None:
    scheduler = Scheduler[str](max_concurrent=2)
    begin(scheduler, "large", LARGE, steps=4)
    scheduler.advance(scheduler.next_tick())
    begin(scheduler, "small", SMALL, steps=2)
    assert order(scheduler) == ["small", "small", "large", "large", "large"]


def test_equal_jobs_finish_one_after_the_other_unless_they_fit_one_pass() -> None:
    apart = Scheduler[str](max_concurrent=2, token_budget=LARGE.tokens)
    together = Scheduler[str](max_concurrent=2, token_budget=2 * LARGE.tokens)
    for scheduler in (apart, together):
        begin(scheduler, "a", LARGE, steps=2)
        begin(scheduler, "b", LARGE, steps=2)
    assert order(apart) == ["a", "a", "b", "b"]
    assert order(together) == ["a+b", "a+b"]


def test_a_job_joins_a_pass_under_way_and_leaves_between_two() -> None:
    scheduler = Scheduler[str](max_concurrent=2)
    begin(scheduler, "a", SMALL, steps=3)
    scheduler.advance(scheduler.next_tick())
    begin(scheduler, "b", SMALL, steps=3)
    tick = scheduler.next_tick()
    assert {row.job for row in tick} == {"a", "b"}
    scheduler.leave("a")
    assert scheduler.advance(tick) == []
    assert order(scheduler) == ["b", "b"]


def test_rows_of_other_groups_never_share_a_pass() -> None:
    scheduler = Scheduler[str](max_concurrent=2)
    begin(scheduler, "plain", SMALL, steps=1)
    begin(scheduler, "guided", GUIDED, steps=1)
    assert order(scheduler) == ["plain", "guided"]


def test_a_job_that_left_before_it_joined_stays_away() -> None:
    scheduler = Scheduler[str]()
    scheduler.submit("a")
    scheduler.admit()
    scheduler.leave("a")
    scheduler.join("a", SMALL, pictures=1, steps=1)
    assert scheduler.next_tick() == []
    assert scheduler.admitted == 0


def test_a_large_job_is_painted_though_small_ones_never_stop_coming() -> None:
    scheduler = Scheduler[str](max_concurrent=2)
    begin(scheduler, "large", LARGE, steps=8)
    for arrival in range(10_000):
        begin(scheduler, f"small {arrival}", SMALL, steps=8)
        while f"small {arrival}" in {row.job for row in scheduler.next_tick()}:
            scheduler.advance(scheduler.next_tick())
        if scheduler.next_tick()[0].job == "large":
            break
        assert scheduler.admitted == 1
    # Its own work is 8 x 4128 tokens; four times as much may be done for others before it.
    assert arrival <= 4 * (8 * LARGE.tokens) // (8 * SMALL.tokens) + 1
    assert "large" in {row.job for row in scheduler.next_tick()}


def test_rows_that_must_be_alone_get_a_pass_each() -> None:
    alone = Group(256, 256, 32, guided=False, alone=True)
    scheduler = Scheduler[str](max_concurrent=2)
    begin(scheduler, "a", alone, pictures=2, steps=1)
    begin(scheduler, "b", alone, steps=1)
    assert [len(scheduler.next_tick())] == [1]
    assert order(scheduler) == ["b", "a", "a"]


def test_other_adapters_make_another_group() -> None:
    scheduler = Scheduler[str](max_concurrent=2)
    begin(scheduler, "plain", SMALL, steps=1)
    begin(scheduler, "styled", replace(SMALL, loras=(("ink", 1.0),)), steps=1)
    assert order(scheduler) == ["plain", "styled"]


def test_what_nobody_waits_for_goes_behind_and_never_into_the_pass_of_what_somebody_does() -> None:
    scheduler = Scheduler[str](max_concurrent=4)
    begin(scheduler, "slow", SMALL, Asker(priority="background"), steps=2)
    scheduler.advance(scheduler.next_tick())
    begin(scheduler, "quick", SMALL, steps=2)
    assert order(scheduler) == ["quick", "quick", "slow"]


def test_a_place_is_kept_for_whoever_comes_to_wait() -> None:
    scheduler = Scheduler[str](max_concurrent=4)
    for job in "abcd":
        scheduler.submit(job, Asker(priority="background"))
    assert scheduler.admit() == ["a", "b", "c"]
    scheduler.submit("quick")
    assert scheduler.admit() == ["quick"]
    scheduler.leave("a")
    assert scheduler.admit() == ["d"]


def test_clients_are_admitted_by_turns() -> None:
    scheduler = Scheduler[str](max_concurrent=1)
    for job in ("a1", "a2", "b1"):
        scheduler.submit(job, Asker(job[0]))
    assert scheduler.waiting == ("a1", "b1", "a2")


def test_a_client_with_many_jobs_does_not_keep_one_with_a_single_job_waiting() -> None:
    scheduler = Scheduler[str](max_concurrent=30, queue_limit=30)
    for number in range(20):
        begin(scheduler, f"heavy {number}", LARGE, Asker("heavy"), steps=2)
    for _ in range(3):
        scheduler.advance(scheduler.next_tick())
    begin(scheduler, "light", LARGE, Asker("light"), steps=2)
    assert order(scheduler)[:3] == ["heavy 1", "light", "light"]


def test_jobs_whose_time_has_come_are_named_wherever_they_are() -> None:
    scheduler = Scheduler[str](max_concurrent=1)
    scheduler.submit("painted", Asker(deadline=10.0))
    scheduler.submit("waiting", Asker(deadline=5.0))
    scheduler.submit("patient")
    scheduler.admit()
    assert scheduler.overdue(4.9) == []
    assert scheduler.overdue(5.0) == ["waiting"]
    assert scheduler.overdue(10.0) == ["painted", "waiting"]


def test_who_waits_for_a_first_step_stands_in_line() -> None:
    scheduler = Scheduler[str](max_concurrent=3)
    begin(scheduler, "large", LARGE, steps=2)
    scheduler.advance(scheduler.next_tick())
    for job in ("small", "late"):
        begin(scheduler, job, LARGE, steps=2)
    scheduler.submit("queued")
    tick = scheduler.next_tick()
    assert [row.job for row in tick] == ["large"]
    assert scheduler.in_line(tick) == ["small", "late", "queued"]
    scheduler.advance(tick)
    assert scheduler.in_line(scheduler.next_tick()) == ["late", "queued"]


def test_a_smaller_budget_counts_from_the_next_pass_on() -> None:
    scheduler = Scheduler[str](token_budget=4 * SMALL.tokens)
    begin(scheduler, "a", SMALL, pictures=4, steps=1)
    assert len(scheduler.next_tick()) == 4
    scheduler.token_budget = 2 * SMALL.tokens
    assert len(scheduler.next_tick()) == 2
