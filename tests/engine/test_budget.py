"""From invented timings to a budget."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.engine.budget import Timing, best_rows, token_budget

ROWS = (1, 2, 4, 8)


def curve(seconds: Callable[[int], float], rows: Sequence[int] = ROWS) -> list[Timing]:
    return [Timing(count, seconds(count)) for count in rows]


@pytest.mark.parametrize(
    ("seconds", "rows"),
    [
        pytest.param(lambda rows: 0.05, 8, id="the host is what takes the time"),
        pytest.param(lambda rows: 0.08 * rows, 1, id="one picture keeps the device busy"),
        pytest.param(lambda rows: max(0.04, 0.02 * rows), 2, id="busy from two on"),
        pytest.param(lambda rows: 0.01 + 0.002 * rows, 8, id="each pass has a price of its own"),
        pytest.param(lambda rows: 0.01 * rows**1.2, 1, id="more than one is slower"),
        pytest.param(lambda rows: 0.01 + 0.05 * rows, 1, id="a small price"),
    ],
)
def test_rows_are_added_as_long_as_they_are_worth_it(
    seconds: Callable[[int], float], rows: int
) -> None:
    assert best_rows(curve(seconds)) == rows


def test_a_gain_behind_a_loss_is_not_looked_for() -> None:
    timings = [Timing(1, 0.1), Timing(2, 0.2), Timing(4, 0.2)]
    assert best_rows(timings) == 1


def test_the_size_that_gains_most_decides() -> None:
    small = curve(lambda rows: max(0.02, 0.005 * rows))
    native = curve(lambda rows: 0.08 * rows)
    assert token_budget([(288, small), (4128, native)]) == 4128
    assert token_budget([(288, small)]) == 4 * 288
    assert token_budget([(1500, small), (4128, native)]) == 6000


@given(st.lists(st.floats(0.001, 10), min_size=1, max_size=4))
def test_what_is_chosen_was_measured_and_is_no_slower_than_one(seconds: list[float]) -> None:
    timings = [Timing(rows, took) for rows, took in zip(ROWS, seconds, strict=False)]
    chosen = best_rows(timings)
    by_rows = {timing.rows: timing for timing in timings}
    assert by_rows[chosen].pace >= timings[0].pace
