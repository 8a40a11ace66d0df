"""A call in a thread of its own: who runs when, and how it ends."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from limner.engine.pipelines.handover import THREAD, Handover

Pause = Callable[[], None]


def wait_for_threads() -> None:
    for thread in threading.enumerate():
        if thread.name == THREAD:
            thread.join(10)
            assert not thread.is_alive()


def test_the_call_goes_as_far_as_it_is_let_and_no_farther() -> None:
    seen: list[str] = []

    def call(pause: Pause) -> str:
        for k in range(3):
            seen.append(f"step {k}")
            pause()
        return "picture"

    handover = Handover(call)
    assert seen == []
    for k in range(3):
        assert not handover.advance()
        seen.append("caller")
        assert seen[-2:] == [f"step {k}", "caller"]
        assert handover.result is None
    assert handover.advance()
    assert handover.result == "picture"
    assert handover.advance()
    wait_for_threads()


def test_only_one_of_many_calls_runs_at_a_time() -> None:
    running: list[int] = []

    def call_of(number: int) -> Callable[[Pause], None]:
        def call(pause: Pause) -> None:
            for _ in range(5):
                running.append(number)
                assert running == [number]
                running.remove(number)
                pause()

        return call

    calls = [Handover(call_of(number)) for number in range(4)]
    for _ in range(5):
        assert [each.advance() for each in calls] == [False] * 4
    assert [each.advance() for each in calls] == [True] * 4


def test_what_the_call_raises_is_raised_where_it_is_waited_for() -> None:
    def call(pause: Pause) -> None:
        pause()
        raise ValueError("no picture")

    handover = Handover(call)
    assert not handover.advance()
    with pytest.raises(ValueError, match="no picture"):
        handover.advance()
    assert handover.advance()
    assert handover.result is None


def test_a_call_that_was_stopped_goes_no_further_and_lets_go_of_what_it_holds() -> None:
    seen: list[str] = []

    def call(pause: Pause) -> None:
        try:
            pause()
            seen.append("went on")
        except Exception:
            seen.append("took it for an error")
        finally:
            seen.append("let go")

    handover = Handover(call)
    handover.advance()
    handover.stop()
    wait_for_threads()
    assert seen == ["let go"]
    assert handover.advance()


def test_a_call_that_is_stopped_in_the_middle_of_a_step_ends_after_it() -> None:
    begun, may_go_on = threading.Event(), threading.Event()
    seen: list[str] = []

    def call(pause: Pause) -> None:
        begun.set()
        may_go_on.wait()
        seen.append("end of the step")
        pause()
        seen.append("next step")

    handover = Handover(call)
    over: list[bool] = []
    waiting = threading.Thread(target=lambda: over.append(handover.advance()))
    waiting.start()
    begun.wait()
    handover.stop()
    may_go_on.set()
    waiting.join()
    assert over == [True]
    assert seen == ["end of the step"]


def test_a_call_that_never_began_never_does() -> None:
    handover = Handover(lambda pause: pytest.fail("it began"))
    handover.stop()
    wait_for_threads()
    assert handover.advance()
