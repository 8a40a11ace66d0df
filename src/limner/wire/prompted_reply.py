"""The calls that a model writes into its text, read as it writes; see `prompted_request`.

What the client sees of the text has no trace of a call: what may be the beginning of a block is
held back until it is known. Models stray from the form, and are understood all the same:
- a block may be a `<tool_call>` element, as many models were trained to write, or have no end;
- it may be on one line, and its JSON crooked: see `core.arguments`;
- the arguments may be a JSON text, be called otherwise, or stand beside the name or alone.
A block that a limit has cut short is no call.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from limner.core.arguments import dump, parse_arguments
from limner.core.turn import (
    CallDelta,
    CallEnded,
    CallStarted,
    TextDelta,
    TurnEnded,
    TurnEvent,
    TurnFailed,
)
from limner.wire import json
from limner.wire.prompted_request import CLOSER, OPENER

MAX_BLOCK_CHARS = 100_000
MAX_HELD_SPACES = 64
"""A model may write more of them before a block; then the client sees some."""

_OPENERS = {OPENER: CLOSER, OPENER.replace("```", "``` "): CLOSER, "<tool_call>": "</tool_call>"}
_ARGUMENTS = ("arguments", "parameters", "args")
_UNNAMED = "(unnamed)"


@dataclass(frozen=True, slots=True)
class Block:
    """What stands between the marks of a call."""

    body: str


class CallBlocks:
    """Text in, as it comes; the text around the blocks and the blocks out."""

    def __init__(self) -> None:
        self._held = ""
        self._closer: str | None = None
        self._searched = 0
        self._is_behind_block = False

    @property
    def open_chars(self) -> int:
        """How long the block under way is by now."""
        return len(self._held) if self._closer else 0

    def feed(self, text: str) -> Iterator[str | Block]:
        """Yield what is certain by now."""
        self._held += text
        while (piece := self._block() if self._closer else self._text()) is not None:
            if piece:
                yield piece

    def flush(self) -> str | Block:
        """The text is over: return what was held back, an open block as it is."""
        held, self._held = self._held, ""
        if self._closer:
            self._closer = None
            return Block(held)
        return held.strip() if self._is_behind_block else held.rstrip()

    def _text(self) -> str | None:
        """Text up to the next block or as far as is certain; None where nothing is."""
        if self._is_behind_block:
            self._held = self._held.lstrip()
        found = [(at, mark) for mark in _OPENERS if (at := self._held.find(mark)) >= 0]
        if found:
            at, mark = min(found)
            text, self._held = self._held[:at].rstrip(), self._held[at + len(mark) :]
            self._closer, self._searched = _OPENERS[mark], 0
            return text
        sure = len(self._held) - max(_overlap(self._held, mark) for mark in _OPENERS)
        spoken = len(self._held[:sure].rstrip())
        end = max(spoken, sure - MAX_HELD_SPACES)
        if not end:
            return None
        text, self._held = self._held[:end], self._held[end:]
        self._is_behind_block = False
        return text

    def _block(self) -> Block | None:
        """The block under way; None while it has no end."""
        assert self._closer is not None
        while (at := self._held.find(self._closer, self._searched)) >= 0:
            behind = at + len(self._closer)
            if _is_end(self._held[:at]):
                block, self._held = Block(self._held[:at]), self._held[behind:]
                self._closer, self._is_behind_block = None, True
                return block
            self._searched = behind
        self._searched = max(self._searched, len(self._held) - len(self._closer) + 1)
        return None


class PromptedReply:
    """A reply's turn events in, with calls as text; turn events with calls out.

    names: the functions that were offered. id_prefix: begins the ids of calls, unique in the
    conversation. adjustments: told at the end of the turn.
    """

    def __init__(
        self, names: Collection[str], *, id_prefix: str, adjustments: tuple[str, ...]
    ) -> None:
        self._names = names
        self._id_prefix = id_prefix
        self._adjustments = adjustments
        self._blocks = CallBlocks()
        self._calls = 0
        self.is_finished = False

    def feed(self, event: TurnEvent) -> Iterator[TurnEvent]:
        """Take the next event; yield what it brings to light."""
        match event:
            case TextDelta(text):
                for piece in self._blocks.feed(text):
                    yield from self._said(piece)
                if self._blocks.open_chars > MAX_BLOCK_CHARS:
                    self.is_finished = True
                    yield TurnFailed(
                        f"The language model wrote a call of more than {MAX_BLOCK_CHARS} characters"
                    )
            case TurnEnded(incomplete=incomplete, adjustments=adjustments):
                last = self._blocks.flush()
                if incomplete is None or isinstance(last, str):
                    yield from self._said(last)
                self.is_finished = True
                told = (*adjustments, *self._adjustments)
                yield TurnEnded(event.usage, incomplete, told)
            case TurnFailed():
                self.is_finished = True
                yield event
            case _:
                yield event

    def _said(self, piece: str | Block) -> Iterator[TurnEvent]:
        if isinstance(piece, str):
            if piece:
                yield TextDelta(piece)
            return
        name, arguments = read_call(piece.body, self._names)
        key = f"block_{self._calls}"
        yield CallStarted(key, f"{self._id_prefix}_{self._calls}", name)
        yield CallDelta(key, arguments)
        yield CallEnded(key, arguments)
        self._calls += 1


def read_call(body: str, names: Collection[str]) -> tuple[str, str]:
    """The name of the function that a block means, and its arguments as a JSON text.

    names: those that there are; where it is one, it is meant also without being named.
    """
    only = next(iter(names)) if len(names) == 1 else _UNNAMED
    said: dict[str, Any] | None = parse_arguments(body)
    if said is None:
        return only, body.strip() or "{}"
    nested = said.get("function")
    said = nested if isinstance(nested, dict) else said
    name = said.get("name")
    if not isinstance(name, str):
        return only, dump(said)
    name = _encodable(name)
    for key in _ARGUMENTS:
        if key in said:
            given = said[key]
            return name, _encodable(given) if isinstance(given, str) else dump(given or {})
    return name, dump({key: value for key, value in said.items() if key != "name"})


def _encodable(text: str) -> str:
    """A model can escape half a surrogate pair, which no encoder further on accepts."""
    return text.encode(errors="replace").decode()


def _overlap(text: str, mark: str) -> int:
    """How much of the text's end may be the beginning of the mark."""
    longest = min(len(text), len(mark) - 1)
    return next((n for n in range(longest, 0, -1) if text.endswith(mark[:n])), 0)


def _is_end(body: str) -> bool:
    """Whether a closing mark behind this ends the block: inside of a JSON string it does not.

    Such a string has no line breaks in it; what begins a line is outside of all strings.
    """
    ended = body.rstrip(" \t")
    if not ended.strip() or ended.endswith("\n"):
        return True
    if not ended.endswith(("}", "]")):
        return False
    try:
        json.load(ended)
    except ValueError:
        return False
    return True
