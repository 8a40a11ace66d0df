"""A raw completion of a gpt-oss model as turn events.

Source of the envelope: OpenAI API reference, completions; vLLM adds `token_ids` to a choice.
Servers leave out the special token that stopped them: where the reply ends by itself, so does its
last message.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any, assert_never

from limner.core.turn import (
    CallDelta,
    CallEnded,
    CallStarted,
    ReasoningDelta,
    TextDelta,
    TurnEnded,
    TurnEvent,
    Usage,
)
from limner.wire.chat_error import failure_of
from limner.wire.chat_reply import INCOMPLETE, usage_of
from limner.wire.harmony_calls import function_of
from limner.wire.harmony_parser import (
    HarmonyParser,
    MessageContent,
    MessageEnded,
    MessageEvent,
    MessageStarted,
)
from limner.wire.reply_body import MAX_EVENT_BYTES
from limner.wire.reply_decoder import ReplyDecoder

Json = dict[str, Any]

NO_ANSWER = "The model ended after thinking, without an answer."


class HarmonyReplyDecoder(ReplyDecoder):
    """Bytes of a reply's body in, turn events out; after the terminal event nothing comes any more.

    names: of the functions that are declared. id_prefix: begins the ids of calls, which the model
    does not number; unique in the conversation. prefill: the beginning of the reply, which was part
    of the prompt. adjustments: for the end of the turn. decode: the text of tokens, where the
    server was asked for tokens; see `HarmonyParser`. limit_bytes: see `ReplyBody`.
    """

    def __init__(
        self,
        *,
        names: Collection[str],
        id_prefix: str,
        prefill: str = "",
        adjustments: tuple[str, ...] = (),
        decode: Callable[[Sequence[int]], str] | None = None,
        limit_bytes: int = MAX_EVENT_BYTES,
    ) -> None:
        super().__init__(limit_bytes)
        self._reads_tokens = decode is not None
        self._parser = HarmonyParser(decode) if decode else HarmonyParser()
        self._messages = _Messages(names, id_prefix)
        self._early = self._messages.take(self._parser.feed(prefill))
        self._adjustments = adjustments
        self._finish_reason: str | None = None
        self._usage: Usage | None = None

    def _take(self, objects: Iterator[Json | None]) -> list[TurnEvent]:
        early, self._early = self._early, []
        return early + super()._take(objects)

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
        text = choice.get("text")
        tokens = choice.get("token_ids")
        was_over = self._parser.is_over
        if self._reads_tokens and isinstance(tokens, list):
            numbers = [token for token in tokens if isinstance(token, int)]
            written = self._parser.feed_tokens(numbers)
        else:
            written = self._parser.feed(text if isinstance(text, str) else "")
        events = self._messages.take(written)
        if was_over and (text or tokens):
            # The server does not stop where it was told to; what it writes now is invented.
            events += self._end(is_done=True)
        return events

    def _end(self, *, is_done: bool) -> list[TurnEvent]:
        if self._finish_reason is None and not is_done and not self._parser.is_over:
            return [self._fail("ended the reply without saying that it was finished")]
        self.is_finished = True
        incomplete = INCOMPLETE.get(self._finish_reason or "stop")
        is_cut = incomplete is not None and not self._parser.is_over
        events = self._messages.take(self._parser.flush(is_cut=is_cut))
        told = self._adjustments
        if not is_cut and self._messages.has_only_thoughts:
            told += (NO_ANSWER,)
        return [*events, TurnEnded(self._usage, incomplete if is_cut else None, told)]


class _Messages:
    """Messages of the format as words, thoughts and calls."""

    def __init__(self, names: Collection[str], id_prefix: str) -> None:
        self._names = names
        self._id_prefix = id_prefix
        self._calls = 0
        self._is_thought = False
        self._arguments: list[str] | None = None
        self._has_thoughts = False
        self._has_words = False

    @property
    def has_only_thoughts(self) -> bool:
        return self._has_thoughts and not self._has_words and not self._calls

    def take(self, written: Iterable[MessageEvent]) -> list[TurnEvent]:
        return [event for message in written for event in self._read(message)]

    def _read(self, event: MessageEvent) -> Iterable[TurnEvent]:
        match event:
            case MessageStarted(channel, recipient):
                self._is_thought = channel == "analysis"
                if recipient is not None:
                    self._arguments = []
                    name = function_of(recipient, self._names)
                    yield CallStarted(self._key, f"{self._id_prefix}_{self._calls}", name)
            case MessageContent(text):
                yield self._write(text)
            case MessageEnded():
                yield from self._end_call()
            case _:
                assert_never(event)

    @property
    def _key(self) -> str:
        return f"call_{self._calls}"

    def _write(self, text: str) -> TurnEvent:
        if self._arguments is not None:
            self._arguments.append(text)
            return CallDelta(self._key, text)
        if self._is_thought:
            self._has_thoughts = True
            return ReasoningDelta(text)
        self._has_words = True
        return TextDelta(text)

    def _end_call(self) -> Iterable[TurnEvent]:
        if self._arguments is None:
            return
        arguments, self._arguments = "".join(self._arguments), None
        if not arguments:
            yield CallDelta(self._key, "{}")
        yield CallEnded(self._key, arguments or "{}")
        self._calls += 1
