from __future__ import annotations

from limner.core.circuit import Circuit


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def broken(clock: Clock) -> Circuit:
    circuit = Circuit(clock, failures=3, rest_s=10)
    for _ in range(3):
        assert circuit.enter() is None
        circuit.leave("ill")
    return circuit


def test_it_opens_after_failures_in_a_row() -> None:
    clock = Clock()
    circuit = broken(clock)
    assert circuit.is_open
    clock.now += 4
    assert circuit.enter() == 6


def test_a_success_between_failures_keeps_it_closed() -> None:
    circuit = Circuit(Clock(), failures=2)
    for outcome in ("ill", "well", "ill"):
        assert circuit.enter() is None
        circuit.leave(outcome)
    assert not circuit.is_open


def test_after_the_rest_one_request_tries_and_the_others_wait() -> None:
    clock = Clock()
    circuit = broken(clock)
    clock.now += 10
    assert circuit.enter() is None
    assert circuit.enter() == 10


def test_a_try_that_goes_well_closes_it() -> None:
    clock = Clock()
    circuit = broken(clock)
    clock.now += 10
    circuit.enter()
    circuit.leave("well")
    assert not circuit.is_open
    assert circuit.enter() is None


def test_a_try_that_fails_opens_it_again() -> None:
    clock = Clock()
    circuit = broken(clock)
    clock.now += 10
    circuit.enter()
    circuit.leave("ill")
    assert circuit.enter() == 10


def test_a_try_whose_asker_leaves_makes_room_for_another() -> None:
    clock = Clock()
    circuit = broken(clock)
    clock.now += 10
    circuit.enter()
    circuit.leave("unknown")
    assert circuit.is_open
    assert circuit.enter() is None


def test_without_a_threshold_it_never_opens() -> None:
    circuit = Circuit(Clock(), failures=0)
    for _ in range(100):
        assert circuit.enter() is None
        circuit.leave("ill")
    assert not circuit.is_open
