"""A reply of the Responses API as turn events (OpenAI API reference, "Streaming events").

What the run must understand is read: words, sources, calls of functions, pictures. All other items,
thoughts among them, and all other events pass as they came, less the numbers that are ours to give.

Real servers differ from the reference, and this reader takes them as they are:
- an item is told by its id, or by its output_index where each event bears another id;
- deltas may be missing where the done event has the whole, and the reverse;
- `ping` and `keepalive` say nothing and are dropped; the lifecycle events are ours to send;
- only `response.completed`, `response.incomplete` and `response.failed` end a reply: without one
  it has been cut off. The last event may list no items, or those that were never streamed;
- a server that ignores `stream: true` answers the response alone.
"""

from __future__ import annotations

from typing import Any, TypeGuard

from limner.core.turn import (
    IncompleteReason,
    OpaqueProgress,
    TurnEnded,
    TurnEvent,
    TurnFailed,
    Usage,
)
from limner.wire.chat_error import failure_of
from limner.wire.reply_body import MAX_EVENT_BYTES
from limner.wire.reply_decoder import ReplyDecoder
from limner.wire.responses_items import OURS, OpenItem, open_item

Json = dict[str, Any]

_ENDS = {
    "response.completed": "completed",
    "response.incomplete": "incomplete",
    "response.failed": "failed",
    "response.cancelled": "cancelled",
}
_SILENT = frozenset({"response.created", "response.queued", "response.in_progress"})
_FILLERS = frozenset({"ping", "keepalive", "heartbeat"})
_REASONS: dict[object, IncompleteReason] = {
    "max_output_tokens": "max_output_tokens",
    "content_filter": "content_filter",
    None: "max_output_tokens",
}
_STATUSES = {"rate_limit_exceeded": 429}
_RENAMED = {
    "response.reasoning.delta": "response.reasoning_text.delta",
    "response.reasoning.done": "response.reasoning_text.done",
}
"""The Open Responses specification's names, which OpenAI's clients do not know."""


class ResponsesReplyDecoder(ReplyDecoder):
    """Bytes of a reply's body in, turn events out; after the terminal event nothing comes any more.

    id_prefix: begins the ids of calls to which the server gave none; unique in the conversation.
    partial_images: how many previews of a picture the client wants to see.
    limit_bytes: see `ReplyBody`.
    """

    def __init__(
        self, *, id_prefix: str, partial_images: int = 0, limit_bytes: int = MAX_EVENT_BYTES
    ) -> None:
        super().__init__(limit_bytes)
        self._id_prefix = id_prefix
        self._partial_images = partial_images
        self._by_id: dict[str, OpenItem] = {}
        self._by_index: dict[int, OpenItem] = {}
        self._items: list[OpenItem] = []

    def _read(self, event: Json) -> list[TurnEvent]:
        type_ = event.get("type")
        if event.get("object") == "response":
            return self._close(str(event.get("status")), event)
        if type_ == "error" or event.get("error"):
            return [self._failure(event)]
        if not isinstance(type_, str) or type_ in _SILENT:
            return []
        if type_.rpartition(".")[2] in _FILLERS:
            return []
        if type_ in _ENDS:
            response = event.get("response")
            return self._close(_ENDS[type_], response if isinstance(response, dict) else {})
        return self._read_inside(_RENAMED.get(type_, type_), event)

    def _read_inside(self, type_: str, event: Json) -> list[TurnEvent]:
        if type_ in ("response.output_item.added", "response.output_item.done"):
            value = event.get("item")
            if not _is_item(value):
                return []
            if type_.endswith("added"):
                return self._start(value, event.get("output_index"))
            return self._finish_item(value, event.get("output_index"))
        item = self._find(event.get("item_id"), event.get("output_index"))
        if item is not None:
            return [] if item.is_over else item.read(type_, event)
        if "item_id" in event or "output_index" in event:
            return []  # about an item that never began
        fields = {name: value for name, value in event.items() if name not in OURS}
        return [OpaqueProgress(None, type_, fields)]

    def _start(self, value: Json, index: object) -> list[TurnEvent]:
        item = open_item(
            value,
            str(len(self._items)),
            id_prefix=self._id_prefix,
            partial_images=self._partial_images,
        )
        self._items.append(item)
        if isinstance(value.get("id"), str):
            self._by_id[value["id"]] = item
        if isinstance(index, int):
            self._by_index[index] = item
        return item.start()

    def _finish_item(self, value: Json, index: object) -> list[TurnEvent]:
        item = self._find(value.get("id"), index)
        if item is None:
            started = self._start(value, index)
            return [*started, *self._items[-1].finish(value)]
        return [] if item.is_over else item.finish(value)

    def _find(self, item_id: object, index: object) -> OpenItem | None:
        by_id = self._by_id.get(item_id) if isinstance(item_id, str) else None
        return by_id or (self._by_index.get(index) if isinstance(index, int) else None)

    def _close(self, status: str, response: Json) -> list[TurnEvent]:
        output = response.get("output")
        events = self._catch_up([item for item in _list(output) if _is_item(item)])
        reason = _dict(response.get("incomplete_details")).get("reason")
        match status:
            case "completed" | "None":
                for item in self._items:
                    events += [] if item.is_over else item.finish(None)
                end: TurnEvent = TurnEnded(_usage(response))
            case "incomplete" if reason in _REASONS:
                end = TurnEnded(_usage(response), _REASONS[reason])
            case "failed":
                return [*events, self._failure(response)]
            case _:
                return [*events, self._fail(f"ended the reply as {status}: {reason}")]
        self.is_finished = True
        return [*events, end]

    def _catch_up(self, output: list[Json]) -> list[TurnEvent]:
        """Take what the last event tells of items that were not streamed, or not to their end."""
        events: list[TurnEvent] = []
        if not self._items:
            for index, value in enumerate(output):
                events += self._finish_item(value, index)
        for index, value in enumerate(output):
            item = self._find(value.get("id"), index)
            if item is not None and not item.is_over:
                events += item.finish(value)
        return events

    def _failure(self, value: Json) -> TurnFailed:
        self.is_finished = True
        error = value.get("error") or {"code": value.get("code"), "message": value.get("message")}
        code = error.get("code") if isinstance(error, dict) else None
        return failure_of({"error": error}, _STATUSES.get(str(code)))

    def _end(self, *, is_done: bool) -> list[TurnEvent]:
        """Neither `[DONE]` nor the end of the body ends a reply of this API."""
        return [self._fail("ended the reply without saying that it was finished")]


def _is_item(value: object) -> TypeGuard[Json]:
    """Whether clients could tell what it is: an item without a type is nothing to them."""
    return isinstance(value, dict) and isinstance(value.get("type"), str)


def _usage(response: Json) -> Usage | None:
    usage = response.get("usage")
    if not isinstance(usage, dict):
        return None
    return Usage(
        _count(usage, "input_tokens"),
        _count(usage, "output_tokens"),
        _count(_dict(usage.get("input_tokens_details")), "cached_tokens"),
        _count(_dict(usage.get("output_tokens_details")), "reasoning_tokens"),
    )


def _count(values: Json, name: str) -> int:
    value = values.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _dict(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
