"""An Anthropic Messages reply as turn events (Anthropic API reference, "Streaming messages").

- `pause_turn` ends the reply and not the turn: the server wants its content back to go on.
- What is shown of content blocks is decided in `anthropic_blocks`.
- One of `stop_reason` and `message_stop` may be missing; a reply with neither has been cut off.
- A server that ignores `stream: true` answers one message, which is read as if it had streamed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from limner.core.turn import (
    IncompleteReason,
    RefusalDelta,
    TurnEnded,
    TurnEvent,
    TurnFailed,
    Usage,
)
from limner.wire.anthropic_blocks import AnthropicBlocks
from limner.wire.chat_error import failure_of
from limner.wire.reply_body import MAX_EVENT_BYTES
from limner.wire.reply_decoder import ReplyDecoder

Json = dict[str, Any]

_INCOMPLETE: dict[str, IncompleteReason] = {
    "max_tokens": "max_output_tokens",
    "model_context_window_exceeded": "max_output_tokens",
    "refusal": "content_filter",
}
_REFUSED = "The provider of the model stopped this reply."
# Errors inside a stream have no HTTP status; these are what they have outside of one.
_STATUS = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "timeout_error": 504,
    "overloaded_error": 529,
}


class AnthropicReplyDecoder(ReplyDecoder):
    """Bytes of a reply's body in, turn events out; after the terminal event nothing comes any more.

    A reply that pauses has no terminal event; `paused` then holds the content to send back.
    id_prefix: begins the ids of calls to which the server gave none; unique in the conversation.
    spent: usage of the replies of this turn that came before. limit_bytes: see `ReplyBody`.
    """

    def __init__(
        self, *, id_prefix: str, spent: Usage | None = None, limit_bytes: int = MAX_EVENT_BYTES
    ) -> None:
        super().__init__(limit_bytes)
        self._blocks = AnthropicBlocks(id_prefix)
        self._spent = spent
        self._counts: Json = {}
        self._stop_reason: str | None = None
        self._refusal = _REFUSED
        self.paused: list[Json] | None = None

    @property
    def usage(self) -> Usage | None:
        """Tokens of the turn so far, this reply included; None as long as nothing is known."""
        if not self._counts:
            return self._spent
        return (self._spent or Usage()) + _usage(self._counts)

    def _read(self, event: Json) -> Iterator[TurnEvent]:
        index = _count(event, "index")
        match event.get("type"):
            case "message_start":
                self._note(_object(event.get("message")))
            case "content_block_start":
                yield from self._blocks.start(index, _object(event.get("content_block")))
            case "content_block_delta":
                yield from self._blocks.add(index, _object(event.get("delta")))
            case "content_block_stop":
                yield from self._blocks.stop(index)
            case "message_delta":
                self._note(_object(event.get("delta")) | {"usage": event.get("usage")})
            case "message_stop":
                yield from self._end(is_done=True)
            case "message":
                yield from self._read_whole(event)
            case "error":
                self.is_finished = True
                yield _failure(event)

    def _read_whole(self, message: Json) -> Iterator[TurnEvent]:
        self._note(message)
        content = message.get("content")
        for index, block in enumerate(content if isinstance(content, list) else []):
            yield from self._blocks.start(index, _object(block))
        yield from self._end(is_done=True)

    def _note(self, message: Json) -> None:
        """Remember how far the message is; its counts of tokens are sums, and later ones hold."""
        usage = _object(message.get("usage"))
        self._counts |= {name: count for name, count in usage.items() if count is not None}
        if isinstance(reason := message.get("stop_reason"), str):
            self._stop_reason = reason
        explanation = _object(message.get("stop_details")).get("explanation")
        self._refusal = explanation if isinstance(explanation, str) else self._refusal

    def _end(self, *, is_done: bool) -> Iterator[TurnEvent]:
        if self._stop_reason is None and not is_done:
            yield self._fail("ended the reply without saying that it was finished")
            return
        self.is_finished = True
        reason = self._stop_reason or "end_turn"
        incomplete = _INCOMPLETE.get(reason)
        yield from self._blocks.end(is_cut=incomplete is not None)
        content = [block for block in self._blocks.content if not _is_blank(block)]
        if reason == "pause_turn" and content and not self._blocks.has_calls:
            self.paused = content
            return
        if reason == "refusal":
            yield RefusalDelta(self._refusal)
        yield TurnEnded(self.usage, incomplete)


def _failure(event: Json) -> TurnFailed:
    kind = _object(event.get("error")).get("type")
    return failure_of(event, _STATUS.get(kind) if isinstance(kind, str) else None)


def _is_blank(block: Json) -> bool:
    """Servers do not take back text without words."""
    return block.get("type") == "text" and not str(block.get("text")).strip()


def _object(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _usage(counts: Json) -> Usage:
    cached = _count(counts, "cache_read_input_tokens")
    written = _count(counts, "cache_creation_input_tokens")
    return Usage(
        input_tokens=_count(counts, "input_tokens") + written + cached,
        output_tokens=_count(counts, "output_tokens"),
        cached_tokens=cached,
        reasoning_tokens=_count(_object(counts.get("output_tokens_details")), "thinking_tokens"),
    )


def _count(counts: Json, name: str) -> int:
    value = counts.get(name)
    return value if isinstance(value, int) else 0
