"""The JSON objects of a model server's reply: one in each server-sent event.

A server that ignores `stream: true` answers a single object without any frame; that is told by the
first byte, and handed out as if it were one great event.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from limner.wire import json
from limner.wire.sse import FrameTooLargeError, SseDecoder, SseEvent

Json = dict[str, Any]

MAX_EVENT_BYTES = 16 * 1024 * 1024


class BrokenReplyError(ValueError):
    """What a server did that no dialect allows, in words that follow its name."""


class ReplyBody:
    """Bytes of a reply's body in, objects out; None stands for `[DONE]`.

    limit_bytes: the most that one event may hold, or the one object of a reply without events.
    """

    def __init__(self, limit_bytes: int = MAX_EVENT_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._sse = SseDecoder(limit_bytes)
        self._started = False
        self._whole: bytearray | None = None

    def feed(self, chunk: bytes) -> Iterator[Json | None]:
        """Take the next bytes; yield what they complete, until BrokenReplyError is raised."""
        if not self._started:
            chunk = chunk.lstrip()
            self._started = bool(chunk)
            if chunk.startswith(b"{"):
                self._whole = bytearray()
        try:
            frames = self._hold(chunk)
        except FrameTooLargeError as error:
            raise BrokenReplyError(f"sent too much at once: {error}") from None
        yield from map(_read, filter(_speaks, frames))

    def flush(self) -> Iterator[Json | None]:
        """The body is over; yield what remains. Raises BrokenReplyError as `feed` does."""
        if self._whole is not None:
            yield _object(bytes(self._whole))
        else:
            yield from map(_read, filter(_speaks, self._sse.flush()))

    def _hold(self, chunk: bytes) -> list[SseEvent]:
        if self._whole is None:
            return self._sse.feed(chunk)
        self._whole += chunk
        if len(self._whole) > self._limit_bytes:
            raise FrameTooLargeError(f"a JSON reply exceeds {self._limit_bytes} bytes")
        return []


def _speaks(frame: SseEvent) -> bool:
    return bool(frame.data)


def _read(frame: SseEvent) -> Json | None:
    return None if frame.is_done else _object(frame.data)


def _object(data: bytes) -> Json:
    try:
        value = json.load(data)
    except ValueError as error:
        raise BrokenReplyError(f"sent what is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise BrokenReplyError(f"sent {json.type_name(value)} where an object belongs")
    return value
