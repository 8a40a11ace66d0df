"""An Anthropic Messages server on loopback that says what a test wrote, and notes what it is asked.

async with ScriptedAnthropic([calls("draw", {"prompt": "a cat"}), says("Here.")]) as server:
    ... server.url ... server.requests[0]["messages"]
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from tests.scripted_chat import Reply, ScriptedChat


def event(kind: str, **fields: Any) -> bytes:
    """One server-sent event."""
    data = orjson.dumps({"type": kind, **fields})
    return b"event: " + kind.encode() + b"\ndata: " + data + b"\n\n"


def block(index: int, start: Mapping[str, Any], *deltas: Mapping[str, Any]) -> tuple[bytes, ...]:
    """One content block from its start to its stop."""
    return (
        event("content_block_start", index=index, content_block=start),
        *(event("content_block_delta", index=index, delta=delta) for delta in deltas),
        event("content_block_stop", index=index),
    )


def text(index: int, *pieces: str) -> tuple[bytes, ...]:
    deltas = ({"type": "text_delta", "text": piece} for piece in pieces)
    return block(index, {"type": "text", "text": ""}, *deltas)


def thought(index: int, words: str, signature: str) -> tuple[bytes, ...]:
    return block(
        index,
        {"type": "thinking", "thinking": "", "signature": ""},
        {"type": "thinking_delta", "thinking": words},
        {"type": "signature_delta", "signature": signature},
    )


def call(index: int, id: str, name: str, arguments: Mapping[str, Any]) -> tuple[bytes, ...]:
    whole = orjson.dumps(arguments).decode()
    halves = whole[: len(whole) // 2], whole[len(whole) // 2 :]
    deltas = ({"type": "input_json_delta", "partial_json": half} for half in halves)
    return block(index, {"type": "tool_use", "id": id, "name": name, "input": {}}, *deltas)


def reply(*blocks: tuple[bytes, ...], stop: str, then: str = "end") -> Reply:
    """A whole message of 10 tokens in and 5 out."""
    message: dict[str, Any] = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 10, "output_tokens": 1},
    }
    delta = {"stop_reason": stop, "stop_sequence": None}
    pieces = (
        event("message_start", message=message),
        event("ping"),
        *(piece for block in blocks for piece in block),
        event("message_delta", delta=delta, usage={"output_tokens": 5}),
        event("message_stop"),
    )
    return Reply(pieces, then=then)


def says(*texts: str) -> Reply:
    """The model writes these texts, one delta each."""
    return reply(text(0, *texts), stop="end_turn")


def calls(name: str, *arguments: Mapping[str, Any], say: str = "") -> Reply:
    """The model calls a function once for each of the arguments, after saying something."""
    said = [text(0, say)] if say else []
    made = [
        call(len(said) + number, f"toolu_{number}", name, value)
        for number, value in enumerate(arguments)
    ]
    return reply(*said, *made, stop="tool_use")


def fails(status: int, kind: str, message: str = "no", **headers: str) -> Reply:
    """The server refuses, in Anthropic's words. Underscores in headers' names stand for dashes."""
    body = orjson.dumps({"type": "error", "error": {"type": kind, "message": message}})
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply((body,), status, {"Content-Type": "application/json", **named})


class ScriptedAnthropic(ScriptedChat):
    """As `ScriptedChat`, on the route of the Messages API."""

    path = "/v1/messages"
