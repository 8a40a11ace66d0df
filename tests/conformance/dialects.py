"""What a scripted model does, in words that hold for every kind of upstream, and the writers that
say it in each dialect."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, assert_never

import orjson

from tests import scripted_anthropic as anthropic
from tests import scripted_chat as chat
from tests import scripted_completions as harmony
from tests import scripted_responses as responses
from tests.conformance.judges import (
    judge_anthropic,
    judge_chat,
    judge_harmony,
    judge_prompted,
    judge_responses,
)
from tests.scripted_chat import Reply, ScriptedChat

_OVERLOADED = {"type": "overloaded_error", "message": "Overloaded."}
_ERROR = b"event: error\ndata: %s\n\n" % orjson.dumps(
    {"type": "error", "code": "overloaded_error", "message": "Overloaded.", "error": _OVERLOADED}
)
"""Says it in the words of all dialects at once."""

Json = Mapping[str, Any]
Call = tuple[str, Mapping[str, Any]]
"""A function's name and its arguments."""


@dataclass(frozen=True, slots=True)
class Says:
    """The model answers in words, one delta for each text."""

    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Calls:
    """The model calls functions in one reply, or in as many as the dialect needs for them.

    say: words before them. is_forced: the request left no other choice.
    """

    calls: tuple[Call, ...]
    say: str = ""
    is_forced: bool = False


@dataclass(frozen=True, slots=True)
class Breaks:
    """A reply that does not come as it should.

    how: `cut` (the line breaks), `hang`, `error` (an event that says so), `garbage` (one that is no
    JSON, and then the rest); `silence` hangs before its first byte, and `crumbs` is whole, but
    comes byte by byte.
    """

    reply: Says | Calls
    how: Literal["cut", "hang", "error", "garbage", "silence", "crumbs"]


@dataclass(frozen=True, slots=True)
class Serves:
    """The server answers something that is of no dialect."""

    body: bytes
    status: int
    headers: Mapping[str, str]


Deed = Says | Calls | Breaks | Serves


def _names_a_tool(request: Json) -> bool:
    choice = request.get("tool_choice")
    return isinstance(choice, dict) and choice["type"] in ("function", "tool")


def _begins_the_call(request: Json) -> bool:
    prompt: str = request["prompt"]
    return "to=functions." in prompt.rpartition("<|start|>")[2]


def _demands_a_call(request: Json) -> bool:
    first: Json = request["messages"][0]
    return first["role"] == "system" and "Your next reply must call" in first["content"]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of upstream. server: its double; None where there is no server to ask.

    speaks: its dialect, where that is not its name. tools: how it calls functions.
    judge: of its requests. sees: whether the model is shown pictures. is_forced: whether a request
    demands a call.
    """

    name: str
    server: type[ScriptedChat] | None
    calls: Callable[[Calls], list[Reply]] = lambda _: []
    says: Callable[..., Reply] = chat.says
    judge: Callable[[Json], None] = lambda _: None
    sees: bool = True
    is_forced: Callable[[Json], bool] = _names_a_tool
    speaks: str = ""
    tools: Literal["auto", "prompted"] = "auto"

    def script(self, deeds: Iterable[Deed]) -> list[Reply]:
        """The replies of the double, in their order."""
        return [reply for deed in deeds for reply in self._replies(deed)]

    def _replies(self, deed: Deed) -> list[Reply]:
        match deed:
            case Says(texts):
                return [self.says(*texts)]
            case Calls():
                return self.calls(deed)
            case Breaks(reply, how):
                *before, last = self._replies(reply)
                return [*before, _broken(last, how)]
            case Serves(body, status, headers):
                return [Reply((body,), status, headers)]
            case _:
                assert_never(deed)


def _broken(reply: Reply, how: str) -> Reply:
    half = len(reply.pieces) // 2
    first, rest = reply.pieces[:half], reply.pieces[half:]
    match how:
        case "error":
            return replace(reply, pieces=(*first, _ERROR))
        case "garbage":
            return replace(reply, pieces=(*first, b'data: {"half an event\n\n', *rest))
        case "crumbs":
            return replace(reply, pieces=tuple(bytes([byte]) for byte in b"".join(reply.pieces)))
        case "silence":
            return replace(reply, pieces=(), then="hang")
        case _:
            return replace(reply, pieces=first, then=how)


def _chat_calls(deed: Calls) -> list[Reply]:
    pieces = [chat.chunk(content=deed.say)] if deed.say else []
    for index, (name, arguments) in enumerate(deed.calls):
        function = {"name": name, "arguments": orjson.dumps(arguments).decode()}
        call = {"index": index, "id": f"call_{index}", "type": "function", "function": function}
        pieces.append(chat.chunk(tool_calls=[call]))
    return [Reply((*pieces, *chat.end_of("tool_calls")))]


def _prompted_calls(deed: Calls) -> list[Reply]:
    """The model writes its calls into its text, of which a few letters come at a time."""
    blocks = [
        f'```tool_call\n{{"name": "{name}", "arguments": {orjson.dumps(arguments).decode()}}}\n```'
        for name, arguments in deed.calls
    ]
    text = "\n".join(filter(None, (deed.say, *blocks)))
    return [chat.says(*(text[at : at + 5] for at in range(0, len(text), 5)))]


def _anthropic_calls(deed: Calls) -> list[Reply]:
    said = [anthropic.text(0, deed.say)] if deed.say else []
    made = [
        anthropic.call(index, f"toolu_{index}", name, arguments)
        for index, (name, arguments) in enumerate(deed.calls, len(said))
    ]
    return [anthropic.reply(*said, *made, stop="tool_use")]


def _responses_calls(deed: Calls) -> list[Reply]:
    said = [responses.message(0, deed.say)] if deed.say else []
    made = [
        responses.call(index, name, arguments)
        for index, (name, arguments) in enumerate(deed.calls, len(said))
    ]
    return [responses.reply(*(piece for item in (*said, *made) for piece in item))]


def _harmony_says(first: str, *rest: str) -> Reply:
    return harmony.writes(f"<|channel|>final<|message|>{first}", *rest)


def _harmony_calls(deed: Calls) -> list[Reply]:
    """One call is all that a reply holds. A forced one was begun for the model."""
    if deed.is_forced:
        ((_, arguments),) = deed.calls
        return [harmony.writes(orjson.dumps(arguments).decode())]
    made = [harmony.calls(f"functions.{name}", arguments) for name, arguments in deed.calls]
    if deed.say:
        preamble = f"<|channel|>commentary<|message|>{deed.say}<|end|><|start|>assistant"
        first, *rest = made
        return [replace(first, pieces=(harmony.piece(preamble), *first.pieces)), *rest]
    return made


KINDS = (
    Kind("chat", chat.ScriptedChat, _chat_calls, chat.says, judge_chat),
    Kind(
        "responses",
        responses.ScriptedResponses,
        _responses_calls,
        responses.says,
        judge_responses,
    ),
    Kind(
        "anthropic",
        anthropic.ScriptedAnthropic,
        _anthropic_calls,
        anthropic.says,
        judge_anthropic,
    ),
    Kind(
        "harmony",
        harmony.ScriptedCompletions,
        _harmony_calls,
        _harmony_says,
        judge_harmony,
        sees=False,
        is_forced=_begins_the_call,
    ),
    Kind(
        "prompted",
        chat.ScriptedChat,
        _prompted_calls,
        chat.says,
        judge_prompted,
        is_forced=_demands_a_call,
        speaks="chat",
        tools="prompted",
    ),
    Kind("intent", None, sees=False),
)
