"""A conversation in the Harmony format of gpt-oss (openai/harmony, docs/format.md).

Rules kept here:
- the rules for the model (`system`) are ours; the client's instructions are the developer's;
- each call is followed by its own output, as the model was trained, in whatever order both came;
- words before a call are its preamble, on `commentary`; all others are `final`;
- thoughts are shown again only while their turn goes on: those before the last user are dropped;
- there are no pictures in the format: a line of text stands for each.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Literal, assert_never

from limner.core.errors import InvalidRequest
from limner.core.items import (
    FunctionCall,
    FunctionCallOutput,
    ImageCall,
    Item,
    Message,
    Opaque,
    Part,
    Reasoning,
)
from limner.core.turn import FunctionTool, TurnRequest
from limner.wire import json
from limner.wire.harmony_calls import address_of
from limner.wire.harmony_parser import TOKENS
from limner.wire.harmony_tools import functions_text
from limner.wire.picture_words import words_of

Effort = Literal["low", "medium", "high"]

IDENTITY = "You are ChatGPT, a large language model trained by OpenAI."
KNOWLEDGE_CUTOFF = "2024-06"
CHANNELS = (
    "# Valid channels: analysis, commentary, final. Channel must be included for every message."
)
FUNCTIONS_CHANNEL = "Calls to these tools must go to the commentary channel: 'functions'."

_NUMBERS = {f"<|{name}|>": number for number, name in TOKENS.items()}


class Special(str):
    """A special token, such as `<|start|>`; everything else in a prompt is text."""

    __slots__ = ()


START, MESSAGE, CHANNEL = Special("<|start|>"), Special("<|message|>"), Special("<|channel|>")
END, CALL, CONSTRAIN = Special("<|end|>"), Special("<|call|>"), Special("<|constrain|>")

Prompt = tuple[str | Special, ...]


def spell(prompt: Prompt) -> str:
    """The prompt as text, for servers that read special tokens in it.

    What looks like a special token in the text of a user or a tool gets a blank: nobody but us
    opens and closes messages.
    """
    return "".join(
        piece if isinstance(piece, Special) else piece.replace("<|", "< |") for piece in prompt
    )


def tokens_of(prompt: Prompt, encode: Callable[[str], Sequence[int]]) -> list[int]:
    """The prompt as tokens. encode: the tokens of text, in which nothing is special."""
    tokens: list[int] = []
    for piece in prompt:
        tokens += [_NUMBERS[piece]] if isinstance(piece, Special) else encode(piece)
    return tokens


def render_conversation(
    request: TurnRequest, tools: Sequence[FunctionTool], *, effort: Effort, date: str | None
) -> Prompt:
    """The conversation up to the header of the assistant's next message.

    tools: those to declare. date: today, such as `2026-01-31`.
    Raises InvalidRequest when calls and outputs do not pair.
    """
    rules = _system(effort, date, has_functions=bool(tools))
    conversation = _Conversation(request.items)
    prompt = conversation.render()
    instructions = [request.instructions or "", *conversation.instructions]
    developer = _developer(instructions, tools, request.sampling.text_format)
    return (*_message("system", rules), *developer, *prompt, START, "assistant")


def _system(effort: Effort, date: str | None, *, has_functions: bool) -> str:
    lines = [IDENTITY, f"Knowledge cutoff: {KNOWLEDGE_CUTOFF}"]
    if date is not None:
        lines.append(f"Current date: {date}")
    lines += ["", f"Reasoning: {effort}", "", CHANNELS]
    if has_functions:
        lines.append(FUNCTIONS_CHANNEL)
    return "\n".join(lines)


def _developer(
    instructions: Iterable[str], tools: Sequence[FunctionTool], text_format: object
) -> Prompt:
    said = "\n\n".join(filter(None, instructions))
    sections = [f"# Instructions\n\n{said}"] if said else []
    if tools:
        sections.append(functions_text(tools))
    if asked := _response_format(text_format):
        sections.append(asked)
    return _message("developer", "\n\n".join(sections)) if sections else ()


def _response_format(text_format: object) -> str:
    given = text_format if isinstance(text_format, dict) else {}
    match given.get("type"):
        case "json_schema":
            name, about = given.get("name") or "answer", given.get("description")
            comment = f"// {about}\n" if about else ""
            schema = json.dump(given.get("schema")).decode()
            return f"# Response Formats\n\n## {name}\n\n{comment}{schema}"
        case "json_object":
            return "# Response Formats\n\n## answer\n\n// One JSON object and nothing else\n{}"
        case _:
            return ""


def _message(header: str, text: str) -> Prompt:
    return (START, header, MESSAGE, text, END)


def _said(channel: str, text: str) -> Prompt:
    return (START, "assistant", CHANNEL, channel, MESSAGE, text, END)


class _Conversation:
    """Says items one by one. instructions: what leads, of the system's and developer's messages."""

    def __init__(self, items: Sequence[Item]) -> None:
        self._items = items
        self._outputs: dict[str, deque[FunctionCallOutput]] = {}
        self._prompt: list[str | Special] = []
        self.instructions: list[str] = []

    def render(self) -> Prompt:
        users = (at for at, item in enumerate(self._items) if _is_of(item, "user"))
        last_user = max(users, default=-1)
        # Outputs with equal ids answer the calls in their order.
        for item in self._items:
            if isinstance(item, FunctionCallOutput):
                self._outputs.setdefault(item.call_id, deque()).append(item)
        for at, item in enumerate(self._items):
            self._add(item, at, is_current=at > last_user)
        for call_id, orphans in self._outputs.items():
            if orphans:
                raise InvalidRequest(
                    f"No tool call found for function call output with call_id {call_id}.",
                    param="input",
                )
        return tuple(self._prompt)

    def _add(self, item: Item, at: int, *, is_current: bool) -> None:
        match item:
            case Message(role="user"):
                self._prompt += _message("user", _text(item.parts))
            case Message(role="assistant"):
                channel = "commentary" if self._leads_to_call(at) else "final"
                self._prompt += _said(channel, _text(item.parts))
            case Message():
                self._instruct(_text(item.parts))
            case Reasoning(text):
                if is_current and text:
                    self._prompt += _said("analysis", text)
            case FunctionCall():
                self._call(item)
            case FunctionCallOutput():
                pass  # stands after its call
            case ImageCall() | Opaque():
                raise TypeError("an ImageCall must be rewritten to a call and its output first")
            case _:
                assert_never(item)

    def _leads_to_call(self, at: int) -> bool:
        following = self._items[at + 1 : at + 2]
        return any(isinstance(item, FunctionCall) for item in following)

    def _instruct(self, text: str) -> None:
        if self._prompt:
            self._prompt += _message("developer", f"# Instructions\n\n{text}")
        else:
            self.instructions.append(text)

    def _call(self, call: FunctionCall) -> None:
        outputs = self._outputs.get(call.call_id)
        if not outputs:
            raise InvalidRequest(
                f"No tool output found for function call {call.call_id}.", param="input"
            )
        address = address_of(call.name)
        arguments = (CHANNEL, "commentary ", CONSTRAIN, "json", MESSAGE, call.arguments, CALL)
        output = (CHANNEL, "commentary", MESSAGE, _text(outputs.popleft().parts), END)
        self._prompt += (START, f"assistant to={address}", *arguments)
        self._prompt += (START, f"{address} to=assistant", *output)


def _is_of(item: Item, role: str) -> bool:
    return isinstance(item, Message) and item.role == role


def _text(parts: Iterable[Part]) -> str:
    return "\n".join(words_of(part) for part in parts)
