"""How many tokens a pass should hold, from what passes took.

A device that is busy with one picture gains nothing from two, and both end late; one that is idle
between its orders takes several in the time of one. Where that changes is measured at the start.
Pure: the times are arguments.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

GAIN = 1.1
"""By how much twice the rows must raise the pictures per second. From 4/3 on two requests end
sooner on average in one pass than one after the other; below it only the last of a queue does."""


@dataclass(frozen=True, slots=True)
class Timing:
    """A pass of so many rows, in seconds."""

    rows: int
    seconds: float

    @property
    def pace(self) -> float:
        """Rows a second."""
        return self.rows / self.seconds


def is_worth_it(fewer: Timing, more: Timing) -> bool:
    """Whether passes should hold the larger number of rows. Less is asked of less than double."""
    asked: float = GAIN ** (more.rows / fewer.rows - 1)
    return more.pace >= fewer.pace * asked


def best_rows(timings: Sequence[Timing]) -> int:
    """Rows of one size up to which each increase was worth it. timings: ascending, at least one."""
    best = timings[0]
    for timing in timings[1:]:
        if not is_worth_it(best, timing):
            break
        best = timing
    return best.rows


def token_budget(measured: Sequence[tuple[int, Sequence[Timing]]]) -> int:
    """Tokens of one pass. measured: for each size the tokens of one row, and its timings.

    The size that gains most from company decides: for others it holds fewer rows, down to one.
    """
    return max(tokens * best_rows(timings) for tokens, timings in measured)
