"""How long a response may take, and how it is stopped before that."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from limner.core.events import ResponseError
from limner.core.run import ResponseRun

DEFAULT_DEADLINE_S = 1800.0


class PassedError(Exception):
    """The time is up."""


class Deadline:
    """When the time of a response is up, which `cancel` and `fail` bring forward to now.

    seconds: that it may take in all. passed_s: those that have passed already.
    """

    def __init__(self, seconds: float = DEFAULT_DEADLINE_S, *, passed_s: float = 0.0) -> None:
        message = f"The response took longer than the {seconds:g} seconds that it may."
        self._error: ResponseError | None = ResponseError("server_error", message, status=504)
        self._is_over = False
        self._at = asyncio.get_running_loop().time() + seconds - passed_s
        self._scope: asyncio.Timeout | None = None

    def cancel(self) -> None:
        """Let the response end as cancelled."""
        self._end(None)

    def fail(self, error: ResponseError) -> None:
        """Let the response end as failed."""
        self._end(error)

    def finish(self, run: ResponseRun) -> None:
        """End a run whose time is up, in the way that is due."""
        if self._error is None:
            run.cancel()
        else:
            run.fail(self._error)

    @asynccontextmanager
    async def hold(self) -> AsyncIterator[None]:
        """Cancel the body when the time is up; raises PassedError then."""
        if self._is_over or asyncio.get_running_loop().time() >= self._at:
            raise PassedError
        try:
            async with asyncio.timeout_at(self._at) as self._scope:
                yield
        except TimeoutError:
            if self._scope is not None and self._scope.expired():
                raise PassedError from None
            raise
        finally:
            self._scope = None

    def _end(self, error: ResponseError | None) -> None:
        if not self._is_over:
            self._is_over = True
            self._error = error
            if self._scope is not None:
                self._scope.reschedule(asyncio.get_running_loop().time())
