"""The items of a turn as Anthropic's messages (Anthropic API reference, "Create a Message").

Rules kept here, because the API refuses a request that breaks them:
- the roles alternate, a user begins and a user ends; texts hold words;
- a call's result stands in the very next user turn, in front of everything else there;
- ids of calls are unique and, like names, made of few characters;
- thoughts go back as they came, and never end a message.
Messages of the system have one place, outside of the conversation; their pictures, and those of the
assistant, go into the user turn that follows.
"""

from __future__ import annotations

import hashlib
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, assert_never

from limner.core.arguments import dump, parse_arguments
from limner.core.errors import InvalidRequest
from limner.core.items import (
    FunctionCall,
    FunctionCallOutput,
    ImageCall,
    ImagePart,
    Item,
    Message,
    Opaque,
    Part,
    Reasoning,
    RefusalPart,
    TextPart,
)
from limner.wire import json
from limner.wire.anthropic_pictures import PictureAlbum
from limner.wire.anthropic_thoughts import THOUGHTS, unseal

Json = dict[str, Any]

_BEGIN, _GO_ON = "(The conversation begins.)", "(Go on.)"
_NO_OUTPUT = "(no output)"
_NOT_IN_NAME = re.compile(r"[^a-zA-Z0-9_-]")
_MAX_NAME = 64


class AnthropicMessages:
    """system: text blocks. messages: complete. left_out: pictures that have become words.

    Raises InvalidRequest when calls and outputs do not pair.
    """

    def __init__(self, items: Sequence[Item], instructions: str | None, *, vision: bool) -> None:
        self.system: list[Json] = _words(instructions or "")
        self.messages: list[Json] = []
        self._said: list[Json] = []
        self._results: list[Json] = []
        self._lifted: list[Any] = []
        self._used_ids: dict[str, int] = {}
        self._outputs: dict[str, deque[FunctionCallOutput]] = {}
        self._build(items)
        album = PictureAlbum(vision=vision)
        for message in reversed(self.messages):
            album.fill(message["content"])
        self.left_out = album.left_out

    @property
    def is_thoughtless(self) -> bool:
        """Whether the model goes on from results of calls, in a turn begun without a thought.

        Such a turn is all that follows the user's last words: calls, their results, more calls.
        """
        at = len(self.messages) - 1
        if not any(map(_is_result, self.messages[at]["content"])):
            return False
        while all(map(_is_result, self.messages[at - 2]["content"])):
            at -= 2
        return self.messages[at - 1]["content"][0]["type"] not in THOUGHTS

    def _build(self, items: Sequence[Item]) -> None:
        # Some servers number the calls of every turn from the same start: outputs with equal ids
        # answer the calls in their order.
        for item in items:
            if isinstance(item, FunctionCallOutput):
                self._outputs.setdefault(item.call_id, deque()).append(item)
        for item in items:
            self._add(item)
        self._close()
        if not self.messages or self.messages[-1]["role"] == "assistant":
            self._append("user", _words(_GO_ON))
        for call_id, orphans in self._outputs.items():
            if orphans:
                raise InvalidRequest(
                    f"No tool call found for function call output with call_id {call_id}.",
                    param="input",
                )

    def _add(self, item: Item) -> None:
        match item:
            case Message(role="assistant"):
                self._said += self._lift(item.parts, "the assistant")
            case FunctionCall():
                self._call(item)
            case Reasoning():
                if thought := unseal(item.encrypted_content):
                    self._said.append(thought)
            case Message(role="user"):
                self._close()
                self._append("user", [*_blocks(item.parts)])
            case Message():
                self.system += self._lift(item.parts, "the system")
            case FunctionCallOutput():
                self._close()
            case ImageCall() | Opaque():
                raise TypeError(f"{type(item).__name__} must be rewritten or refused first")
            case _:
                assert_never(item)

    def _call(self, call: FunctionCall) -> None:
        outputs = self._outputs.get(call.call_id)
        if not outputs:
            raise InvalidRequest(
                f"No tool output found for function call {call.call_id}.", param="input"
            )
        call_id = self._unique(call.call_id)
        name = sent_name(call.name)
        block = {"type": "tool_use", "id": call_id, "name": name, "input": _input(call.arguments)}
        self._said.append(block)
        content = [*_blocks(outputs.popleft().parts)] or _words(_NO_OUTPUT)
        self._results.append({"type": "tool_result", "tool_use_id": call_id, "content": content})

    def _unique(self, call_id: str) -> str:
        times = self._used_ids.get(call_id, 0)
        self._used_ids[call_id] = times + 1
        if not times and call_id and not _NOT_IN_NAME.search(call_id):
            return call_id
        return f"call_{hashlib.sha256(f'{times} {call_id}'.encode()).hexdigest()[:32]}"

    def _lift(self, parts: Iterable[Part], origin: str) -> list[Json]:
        """Return the words of parts; their pictures go into the next user turn."""
        blocks = [*_blocks(parts)]
        pictures = [block for block in blocks if isinstance(block, ImagePart)]
        if pictures:
            self._lifted += [*_words(f"Pictures of {origin}:"), *pictures]
        return [block for block in blocks if not isinstance(block, ImagePart)]

    def _close(self) -> None:
        """End the assistant's turn with the results of its calls."""
        while self._said and self._said[-1]["type"] in THOUGHTS:
            self._said.pop()
        self._append("assistant", self._said)
        self._append("user", [*self._results, *self._lifted])
        self._said, self._results, self._lifted = [], [], []

    def _append(self, role: str, content: list[Any]) -> None:
        if not content:
            return
        if not self.messages and role == "assistant":
            self._append("user", _words(_BEGIN))
        if self.messages and self.messages[-1]["role"] == role:
            self.messages[-1]["content"] += content
        else:
            self.messages.append({"role": role, "content": content})


def sent_name(name: str) -> str:
    """A function's name as the API takes it."""
    return _NOT_IN_NAME.sub("_", name)[:_MAX_NAME]


def _input(arguments: str) -> Json:
    """A call's arguments as an object; of what cannot be sent, such as halves of characters, none.

    Python reads more than JSON has.
    """
    try:
        given: Json = json.load(dump(parse_arguments(arguments) or {}))
    except (ValueError, RecursionError):
        return {}
    return given


def _blocks(parts: Iterable[Part]) -> Iterator[Any]:
    """Text blocks, and pictures as they are: which of them can be shown is not known yet."""
    for part in parts:
        match part:
            case TextPart(text) | RefusalPart(text):
                yield from _words(text)
            case ImagePart():
                yield part
            case _:
                assert_never(part)


def _words(text: str) -> list[Json]:
    """A text block; none for a text without words."""
    return [{"type": "text", "text": text}] if text.strip() else []


def _is_result(block: Json) -> bool:
    return bool(block["type"] == "tool_result")
