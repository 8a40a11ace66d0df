"""A call that goes on only as far as someone waits for it.

It has a thread of its own, since only so can it be left in the middle; but that thread runs while
the caller's stands still, and stands still while the caller's runs. So two of them never compute at
a time, and what is not safe for threads is safe here.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Condition, Thread
from typing import Generic, Literal, TypeVar

T = TypeVar("T")

THREAD = "limner-picture"


class _Stopped(BaseException):
    """Unwinds the call; no library's `except Exception` takes it for its own."""


class Handover(Generic[T]):
    """`advance` until it says that the call is over, then `result`; or `stop` at any time."""

    def __init__(self, call: Callable[[Callable[[], None]], T]) -> None:
        """call: is given the function with which it pauses. It begins with the first `advance`."""
        self._call = call
        self._changed = Condition()
        self._turn: Literal["caller", "call"] = "caller"
        self._over = False
        self._thread: Thread | None = None
        self._stopped = False
        self._error: BaseException | None = None
        self.result: T | None = None

    def advance(self) -> bool:
        """Let the call run to its next pause; blocks. Says whether it is over, or was stopped.

        Raises what the call raised.
        """
        with self._changed:
            if self._stopped or self._over:
                return True
            self._turn = "call"
            if self._thread is None:
                self._thread = Thread(target=self._run, name=THREAD, daemon=True)
                self._thread.start()
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._turn != "call")
        if error := self._error:
            self._error = None
            raise error
        return self._over

    def stop(self) -> None:
        """Let the call go no further than its next pause; does not wait for it."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def _pause(self) -> None:
        with self._changed:
            if not self._stopped:
                self._turn = "caller"
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._stopped or self._turn == "call")
            if self._stopped:
                raise _Stopped

    def _run(self) -> None:
        try:
            self.result = self._call(self._pause)
        except _Stopped:
            pass
        except BaseException as error:  # goes on in the thread that waits
            self._error = error
        finally:
            with self._changed:
                self._turn, self._over = "caller", True
                self._changed.notify_all()
