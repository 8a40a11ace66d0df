"""The Harmony format of gpt-oss, read as it is written (openai/harmony, docs/format.md).

A message is `<|start|>` header `<|message|>` content, and `<|end|>`, `<|call|>` or `<|return|>`.
A prompt ends with `<|start|>assistant`, so a reply begins inside a header.

Models stray from that, and this reader degrades where the reference parser raises:
- a header may hold recipient and channel in any order, twice, or among words that mean nothing;
- a header that never comes to its `<|message|>` is the beginning of its content;
- a message may lack its end, or its `<|start|>`: what can only begin the next one ends it;
- `<|call|>` and `<|return|>` end the reply: what follows, such as an invented result, is dropped;
- messages in the name of others (user, tools) are dropped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Channel = Literal["analysis", "commentary", "final"]
_CHANNELS: tuple[Channel, ...] = ("analysis", "commentary", "final")

TOKENS = {
    199999: "endoftext",
    200002: "return",
    200003: "constrain",
    200005: "channel",
    200006: "start",
    200007: "end",
    200008: "message",
    200012: "call",
}
"""The special tokens by their numbers in the vocabulary `o200k_harmony`."""

MAX_HEADER_CHARS = 400
MAX_TOKENS_OF_A_CHARACTER = 4

_SPECIAL = re.compile(rf"<\|({'|'.join(TOKENS.values())})\|>")
_UNFINISHED = re.compile(r"<(?:\|(?:[a-z]{1,9}\|?)?)?\Z")
_WORD = re.compile(
    r"""\s*(?:
        to=(?P<recipient>[^\s<{]+)
      | <\|channel\|>\s*(?P<channel>[a-z]*)
      | <\|constrain\|>\s*[a-z]*
      | assistant\b
      | (?P<type>json|code)\b
    )""",
    re.VERBOSE,
)
_OTHERS = re.compile(r"\s*(?:system|developer|user|tool|functions|browser|python)\b")
_OURS = re.compile(r"\s*(?:assistant\b|<|\Z)")
_NOT_CALLED = frozenset({"assistant", "user", "all"})


@dataclass(frozen=True, slots=True)
class MessageStarted:
    """recipient: whom the message calls, such as `functions.draw`; None for words."""

    channel: Channel
    recipient: str | None


@dataclass(frozen=True, slots=True)
class MessageContent:
    text: str


@dataclass(frozen=True, slots=True)
class MessageEnded:
    """The message is whole."""


MessageEvent = MessageStarted | MessageContent | MessageEnded
Decode = Callable[[Sequence[int]], str]


class HarmonyParser:
    """A reply's text or tokens in, messages out: start, content in pieces, end. Never raises.

    decode: text of tokens that are not special ones, with U+FFFD for what is no character (yet);
    only `feed_tokens` needs it. is_over: the model has said that it is done.
    """

    def __init__(self, decode: Decode = lambda tokens: "") -> None:
        self._decode = decode
        self._undecoded: list[int] = []
        self._held = ""
        self._header: str | None = ""
        self._is_hidden = False
        self._events: list[MessageEvent] = []
        self.is_over = False

    def feed(self, text: str) -> list[MessageEvent]:
        """Take text in which special tokens are spelled out, cut anywhere."""
        text = self._held + text
        at = 0
        for special in _SPECIAL.finditer(text):
            self._read_text(text[at : special.start()])
            self._read_special(special[1])
            at = special.end()
        unfinished = _UNFINISHED.search(text, at)
        end = unfinished.start() if unfinished else len(text)
        self._read_text(text[at:end])
        self._held = text[end:]
        return self._take_events()

    def feed_tokens(self, tokens: Iterable[int]) -> list[MessageEvent]:
        """Take tokens. What spells a special token without being one is text."""
        for token in tokens:
            if name := TOKENS.get(token):
                self._read_undecoded()
                self._read_special(name)
            else:
                self._undecoded.append(token)
                self._read_undecoded(limit=MAX_TOKENS_OF_A_CHARACTER)
        return self._take_events()

    def flush(self, *, is_cut: bool = False) -> list[MessageEvent]:
        """The reply is over. is_cut: in the middle of a message, which then has no end."""
        self._read_undecoded()
        held, self._held = self._held, ""
        self._read_text(held)
        if self._header is not None:
            self._open_broken()
        if not is_cut:
            self._end_message()
        self.is_over = True
        return self._take_events()

    def _take_events(self) -> list[MessageEvent]:
        events, self._events = self._events, []
        return events

    def _read_undecoded(self, *, limit: int = 1) -> None:
        """Read tokens whose text is known; fewer than `limit` may wait for a character's rest."""
        if self._undecoded:
            text = self._decode(self._undecoded)
            if len(self._undecoded) >= limit or not text.endswith("\ufffd"):
                self._undecoded.clear()
                self._read_text(text)

    def _read_text(self, text: str) -> None:
        if self.is_over:
            return
        while text and self._header is not None:
            room = max(MAX_HEADER_CHARS - len(self._header), 0)
            self._header += text[:room]
            text = text[room:]
            if text:
                self._open_broken()
        if text:
            self._add(MessageContent(text))

    def _read_special(self, name: str) -> None:
        if self.is_over:
            return
        match name:
            case "message":
                self._open()
            case "channel" | "constrain":
                if self._header is None:
                    self._end_message()
                self._header = f"{self._header or ''}<|{name}|>"
            case _:
                if self._header is not None:
                    self._open_broken()
                self._end_message()
                self.is_over = name in ("call", "return", "endoftext")

    def _open(self) -> None:
        """A header is complete; a second `<|message|>` in one message means nothing."""
        header, self._header = self._header, None
        if header is None:
            return
        words = list(_WORD.finditer(header))
        recipients = {word["recipient"] for word in words}
        self._is_hidden = bool(_OTHERS.match(header)) or (
            "assistant" in recipients and not _OURS.match(header)
        )
        self._start(words)

    def _open_broken(self) -> None:
        """A header without its `<|message|>`: what is not of a header is content already."""
        header, self._header = self._header or "", ""
        words: list[re.Match[str]] = []
        at = 0
        while word := _WORD.match(header, at):
            if word["type"] and not words:
                break  # a sentence may begin so
            words.append(word)
            at = word.end()
        content = header[at:].lstrip()
        if content or any(word["recipient"] for word in words):
            self._header = None
            self._start(words)
            self._read_text(content)

    def _start(self, words: Iterable[re.Match[str]]) -> None:
        recipient: str | None = None
        channel: Channel | None = None
        for word in words:
            if word["recipient"] and word["recipient"] not in _NOT_CALLED:
                recipient = recipient or word["recipient"]
            channel = channel or _channel(word["channel"] or "")
        self._add(MessageStarted(channel or "commentary", recipient))

    def _end_message(self) -> None:
        if self._header is None:
            self._add(MessageEnded())
        self._header = ""
        self._is_hidden = False

    def _add(self, event: MessageEvent) -> None:
        if not self._is_hidden:
            self._events.append(event)


def _channel(word: str) -> Channel | None:
    """The channel that a word begins with: models run it into what follows."""
    return next((channel for channel in _CHANNELS if word.startswith(channel)), None)
