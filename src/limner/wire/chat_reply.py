"""A Chat Completions reply as turn events (OpenAI API reference, chat completion chunks).

Real servers differ from the reference, and this reader takes them as they are:
- calls come in many shapes: see `chat_calls`;
- `finish_reason` may say `stop` over calls, and usage may follow it: only `[DONE]` or the end ends;
- one of `finish_reason` and `[DONE]` may be missing; a reply with neither has been cut off;
- a server that ignores `stream: true` answers one JSON object, which reads as one great chunk;
- templates that switch thinking off leave an empty thought of line ends (`transformers serve`).
"""

from __future__ import annotations

from typing import Any

from limner.core.turn import (
    IncompleteReason,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    TurnEnded,
    TurnEvent,
    Usage,
)
from limner.wire.chat_calls import ChatCalls
from limner.wire.chat_error import failure_of
from limner.wire.chat_logprobs import ChatLogprobs
from limner.wire.reply_body import MAX_EVENT_BYTES
from limner.wire.reply_decoder import ReplyDecoder

Json = dict[str, Any]

INCOMPLETE: dict[str, IncompleteReason] = {
    "length": "max_output_tokens",
    "content_filter": "content_filter",
}


class ChatReplyDecoder(ReplyDecoder):
    """Bytes of a reply's body in, turn events out; after the terminal event nothing comes any more.

    id_prefix: begins the ids of calls to which the server gave none; unique in the conversation.
    logprobs: whether they were asked for; a server that tells none is told of in the end.
    limit_bytes: see `ReplyBody`.
    """

    def __init__(
        self, *, id_prefix: str, logprobs: bool = False, limit_bytes: int = MAX_EVENT_BYTES
    ) -> None:
        super().__init__(limit_bytes)
        self._calls = ChatCalls(id_prefix)
        self._logprobs = ChatLogprobs() if logprobs else None
        self._thinks = False
        self._finish_reason: str | None = None
        self._usage: Usage | None = None

    def _read(self, chunk: Json) -> list[TurnEvent]:
        if chunk.get("error") or chunk.get("object") == "error":
            self.is_finished = True
            return [failure_of(chunk, None)]
        if isinstance(chunk.get("usage"), dict):
            self._usage = usage_of(chunk["usage"])
        choices = chunk.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        return self._read_choice(choice) if isinstance(choice, dict) else []

    def _read_choice(self, choice: Json) -> list[TurnEvent]:
        if isinstance(choice.get("finish_reason"), str):
            self._finish_reason = choice["finish_reason"]
        delta = choice.get("delta")
        if isinstance(choice.get("message"), dict):
            # A whole message: its calls have no indexes, and none of them continues another.
            delta = _numbered(choice["message"])
            self._finish_reason = self._finish_reason or "stop"
        if not isinstance(delta, dict):
            return []
        if self._logprobs:
            self._logprobs.hear(choice.get("logprobs"))
        return self._read_delta(delta)

    def _read_delta(self, delta: Json) -> list[TurnEvent]:
        events: list[TurnEvent] = []
        # vLLM and its kin send the same thought under both names.
        thought = _text(delta.get("reasoning_content")) or _text(delta.get("reasoning"))
        if thought and (self._thinks or thought.strip()):
            self._thinks = True
            events.append(ReasoningDelta(thought))
        if text := _text(delta.get("content")):
            events.append(TextDelta(text, self._logprobs.of_text() if self._logprobs else ()))
        if refusal := _text(delta.get("refusal")):
            events.append(RefusalDelta(refusal))
        entries = delta.get("tool_calls")
        for entry in entries if isinstance(entries, list) else []:
            if isinstance(entry, dict):
                events += self._calls.take(entry)
        if events and self._logprobs:
            self._logprobs.drop()
        return events

    def _end(self, *, is_done: bool) -> list[TurnEvent]:
        if self._finish_reason is None and not is_done:
            return [self._fail("ended the reply without saying that it was finished")]
        if self._calls.unnamed:
            return [self._fail("called a function without naming it")]
        self.is_finished = True
        incomplete = INCOMPLETE.get(self._finish_reason or "stop")
        told = self._logprobs.adjustments if self._logprobs else ()
        return [*self._calls.end(), TurnEnded(self._usage, incomplete, told)]


def _numbered(message: Json) -> Json:
    entries = message.get("tool_calls")
    if not isinstance(entries, list):
        return message
    calls = [entry | {"index": i} for i, entry in enumerate(entries) if isinstance(entry, dict)]
    return message | {"tool_calls": calls}


def _text(content: object) -> str:
    """A string, or the text of a list of parts as Mistral's models send it."""
    if isinstance(content, list):
        return "".join(_text(part.get("text")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def usage_of(usage: Json) -> Usage:
    """The tokens that a server counted, in the words of Chat Completions and Completions."""
    return Usage(
        input_tokens=_count(usage, "prompt_tokens"),
        output_tokens=_count(usage, "completion_tokens"),
        cached_tokens=_count(usage.get("prompt_tokens_details"), "cached_tokens"),
        reasoning_tokens=_count(usage.get("completion_tokens_details"), "reasoning_tokens"),
    )


def _count(counts: object, name: str) -> int:
    value = counts.get(name) if isinstance(counts, dict) else None
    return value if isinstance(value, int) else 0
