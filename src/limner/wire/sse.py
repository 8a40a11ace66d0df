"""Server-sent events, both ways (WHATWG HTML, section 9.2).

Written: one event is one frame is one write, `event:` and a single `data:` line; heartbeats are
comments, since the official OpenAI clients fail on events without data. Never an `id:`.
Read: any split of the bytes, CR, LF and CRLF, a leading byte order mark, data of many lines.
"""

from __future__ import annotations

from dataclasses import dataclass, field

KEEPALIVE = b": keepalive\n\n"
DONE = b"data: [DONE]\n\n"

DEFAULT_LIMIT_BYTES = 128 * 1024 * 1024
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def encode(event: str, data: bytes) -> bytes:
    """One frame. data: JSON on a single line, as `wire.json.dump` writes it."""
    return b"".join((b"event: ", event.encode(), b"\ndata: ", data, b"\n\n"))


def comment(text: bytes) -> bytes:
    """One frame that readers pass over. text: a single line."""
    return b": " + text + b"\n\n"


@dataclass(frozen=True, slots=True)
class SseEvent:
    """One event of a stream.

    event: its type, `message` where the stream names none. data: UTF-8, lines joined by LF.
    """

    event: str
    data: bytes = field(repr=False)

    @property
    def is_done(self) -> bool:
        """Whether this is the `[DONE]` that ends the streams of OpenAI's APIs."""
        return self.data.strip() == b"[DONE]"


class FrameTooLargeError(ValueError):
    """A stream sent more bytes without ending an event than the reader is willing to hold."""


class SseDecoder:
    """Bytes of a stream in, whole events out. Costs O(bytes), however they are split."""

    def __init__(self, limit_bytes: int = DEFAULT_LIMIT_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._held_bytes = 0
        self._unfinished_line: list[bytes] = []
        self._event = ""
        self._data: list[bytes] = []
        self._at_start = True
        self._after_cr = False

    def feed(self, chunk: bytes) -> list[SseEvent]:
        """Take the next bytes; return the events that they complete.

        Raises FrameTooLargeError when the event under way exceeds the limit; feed no more then.
        """
        if self._after_cr and chunk.startswith(b"\n"):
            chunk = chunk[1:]
            self._after_cr = False
        if not chunk:
            return []
        self._after_cr = chunk.endswith(b"\r")
        *lines, rest = _split_lines(chunk)
        events = []
        for line in lines:
            self._hold(line)
            whole = b"".join(self._unfinished_line)
            self._unfinished_line = []
            if event := self._take_line(whole):
                events.append(event)
        self._hold(rest)
        return events

    def flush(self) -> list[SseEvent]:
        """The stream is over: return the event that only lacks its blank line, if any.

        The standard drops it, but servers that forget the blank line after `[DONE]` are common.
        """
        return self.feed(b"\n\n")

    def _hold(self, piece: bytes) -> None:
        self._unfinished_line.append(piece)
        self._held_bytes += len(piece)
        if self._held_bytes > self._limit_bytes:
            raise FrameTooLargeError(f"a server-sent event exceeds {self._limit_bytes} bytes")

    def _take_line(self, line: bytes) -> SseEvent | None:
        if self._at_start:
            line = line.removeprefix(_BYTE_ORDER_MARK)
            self._at_start = False
        if not line:
            return self._dispatch()
        # Sliced once: a line may be a picture of megabytes.
        colon = line.find(b":")
        name, start = (line[:colon], colon + 1) if colon >= 0 else (line, len(line))
        value = line[start + line.startswith(b" ", start) :]
        if name == b"data":
            self._data.append(value)
        elif name == b"event":
            self._event = value.decode(errors="replace")
        return None

    def _dispatch(self) -> SseEvent | None:
        event, data = self._event, self._data
        self._event, self._data, self._held_bytes = "", [], 0
        return SseEvent(event or "message", b"\n".join(data)) if data else None


def _split_lines(chunk: bytes) -> list[bytes]:
    """Lines without their ends; the last one is what follows the last line end, perhaps nothing."""
    if b"\n" not in chunk and b"\r" not in chunk:
        return [chunk]  # The middle of a picture: this search is many times faster than splitting.
    lines = chunk.splitlines()
    return lines if chunk[-1:] not in b"\r\n" else [*lines, b""]
