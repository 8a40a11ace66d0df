"""A turn for a model that has no function calling: functions, calls and their results as text.

The instructions say how a call is written, in the form that `prompted_reply` reads; past calls
stand in the assistant's messages in the same form, and what they came to in the user's. Messages of
one role are joined: many templates of such models demand that roles take turns.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import assert_never

from limner.core.arguments import dump
from limner.core.items import (
    FunctionCall,
    FunctionCallOutput,
    ImageCall,
    Item,
    Message,
    Opaque,
    Reasoning,
    TextPart,
)
from limner.core.turn import FunctionTool, NamedChoice, TurnRequest
from limner.wire import json

OPENER, CLOSER = "```tool_call", "```"

_ONE = "Write one block at most in a reply."
_SEVERAL = "Several blocks make several calls."


def render_prompted_request(request: TurnRequest) -> TurnRequest:
    """The same turn in words alone, without functions."""
    rules = _rules(request) if request.tools and request.tool_choice != "none" else ""
    instructions = "\n\n".join(filter(None, (request.instructions, rules)))
    return replace(
        request,
        items=tuple(_joined(_said(request.items))),
        instructions=instructions or None,
        tools=(),
        tool_choice="auto",
    )


def _rules(request: TurnRequest) -> str:
    example = '{"name": "<name of the function>", "arguments": {<its arguments>}}'
    paragraphs = (
        "# Functions",
        "You can call functions. To call one, end your reply with a block of exactly this form:",
        f"{OPENER}\n{example}\n{CLOSER}",
        "Nobody but the function reads the block. Stop behind it: the next message brings the "
        "result. Write no result yourself, and no block where no function is needed. "
        + (_SEVERAL if request.parallel_tool_calls else _ONE),
        "These are the functions, with the JSON schemas of their arguments:",
        "\n".join(map(_declared, request.tools)),
        _demand(request),
    )
    return "\n\n".join(filter(None, paragraphs))


def _demand(request: TurnRequest) -> str:
    match request.tool_choice:
        case NamedChoice(name):
            return f"Your next reply must call {name}: it must end with such a block."
        case "required":
            return "Your next reply must call a function: it must end with such a block."
        case _:
            return ""


def _declared(tool: FunctionTool) -> str:
    told = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    return dump({name: value for name, value in told.items() if value is not None})


def _said(items: Iterable[Item]) -> Iterator[Item]:
    """Calls and results as messages. Thoughts are left out: they belong to calls of their own."""
    names: dict[str, str] = {}
    for item in items:
        match item:
            case FunctionCall(call_id, name, arguments):
                names[call_id] = name
                said = f'{{"name": {json.dump(name).decode()}, "arguments": {arguments or "{}"}}}'
                yield Message("assistant", (TextPart(f"{OPENER}\n{said}\n{CLOSER}"),))
            case FunctionCallOutput(call_id, parts):
                heading = TextPart(f"Result of {names.get(call_id, call_id)}:")
                yield Message("user", (heading, *parts))
            case Reasoning():
                pass
            case Message() | Opaque() | ImageCall():
                yield item
            case _:
                assert_never(item)


def _joined(items: Iterable[Item]) -> Iterator[Item]:
    last: Item | None = None
    for item in items:
        if isinstance(last, Message) and isinstance(item, Message) and last.role == item.role:
            last = replace(last, parts=(*last.parts, *item.parts))
            continue
        if last is not None:
            yield last
        last = item
    if last is not None:
        yield last
