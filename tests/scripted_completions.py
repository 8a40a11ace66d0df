"""A server of raw completions on loopback that says what a test wrote, in the Harmony format."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from tests.scripted_chat import Reply, ScriptedChat


def piece(text: str = "", finish: str | None = None, **fields: Any) -> bytes:
    """One server-sent event of a reply."""
    choice = {"index": 0, "text": text, "finish_reason": finish, **fields}
    value = {"id": "cmpl-1", "object": "text_completion", "choices": [choice]}
    return b"data: " + orjson.dumps(value) + b"\n\n"


def writes(*texts: str, finish: str = "stop") -> Reply:
    """The model writes these texts, special tokens spelled out, and stops; then comes the usage."""
    usage = {"prompt_tokens": 10, "completion_tokens": 5}
    counted = b"data: " + orjson.dumps({"choices": [], "usage": usage}) + b"\n\n"
    pieces = (piece(text) for text in texts)
    return Reply((*pieces, piece(finish=finish), counted, b"data: [DONE]\n\n"))


def says(*texts: str) -> Reply:
    """The model thinks and answers."""
    first, *rest = texts
    thought = "<|channel|>analysis<|message|>Hm.<|end|>"
    return writes(f"{thought}<|start|>assistant<|channel|>final<|message|>{first}", *rest)


def calls(recipient: str, arguments: Mapping[str, Any]) -> Reply:
    """The model calls; the server keeps the token that stopped it."""
    header = f"<|channel|>commentary to={recipient} <|constrain|>json<|message|>"
    return writes(header, orjson.dumps(arguments).decode())


class ScriptedCompletions(ScriptedChat):
    """Answers its requests with the replies in their order; see `ScriptedChat`."""

    path = "/v1/completions"
