"""The calls of a Chat Completions reply, put together from `delta.tool_calls`.

What servers do, and how it is read:
- a call comes whole or in pieces; its name and id once, or again with every piece;
- parallel calls may all claim index 0, or none has an index: a piece that names a function begins a
  new call when it brings another id, another name, or an object where one is already whole;
- some send a fresh id with every piece: without a name it continues the call;
- ids may be missing, empty or used twice: such a call gets one of ours;
- arguments may be an object instead of its text; text that is not JSON is passed on as it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from limner.core.turn import CallDelta, CallEnded, CallStarted
from limner.wire import json

Json = dict[str, Any]
CallEvent = CallStarted | CallDelta | CallEnded


@dataclass(slots=True)
class _Call:
    """given_id: the server's own, which tells a new call from another piece of this one."""

    key: str
    call_id: str
    given_id: str
    name: str
    pieces: list[str] = field(default_factory=list)

    @property
    def arguments(self) -> str:
        return "".join(self.pieces)


class ChatCalls:
    """All calls of one reply, in the order in which they began.

    id_prefix: begins the ids of calls that came without a usable one.
    """

    def __init__(self, id_prefix: str) -> None:
        self._id_prefix = id_prefix
        self._calls: list[_Call] = []
        self._by_index: dict[int, _Call] = {}
        self._last_index = 0

    @property
    def unnamed(self) -> bool:
        """Whether a call never said which function it means."""
        return not all(call.name for call in self._calls)

    def take(self, entry: Json) -> Iterable[CallEvent]:
        """Read one entry of `delta.tool_calls`."""
        given = entry.get("function")
        function = given if isinstance(given, dict) else {}
        name, given_id = _string(function.get("name")), _string(entry.get("id"))
        arguments = _arguments(function.get("arguments"))
        index = entry.get("index")
        self._last_index = index if isinstance(index, int) else self._last_index
        call = self._by_index.get(self._last_index)
        if call is None or _begins_another(call, name, given_id, arguments):
            call = self._open(name, given_id)
            if name:
                yield CallStarted(call.key, call.call_id, name)
        elif name and not call.name:
            call.name = name
            yield CallStarted(call.key, call.call_id, name)
            if call.pieces:
                yield CallDelta(call.key, call.arguments)
        if arguments:
            call.pieces.append(arguments)
            if call.name:
                yield CallDelta(call.key, arguments)

    def end(self) -> Iterable[CallEvent]:
        """The reply is over, and so is every call. Those without arguments get an empty object."""
        for call in self._calls:
            if not call.pieces:
                yield CallDelta(call.key, "{}")
            yield CallEnded(call.key, call.arguments or "{}")

    def _open(self, name: str, given_id: str) -> _Call:
        number = len(self._calls)
        taken = {call.call_id for call in self._calls}
        unusable = not given_id or given_id in taken
        call_id = f"{self._id_prefix}_{number}" if unusable else given_id
        call = _Call(f"call_{number}", call_id, given_id, name)
        self._calls.append(call)
        self._by_index[self._last_index] = call
        return call


def _begins_another(call: _Call, name: str, given_id: str, arguments: str) -> bool:
    if not name or not call.name:
        return False
    if given_id and call.given_id:
        return given_id != call.given_id
    if name != call.name:
        return True
    return arguments.lstrip().startswith("{") and _is_whole(call.arguments)


def _is_whole(arguments: str) -> bool:
    try:
        return isinstance(json.load(arguments), dict)
    except ValueError:
        return False


def _string(value: object) -> str:
    return value if isinstance(value, str) else ""


def _arguments(value: object) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return json.dump(value).decode()
