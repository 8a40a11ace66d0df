"""The order of work over recorded mixes, and over streams that never end."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from itertools import count

import pytest

from benchmarks._simulated import MIXES, Mix, Order, first_come_first_served, latencies, scheduled
from benchmarks.scheduling import measured
from limner.core.image import Priority
from limner.engine.group import Group
from limner.engine.scheduler import Asker, Scheduler
from limner.engine.turns import AGEING, PATIENCE

SMALL = Group(256, 256, 32, guided=False)
LARGE = Group(1024, 1024, 32, guided=False)
STEPS = 8
SMALL_WORK, LARGE_WORK = SMALL.tokens * STEPS, LARGE.tokens * STEPS


@pytest.mark.parametrize("name", MIXES)
def test_the_mean_time_is_never_above_that_of_one_after_the_other(name: str) -> None:
    mix = MIXES[name]
    ours, in_turn = (
        statistics.fmean(latencies(mix, run(mix))) for run in (scheduled, first_come_first_served)
    )
    assert ours <= in_turn * 1.001


@pytest.mark.parametrize(
    ("mix", "who", "ratio"),
    [
        ("512 px among 1024 px", "512 px", 0.2),
        ("one client with 20, eight with one", "light", 0.3),
        ("90 % busy, usual sizes", "all", 0.6),
        ("40 in the background, people before", "512 px", 0.15),
    ],
)
def test_whoever_asks_for_little_waits_for_little(mix: str, who: str, ratio: float) -> None:
    in_turn, ours = (row for row in measured() if (row.mix, row.who) == (mix, who))
    assert (in_turn.policy, ours.policy) == ("in turn", "Limner")
    assert ours.mean_s <= ratio * in_turn.mean_s


@pytest.mark.parametrize("name", MIXES)
def test_nobody_takes_many_times_as_long_as_the_slowest_in_turn(name: str) -> None:
    mix = MIXES[name]
    longest, in_turn = (
        max(latencies(mix, run(mix))) for run in (scheduled, first_come_first_served)
    )
    assert longest <= 2.5 * in_turn


def test_equal_orders_of_one_client_end_as_in_turn() -> None:
    mix: Mix = [Order(0.1 * k, 1024) for k in range(10)]
    assert scheduled(mix) == pytest.approx(first_come_first_served(mix))


def small_jobs(
    scheduler: Scheduler[str], client: str | None, priority: Priority = "interactive"
) -> Iterator[int]:
    """Without end: a small job comes as soon as the last one is done. Yields how many came.

    client: of all of them; None for another one each time.
    """
    for number in count(1):
        job = f"small {number}"
        scheduler.submit(job, Asker(f"client {number}" if client is None else client, priority))
        for admitted in scheduler.admit():
            scheduler.join(admitted, SMALL, pictures=1, steps=STEPS)
        yield number
        while job in scheduler:
            scheduler.advance(scheduler.next_tick())
            if "large" not in scheduler:
                return


@pytest.mark.parametrize("client", ["me", "somebody", None])
def test_a_large_job_ends_though_small_ones_never_stop_coming(client: str | None) -> None:
    scheduler = Scheduler[str](max_concurrent=4)
    scheduler.submit("large", Asker("me"))
    scheduler.admit()
    scheduler.join("large", LARGE, pictures=1, steps=STEPS)
    came = max(small_jobs(scheduler, client))
    # Its age reaches its work when so much was done for others; a few come while it is painted.
    assert came * SMALL_WORK <= LARGE_WORK / AGEING + 3 * SMALL_WORK
    assert came * SMALL_WORK > LARGE_WORK, "until then it lets them pass"


def test_a_background_job_ends_though_interactive_ones_never_stop_coming() -> None:
    scheduler = Scheduler[str](max_concurrent=4)
    scheduler.submit("large", Asker("me", "background"))
    scheduler.admit()
    scheduler.join("large", LARGE, pictures=1, steps=STEPS)
    came = max(small_jobs(scheduler, None))
    assert came * SMALL_WORK <= PATIENCE * LARGE_WORK + 3 * SMALL_WORK
    assert came * SMALL_WORK > (PATIENCE - 1) * LARGE_WORK, "until then it lets them pass"


def test_a_client_s_single_job_passes_a_heavy_one_s_however_many_come() -> None:
    scheduler = Scheduler[str](max_concurrent=8, queue_limit=100)
    for number in range(50):
        scheduler.submit(f"heavy {number}", Asker("heavy"))

    def go_on() -> str:
        for job in scheduler.admit():
            scheduler.join(job, LARGE, pictures=1, steps=STEPS)
        tick = scheduler.next_tick()
        scheduler.advance(tick)
        return tick[0].job

    for _ in range(5 * STEPS + 3):
        go_on()
    for number in range(5):
        scheduler.submit(f"light {number}", Asker("light"))
        passed = 0
        while f"light {number}" in scheduler:
            passed += go_on().startswith("heavy")
        assert passed <= 3 * STEPS, "a free place, and the age of the heavy one's oldest"
