"""Replies that take their time: event streams with heartbeats, and clients that leave.

Rules kept here and nowhere else:
- nothing is sent before the first frame or the first heartbeat, so that an error before either is
  an honest HTTP status;
- after that an error becomes the last frame: no stream ends without its API's last word;
- silence lasts no longer than the heartbeat;
- a client that leaves closes the generator at once, and with it the work;
- the next frame is asked for only when the socket has taken the last one. A reader that stalls is
  dropped by the protocol, which looks like a client that left;
- a server that stops lets replies end, for a while; then they are ended, as after an error.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from limner.core.errors import LimnerError
from limner.server.drain import ServerStoppingError, current_drain
from limner.server.errors import unforeseen
from limner.wire import sse

DEFAULT_HEARTBEAT_S = 15.0
"""Proxies cut connections that are silent for a minute or two."""

logger = logging.getLogger(__name__)


@asynccontextmanager
async def while_client_waits(receive: Receive) -> AsyncIterator[None]:
    """Run the body of the `async with`; cancel it as soon as the client leaves.

    receive: `request.receive`, from which the request's body has already been read.
    Raises, when the cancelled body has ended, ClientDisconnect if the client left, or
    ServerStoppingError if the server can wait no longer.
    """
    drain = current_drain()
    try:
        async with asyncio.timeout(None) as scope:
            with (
                drain.at_end(lambda: _expire(scope)),
                _alongside(_expire_on_leave(receive, scope)),
            ):
                yield
    except TimeoutError:
        if not scope.expired():
            raise
        if drain.is_over:
            raise ServerStoppingError from None
        raise ClientDisconnect from None


class EventStream(Response):
    """Server-sent events from a generator of whole frames (`wire.sse.encode`).

    frames: closed in any case. A LimnerError that it raises before its first frame becomes the HTTP
        reply, unless a heartbeat has already gone out.
    last_word: the frames that end the stream of this API after an error.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        frames: AsyncGenerator[bytes, None],
        *,
        last_word: Callable[[LimnerError], bytes],
        heartbeat_s: float = DEFAULT_HEARTBEAT_S,
    ) -> None:
        self.status_code = 200
        self.background = None
        self.init_headers({"Cache-Control": "no-cache", "X-Accel-Buffering": "no"})
        self._frames = frames
        self._last_word = last_word
        self._heartbeat_s = heartbeat_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        output = _Output(send, self.raw_headers)
        try:
            async with aclosing(self._frames), while_client_waits(receive):
                with _alongside(output.beat(self._heartbeat_s)):
                    await self._pump(output, scope)
        except ServerStoppingError as error:
            if not output.is_started:
                raise
            await output.write(self._last_word(error))
            await output.end()
        except ClientDisconnect:
            facts = {"action": "abandoned", "request_id": scope.get("state", {}).get("request_id")}
            logger.debug("client left the stream", extra=facts)

    async def _pump(self, output: _Output, scope: Scope) -> None:
        try:
            async for frame in self._frames:
                await output.write(frame)
        except LimnerError as error:
            if not output.is_started:
                raise
            await output.write(self._last_word(error))
        except Exception:
            if not output.is_started:
                raise
            id = str(scope.get("state", {}).get("request_id", ""))
            logger.exception("stream failed", extra={"action": "failed", "request_id": id})
            await output.write(self._last_word(unforeseen(id)))
        await output.end()


class _Output:
    """What goes to the client, one whole frame at a time, from the pump and from the heart."""

    def __init__(self, send: Send, headers: list[tuple[bytes, bytes]]) -> None:
        self.is_started = False
        self._is_over = False
        self._send = send
        self._headers = headers
        self._turn = asyncio.Lock()
        self._now = asyncio.get_running_loop().time
        self._last_write = self._now()

    async def write(self, frame: bytes, *, is_last: bool = False) -> None:
        async with self._turn:
            if self._is_over:
                return
            self._is_over = is_last
            if not self.is_started:
                self.is_started = True
                start = {"type": "http.response.start", "status": 200, "headers": self._headers}
                await self._send(start)
            body = {"type": "http.response.body", "body": frame, "more_body": not is_last}
            await self._send(body)
            self._last_write = self._now()

    async def end(self) -> None:
        await self.write(b"", is_last=True)

    async def beat(self, heartbeat_s: float) -> None:
        """Break every silence of `heartbeat_s`; runs until cancelled."""
        while True:
            remaining = self._last_write + heartbeat_s - self._now()
            if remaining > 0:
                await asyncio.sleep(remaining)
            else:
                await self.write(sse.KEEPALIVE)


async def _expire_on_leave(receive: Receive, scope: asyncio.Timeout) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    _expire(scope)


def _expire(scope: asyncio.Timeout) -> None:
    scope.reschedule(asyncio.get_running_loop().time())


@contextmanager
def _alongside(work: Coroutine[Any, Any, None]) -> Iterator[None]:
    """Run `work` in a task of its own while the body runs, and no longer.

    The task's end is not awaited: a reply that is over reads like a client that left, and nothing
    may look in between.
    """
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
