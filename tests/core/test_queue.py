"""Fair shares of a queue: lines that take turns, and what waiting costs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.core.image import Priority
from limner.core.queue import FairQueue, Pace, background_places

CLIENTS = ("", "ann", "bob", "cyd")
Move = tuple[str, str]


def queue_of(*tickets: str) -> FairQueue[str]:
    queue: FairQueue[str] = FairQueue()
    for ticket in tickets:
        queue.join(ticket[0], ticket)
    return queue


def test_one_client_is_served_in_the_order_of_arrival() -> None:
    queue = queue_of("a1", "a2", "a3")
    assert [queue.take() for _ in range(4)] == ["a1", "a2", "a3", None]


def test_clients_take_turns_however_many_one_has_waiting() -> None:
    queue = queue_of("a1", "a2", "a3", "b1", "c1", "c2")
    assert list(queue) == ["a1", "b1", "c1", "a2", "c2", "a3"]
    assert [queue.position_of(client) for client in "abc"] == [1, 2, 3]


def test_who_was_served_comes_last_in_the_round() -> None:
    queue = queue_of("a1", "a2", "b1")
    assert queue.take() == "a1"
    queue.join("c", "c1")
    assert list(queue) == ["b1", "a2", "c1"]


def test_who_leaves_holds_up_nobody() -> None:
    queue = queue_of("a1", "b1", "b2")
    queue.leave("a1")
    queue.leave("a1")
    queue.leave("never came")
    assert (list(queue), len(queue), queue.waiting_of("a"), queue.waiting_of("b")) == (
        ["b1", "b2"],
        2,
        0,
        2,
    )
    assert "b1" in queue
    assert "a1" not in queue


@given(st.lists(st.tuples(st.sampled_from(("join", "take", "leave")), st.sampled_from(CLIENTS))))
def test_nobody_starves_and_nobody_is_lost(moves: list[Move]) -> None:
    """A ticket waits for its own client's earlier ones and for one round of the others each."""
    queue: FairQueue[int] = FairQueue()
    lines: dict[str, list[int]] = {client: [] for client in CLIENTS}
    bound: dict[int, int] = {}
    for number, (verb, client) in enumerate(moves):
        if verb == "join":
            queue.join(client, number)
            lines[client].append(number)
            bound[number] = len(lines[client]) * len(CLIENTS)
        elif verb == "leave" and lines[client]:
            queue.leave(lines[client].pop())
        elif verb == "take":
            expected = next(iter(queue), None)
            taken = queue.take()
            assert taken == expected
            bound = {ticket: left - 1 for ticket, left in bound.items()}
            for line in lines.values():
                if taken in line:
                    assert line.pop(0) == taken
        waiting = {ticket for line in lines.values() for ticket in line}
        assert sorted(queue) == sorted(waiting)
        assert all(bound[ticket] > 0 for ticket in waiting)
        assert len(queue) == len(waiting)


PRIORITIES: tuple[Priority, ...] = ("interactive", "background")


@given(
    st.lists(st.tuples(st.sampled_from(CLIENTS), st.sampled_from(PRIORITIES)), min_size=1),
    st.integers(0, 9),
)
def test_the_order_that_is_told_is_the_order_of_service(
    asked: list[tuple[str, Priority]], taken_before: int
) -> None:
    queue: FairQueue[int] = FairQueue()
    for number, (client, priority) in enumerate(asked):
        queue.join(client, number, priority)
    for _ in range(taken_before):
        queue.take()
    told = list(queue)
    assert [queue.take() for _ in told] == told


def test_before_the_first_picture_nothing_is_known_of_the_pace() -> None:
    assert Pace().until_turn_s(1, 0.0) is None


def test_the_pace_follows_what_is_measured() -> None:
    pace = Pace().after(10.0, 10.0)
    assert pace.usual_s == 10.0
    assert pace.after(20.0, 20.0).usual_s == pytest.approx(13.0)


def test_a_turn_comes_when_those_before_are_done() -> None:
    pace = Pace(10.0, (10.0,))
    assert pace.until_turn_s(1, 4.0) == 6.0
    assert pace.until_turn_s(3, 4.0) == 26.0
    assert pace.until_turn_s(1, 60.0) == 0.0


def test_pictures_that_end_together_make_turns_come_sooner() -> None:
    pace = Pace()
    for _ in range(3):
        for gap in (12.0, 0.0, 0.0, 0.0):
            pace = pace.after(12.0, gap)
    assert (pace.usual_s, len(pace.gaps_s)) == (12.0, 8)
    assert pace.until_turn_s(4, 0.0) == 12.0


def test_what_nobody_waits_for_goes_behind() -> None:
    queue = queue_of()
    queue.join("a", "slow", "background")
    for ticket in ("a1", "a2", "b1"):
        queue.join(ticket[0], ticket)
    assert list(queue) == ["a1", "b1", "a2", "slow"]
    assert (queue.waiting_of("a"), queue.position_of("a"), queue.position_of("b")) == (3, 1, 2)
    queue.leave("slow")
    assert list(queue) == ["a1", "b1", "a2"]


def test_what_nobody_waits_for_is_passed_a_bounded_number_of_times() -> None:
    queue = queue_of()
    for slow in ("x1", "x2"):
        queue.join("x", slow, "background")
    for number in range(6):
        queue.join("a", f"a{number}")
    assert list(queue) == ["a0", "a1", "a2", "a3", "x1", "a4", "a5", "x2"]
    taken = []
    for number in range(6, 15):
        taken.append(queue.take())
        queue.join("a", f"a{number}")
    assert taken == ["a0", "a1", "a2", "a3", "x1", "a4", "a5", "a6", "a7"]
    assert queue.take() == "x2"


def test_a_place_is_kept_for_whoever_comes_to_wait() -> None:
    assert [background_places(places) for places in (1, 2, 4, 16)] == [1, 1, 3, 12]
    queue = queue_of("a1")
    queue.join("x", "slow", "background")
    assert [queue.take(background=False) for _ in range(2)] == ["a1", None]
    assert queue.take() == "slow"
