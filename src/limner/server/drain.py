"""How a server stops: what has begun may end, for so long; then it is told to; then it is ended.

1. `begin`: no new connections, `/readyz` says so, replies under way go on.
2. `end`: replies that still wait are broken off with `ServerStoppingError`: streams with the last
   word of their API, others with 503.
3. `cut`: requests that have not heard are cancelled, without a word in the log for each.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from limner.core.errors import InvalidRequest
from limner.server.errors import error_response

RETRY_AFTER_S = 5.0


class ServerStoppingError(InvalidRequest):
    """503: asking again, of the server that comes back, will help."""

    def __init__(self) -> None:
        super().__init__(
            "The server is stopping; ask again in a moment.",
            code="server_stopping",
            type="server_error",
            status=503,
            retry_after_s=RETRY_AFTER_S,
        )


class Drain:
    """One server's way to its end."""

    def __init__(self) -> None:
        self.has_begun = False
        self.is_over = False
        self._callbacks: set[Callable[[], None]] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self) -> None:
        self.has_begun = True

    def end(self) -> None:
        """Break off the replies that still wait."""
        self.has_begun = self.is_over = True
        for callback in tuple(self._callbacks):
            callback()

    def cut(self) -> None:
        """Cancel the requests that are still there."""
        self.end()
        for task in tuple(self._tasks):
            task.cancel()

    @contextmanager
    def at_end(self, callback: Callable[[], None]) -> Iterator[None]:
        """Have `end` call this as long as the body runs; at once where it is over already."""
        if self.is_over:
            callback()
        self._callbacks.add(callback)
        try:
            yield
        finally:
            self._callbacks.discard(callback)

    @contextmanager
    def held(self, task: asyncio.Task[None]) -> Iterator[None]:
        """Have `cut` cancel this task as long as the body runs."""
        self._tasks.add(task)
        try:
            yield
        finally:
            self._tasks.discard(task)


_current: ContextVar[Drain] = ContextVar("drain")


def current_drain() -> Drain:
    """That of the server which the present request came to; one that never begins elsewhere."""
    return _current.get(None) or Drain()


class Draining:
    """ASGI middleware around everything: requests know their drain, and end with it."""

    def __init__(self, app: ASGIApp, drain: Drain) -> None:
        self._app = app
        self._drain = drain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        _current.set(self._drain)
        is_started = False

        async def noting(message: Message) -> None:
            nonlocal is_started
            is_started = True
            await send(message)

        task = asyncio.current_task()
        assert task is not None
        with self._drain.held(task):
            try:
                await self._app(scope, receive, noting)
            except asyncio.CancelledError:
                if not self._drain.is_over:
                    raise
                task.uncancel()
                if scope["type"] == "http" and not is_started:
                    await error_response(ServerStoppingError())(scope, receive, send)
