"""A circuit breaker: a server that fails again and again is left alone for a while.

closed: everyone may ask. After `failures` in a row it opens: nobody may ask for `rest_s`. Then one
request tries; if that goes well the circuit closes, if not it opens again. With `failures` 0 it
never opens.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

Outcome = Literal["well", "ill", "unknown"]
"""How asking went; `unknown` when the asker left before it was clear."""

FAILURES = 5
REST_S = 15.0


class Circuit:
    """The circuit of one server. clock: seconds of any monotonic kind."""

    def __init__(
        self, clock: Callable[[], float], *, failures: int = FAILURES, rest_s: float = REST_S
    ) -> None:
        self._clock = clock
        self._most = failures
        self._rest_s = rest_s
        self._failed = 0
        self._opened_at: float | None = None
        self._is_tried = False

    @property
    def is_open(self) -> bool:
        """Whether the last that is known of the server is that it fails."""
        return self._opened_at is not None

    def enter(self) -> float | None:
        """Ask for leave: None where it is given, else seconds until it is worth asking again.

        Whoever has got leave says with `leave` how it went.
        """
        if self._opened_at is None:
            return None
        rest_s = self._opened_at + self._rest_s - self._clock()
        if rest_s > 0:
            return rest_s
        if self._is_tried:
            return self._rest_s
        self._is_tried = True
        return None

    def leave(self, outcome: Outcome) -> None:
        """Tell how it went. Requests that began before the circuit opened count as well."""
        self._is_tried = False
        if outcome == "well":
            self._failed = 0
            self._opened_at = None
        elif outcome == "ill":
            self._failed += 1
            if 0 < self._most <= self._failed:
                self._opened_at = self._clock()
