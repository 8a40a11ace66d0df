"""The replies of an Images API: their bytes in, image events out, streamed or not.

Real servers differ from the reference, and this reader takes them as they are:
- one that ignores `stream: true` answers one JSON object; it is told by its first byte;
- an answer of 200 without a picture, or a stream without its `completed`, is a failure.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from limner.core.image import (
    ImageCompleted,
    ImageEvent,
    ImageFailed,
    ImageRequest,
    ImageUsage,
    PartialImage,
    Resolved,
)
from limner.wire import json
from limner.wire.images_error import failure_of
from limner.wire.images_picture import (
    broken,
    is_count,
    is_link,
    ours_of,
    read_picture,
    read_preview_resolved,
    read_progress,
    read_resolved,
    read_usage,
)
from limner.wire.sse import FrameTooLargeError, SseDecoder, SseEvent

Json = dict[str, Any]

MAX_EVENT_BYTES = 128 * 1024 * 1024


class ImagesReplyDecoder:
    """Bytes of a reply in, image events out; after the terminal event nothing comes any more.

    said: adjustments that were known before. limit_bytes: the most that one event may hold, or the
    one JSON object of a reply without events.
    """

    def __init__(
        self,
        request: ImageRequest,
        *,
        said: tuple[str, ...] = (),
        limit_bytes: int = MAX_EVENT_BYTES,
    ) -> None:
        self._request = request
        self._said = said
        self._limit_bytes = limit_bytes
        self._sse = SseDecoder(limit_bytes)
        self._body: bytearray | None = None
        self._fetched: dict[str, bytes] = {}
        self._started = False
        self._done: set[int] = set()
        self._usage: ImageUsage | None = None
        self.is_finished = False

    def feed(self, chunk: bytes) -> list[ImageEvent]:
        """Take the next bytes; return the events that they complete."""
        if not self._started:
            chunk = chunk.lstrip()
            self._started = bool(chunk)
            if chunk.startswith(b"{"):
                self._body = bytearray()
        if self._body is None:
            return self._feed_stream(chunk)
        self._body += chunk
        if len(self._body) > self._limit_bytes:
            return self._end(broken(f"sent more than {self._limit_bytes} bytes in one reply"))
        return []

    @property
    def links(self) -> list[str]:
        """Where pictures are that a reply in one JSON object names instead of bringing.

        To be asked for when the body is over; `add` gives what is there.
        """
        if self._body is None or b'"url"' not in self._body:
            return []
        try:
            data = json.load(bytes(self._body))["data"]
            return [entry["url"] for entry in data[: self._request.n] if is_link(entry)]
        except (ValueError, TypeError, KeyError):
            return []

    def add(self, link: str, content: bytes) -> None:
        """Take the file that one of `links` led to."""
        self._fetched[link] = content

    def flush(self) -> list[ImageEvent]:
        """The body is over; return what remains, the terminal event last."""
        if self.is_finished:
            return []
        if self._body is None:
            events = self._take(self._sse.flush())
        else:
            events = self._read_reply(bytes(self._body))
        return [*events, *self._end(self._missing())]

    def _feed_stream(self, chunk: bytes) -> list[ImageEvent]:
        if self.is_finished:
            return []
        try:
            return self._take(self._sse.feed(chunk))
        except FrameTooLargeError as error:
            return self._end(broken(f"sent too much at once: {error}"))

    def _take(self, frames: list[SseEvent]) -> list[ImageEvent]:
        events: list[ImageEvent] = []
        for frame in frames:
            if not self.is_finished and not frame.is_done:
                events += self._read_event(frame)
        return events

    def _read_event(self, frame: SseEvent) -> list[ImageEvent]:
        try:
            value = json.load(frame.data)
        except ValueError as error:
            return self._end(broken(f"sent an event that is not JSON: {error}"))
        if not isinstance(value, dict):
            return []
        named = value.get("type")
        kind = named if isinstance(named, str) else frame.event
        if value.get("error") or kind == "error":
            return self._end(failure_of(value, None))
        match kind.rpartition(".")[2]:
            case "partial_image":
                return self._partial(value)
            case "completed":
                return self._completed(value, value)
            case "progress":
                progress = read_progress(value)
                return [progress] if progress else []
            case _:
                return []

    def _read_reply(self, body: bytes) -> list[ImageEvent]:
        try:
            reply = json.load(body)
        except ValueError as error:
            return self._end(broken(f"answered what is not JSON: {error}"))
        data = reply.get("data")
        if reply.get("error") or not isinstance(data, list):
            return self._end(failure_of(reply, None))
        events: list[ImageEvent] = []
        for entry in data:
            if not self.is_finished and isinstance(entry, dict):
                is_last = len(self._done) == self._request.n - 1
                events += self._completed(reply, entry, has_usage=is_last)
        return events

    def _partial(self, value: Json) -> list[ImageEvent]:
        picture = self._place(value)
        image = read_picture(value, self._fetched)
        index = value.get("partial_image_index")
        if isinstance(image, ImageFailed) or not is_count(index):
            return []  # A preview may be missing; the picture itself is still to come.
        look = read_preview_resolved(value, self._request, image, picture)
        return [PartialImage(index, image, self._with_said(look), picture)]

    def _completed(self, look: Json, entry: Json, *, has_usage: bool = True) -> list[ImageEvent]:
        """look: where the settings stand. entry: where the picture stands."""
        picture = self._place(entry)
        image = read_picture(entry, self._fetched)
        if isinstance(image, ImageFailed):
            return self._end(image)
        if has_usage and isinstance(usage := look.get("usage"), dict):
            self._usage = (self._usage or ImageUsage()) + read_usage(usage)
        self._done.add(picture)
        self.is_finished = len(self._done) == self._request.n
        resolved = read_resolved(look, self._request, image, picture)
        usage_of_all = self._usage if self.is_finished else None
        return [ImageCompleted(image, self._with_said(resolved), usage_of_all, picture)]

    def _with_said(self, look: Resolved) -> Resolved:
        return replace(look, adjustments=(*self._said, *look.adjustments))

    def _place(self, value: Json) -> int:
        """Which of the pictures asked this is: as it says, or the first that is still to come."""
        to_come = [k for k in range(self._request.n) if k not in self._done]
        said = ours_of(value).get("picture")
        return said if is_count(said) and said in to_come else to_come[0]

    def _missing(self) -> ImageFailed:
        count = f"{len(self._done)} of {self._request.n} pictures" if self._done else "no picture"
        return broken(f"ended its reply with {count}")

    def _end(self, failure: ImageFailed) -> list[ImageEvent]:
        if self.is_finished:
            return []
        self.is_finished = True
        return [failure]
