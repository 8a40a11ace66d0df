"""A server of the Responses API on loopback that says what a test wrote; see `scripted_chat`.

async with ScriptedResponses([calls("draw", {"prompt": "a cat"}), says("Here it is.")]) as server:
    ... server.url ... server.requests[0]["input"]
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import Any

import orjson

from tests.scripted_chat import Reply, ScriptedChat, fails

__all__ = ["Reply", "ScriptedResponses", "calls", "event", "fails", "item", "reply", "says"]

USAGE = {
    "input_tokens": 10,
    "input_tokens_details": {"cached_tokens": 2},
    "output_tokens": 5,
    "output_tokens_details": {"reasoning_tokens": 1},
    "total_tokens": 15,
}


def event(type_: str, **fields: Any) -> bytes:
    """One server-sent event, without a sequence number."""
    body = orjson.dumps({"type": f"response.{type_}", **fields})
    return f"event: response.{type_}\n".encode() + b"data: " + body + b"\n\n"


def item(
    index: int, value: Mapping[str, Any], *inside: tuple[str, Mapping[str, Any]]
) -> list[bytes]:
    """An item from its start to its end. inside: its events, each a type and its fields."""
    place = {"item_id": value["id"], "output_index": index}
    bare = {"content": [], "arguments": ""}
    empty = {name: nothing for name, nothing in bare.items() if name in value}
    started = {**value, **empty, "status": "in_progress"}
    return [
        event("output_item.added", output_index=index, item=started),
        *(event(type_, **place, **fields) for type_, fields in inside),
        event("output_item.done", output_index=index, item=value),
    ]


def message(index: int, *texts: str) -> list[bytes]:
    part = {"type": "output_text", "text": "".join(texts), "annotations": []}
    value: dict[str, Any] = {"id": f"msg_up_{index}", "type": "message", "role": "assistant"}
    value |= {"status": "completed", "content": [part]}
    deltas = [("output_text.delta", {"content_index": 0, "delta": text}) for text in texts]
    done = ("output_text.done", {"content_index": 0, "text": "".join(texts)})
    return item(index, value, *deltas, done)


def call(index: int, name: str, arguments: Mapping[str, Any]) -> list[bytes]:
    text = orjson.dumps(arguments).decode()
    value = {"id": f"fc_up_{index}", "type": "function_call", "status": "completed"}
    value |= {"call_id": f"call_{index}", "name": name, "arguments": text}
    halves = text[: len(text) // 2], text[len(text) // 2 :]
    deltas = [("function_call_arguments.delta", {"delta": half}) for half in halves]
    return item(index, value, *deltas, ("function_call_arguments.done", {"arguments": text}))


def reply(*pieces: bytes, end: str = "completed", then: str = "end", **response: Any) -> Reply:
    """A reply from its start to its end. end: the last event; empty for none."""
    begun = {"id": "resp_up", "object": "response", "status": "in_progress", "output": []}
    last = {**begun, "status": end, "usage": USAGE, **response}
    lifecycle = [event("created", response=begun), event("in_progress", response=begun)]
    ended = [event(end, response=last)] if end else []
    return Reply((*lifecycle, *pieces, *ended), then=then)


def says(*texts: str) -> Reply:
    """The model writes these texts, one delta each."""
    return reply(*message(0, *texts))


def calls(name: str, *arguments: Mapping[str, Any], say: str = "") -> Reply:
    """The model calls a function once for each of the arguments, after saying something."""
    places = count()
    said = message(next(places), say) if say else []
    pieces = [piece for value in arguments for piece in call(next(places), name, value)]
    return reply(*said, *pieces)


class ScriptedResponses(ScriptedChat):
    """As `ScriptedChat`, on the route of the Responses API."""

    path = "/v1/responses"
