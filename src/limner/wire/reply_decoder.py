"""What the decoders of all dialects share: bytes in, turn events out, and one end."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any

from limner.core.turn import TurnEvent, TurnFailed
from limner.wire.reply_body import BrokenReplyError, ReplyBody

Json = dict[str, Any]


class ReplyDecoder(ABC):
    """Bytes of a reply's body in, turn events out; after the terminal event nothing comes any more.

    limit_bytes: see `ReplyBody`. A dialect says what an object of the reply means (`_read`) and
    what the end is, with `[DONE]` or without (`_end`); what ends the turn sets `is_finished`.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._body = ReplyBody(limit_bytes)
        self.is_finished = False

    def feed(self, chunk: bytes) -> list[TurnEvent]:
        """Take the next bytes; return the events that they complete."""
        return [] if self.is_finished else self._take(self._body.feed(chunk))

    def flush(self) -> list[TurnEvent]:
        """The body is over; return what remains, the terminal event last."""
        if self.is_finished:
            return []
        events = self._take(self._body.flush())
        return events if self.is_finished else [*events, *self._end(is_done=False)]

    def _take(self, objects: Iterator[Json | None]) -> list[TurnEvent]:
        events: list[TurnEvent] = []
        try:
            for value in objects:
                events += self._end(is_done=True) if value is None else self._read(value)
                if self.is_finished:
                    break
        except BrokenReplyError as error:
            events.append(self._fail(str(error)))
        return events

    @abstractmethod
    def _read(self, value: Json, /) -> Iterable[TurnEvent]: ...

    @abstractmethod
    def _end(self, *, is_done: bool) -> Iterable[TurnEvent]: ...

    def _fail(self, what: str) -> TurnFailed:
        self.is_finished = True
        return TurnFailed(f"The language model server {what}", retryable=True)
