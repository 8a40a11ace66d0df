"""The content blocks of an Anthropic Messages reply, put together from their deltas.

They are kept whole and as they came, since the server may want them back; what of them concerns the
turn comes out as events:
- a block of thinking ends with a seal, so that it can be sent back as it was;
- what a server's own tools did is not shown;
- a call whose arguments are no JSON is ended with the reply, where it is known whether it was cut;
- servers that do not stream a block begin it with everything that it holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from limner.core.turn import (
    CallDelta,
    CallEnded,
    CallStarted,
    ReasoningDelta,
    ReasoningSealed,
    TextDelta,
)
from limner.wire import json
from limner.wire.anthropic_thoughts import THOUGHTS, seal
from limner.wire.reply_body import BrokenReplyError

Json = dict[str, Any]
BlockEvent = TextDelta | ReasoningDelta | ReasoningSealed | CallStarted | CallDelta | CallEnded

# Kinds of deltas, and which of their fields is a piece of the block.
_PIECES = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "partial_json"}


@dataclass(slots=True)
class _Block:
    """A block under way. key: of a call. pieces: of its text, its thought or its input."""

    value: Json
    key: str = ""
    pieces: list[str] = field(default_factory=list)

    @property
    def kind(self) -> object:
        return self.value.get("type")

    @property
    def is_call(self) -> bool:
        return self.kind == "tool_use"

    @property
    def joined(self) -> str:
        return "".join(self.pieces)


class AnthropicBlocks:
    """All blocks of one reply. Raises BrokenReplyError for what cannot be put together.

    id_prefix: begins the ids of calls that came without a usable one.
    content: the blocks in their order, whole once they have ended.
    """

    def __init__(self, id_prefix: str) -> None:
        self._id_prefix = id_prefix
        self._open: dict[object, _Block] = {}
        self._call_ids: set[str] = set()
        self._broken: list[CallEnded] = []
        self.content: list[Json] = []

    @property
    def has_calls(self) -> bool:
        return bool(self._call_ids)

    def start(self, index: object, value: Json) -> Iterator[BlockEvent]:
        """Read `content_block_start`."""
        yield from self.stop(index)
        block = self._open[index] = _Block(value)
        self.content.append(value)
        if block.is_call:
            yield self._start_call(block)
        elif block.kind in ("text", "thinking"):
            yield from self._piece(block, value.get(str(block.kind)))

    def add(self, index: object, delta: Json) -> Iterator[BlockEvent]:
        """Read `content_block_delta`."""
        block = self._open.get(index)
        if block is None:
            raise BrokenReplyError("sent a piece of a content block that it had not begun")
        kind = delta.get("type")
        if kind == "signature_delta":
            block.value["signature"] = delta.get("signature")
        elif kind == "citations_delta":
            block.value["citations"] = [
                *(block.value.get("citations") or ()),
                delta.get("citation"),
            ]
        elif isinstance(kind, str) and kind in _PIECES:
            yield from self._piece(block, delta.get(_PIECES[kind]))

    def stop(self, index: object) -> Iterator[BlockEvent]:
        """Read `content_block_stop`; one that stops nothing says nothing."""
        block = self._open.pop(index, None)
        if block is None:
            return
        if block.is_call:
            yield from self._stop_call(block)
        elif block.kind in ("text", "thinking"):
            block.value[str(block.kind)] = block.joined
        elif block.pieces:
            block.value["input"] = _loads(block.joined) or {}
        if block.kind in THOUGHTS:
            yield ReasoningSealed(seal(block.value))

    def end(self, *, is_cut: bool) -> Iterator[BlockEvent]:
        """The reply is over, and so is every block but the one in which it was cut."""
        for index, block in list(self._open.items()):
            if not (is_cut and block.kind in THOUGHTS):
                yield from self.stop(index)
        if not is_cut:
            yield from self._broken

    def _piece(self, block: _Block, piece: object) -> Iterator[BlockEvent]:
        if not isinstance(piece, str) or not piece:
            return
        block.pieces.append(piece)
        match block.kind:
            case "text":
                yield TextDelta(piece)
            case "thinking":
                yield ReasoningDelta(piece)
            case "tool_use":
                yield CallDelta(block.key, piece)

    def _start_call(self, block: _Block) -> CallStarted:
        name, call_id = block.value.get("name"), block.value.get("id")
        if not isinstance(name, str) or not name:
            raise BrokenReplyError("called a function without naming it")
        block.key = f"call_{len(self._call_ids)}"
        if not isinstance(call_id, str) or not call_id or call_id in self._call_ids:
            call_id = f"{self._id_prefix}_{len(self._call_ids)}"
        self._call_ids.add(call_id)
        return CallStarted(block.key, call_id, name)

    def _stop_call(self, block: _Block) -> Iterator[BlockEvent]:
        if not block.pieces:
            given = json.dump(block.value.get("input") or {}).decode()
            yield from self._piece(block, given)
        ended = CallEnded(block.key, block.joined)
        if _loads(block.joined) is None:
            self._broken.append(ended)
        else:
            yield ended


def _loads(text: str) -> object:
    try:
        return json.load(text)
    except ValueError:
        return None
